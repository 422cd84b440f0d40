#!/usr/bin/env bash
# Polars 2.1.0 with DuckDB 2.0.0 and PyArrow 26.0.1: JSON and UUIDs that a database writes to Parquet are bytes.
# Expected: a column that Parquet itself marks as JSON text is text, and one that it marks as UUIDs reads as UUIDs do; by
#           read_parquet and by from_arrow alike.
# Seen: read_parquet gives Binary for both and says nothing of the marks. from_arrow gives Binary for the UUIDs, and for the
#       JSON an extension type that cannot be cast to text, though its storage is text.
# Hurts: question files exported from a database: ids are 16 bytes, no text in UTF-8, so that every row is refused; options
#        or reference answers in a JSON column are no list any more.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check polars==2.1.0 duckdb==2.0.0 pyarrow==26.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import duckdb
import polars
import pyarrow.parquet

ID = "6b6f0b3e-0000-4000-8000-000000000001"
duckdb.sql(f"""copy (select '["whale", "shark"]'::json as options, '{ID}'::uuid as id) to 'table.parquet'""")
marks = [str(column.logical_type) for column in map(pyarrow.parquet.ParquetFile("table.parquet").schema.column, (0, 1))]
read = polars.read_parquet("table.parquet")
arrow = polars.from_arrow(pyarrow.parquet.read_table("table.parquet"))
try:
    cast = str(arrow["options"].cast(polars.String)[0])
except polars.exceptions.ComputeError as fault:
    cast = str(fault)
print("polars", polars.__version__, "duckdb", duckdb.__version__, "pyarrow", pyarrow.__version__)
print("Parquet says:", *marks)
print("read_parquet:", *read.dtypes, read.row(0))
print("from_arrow:  ", *arrow.dtypes, "- as text:", cast)
assert marks == ["JSON", "UUID"]
assert read.dtypes == [polars.Binary, polars.Binary], "they are text now"
assert "arrow.json" in str(arrow.dtypes[0])
assert cast == "cannot cast extension types to String", "it can be cast now"
PYTHON
