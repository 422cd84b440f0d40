"""Files that go wrong: the reason is clear, the good rows are kept, memory stays bounded."""

from __future__ import annotations

import json
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from optiq.errors import InputError
from warehouse.home import Home
from warehouse.ingest import ingest_priors, ingest_statistics, ingest_traces
from warehouse.ingestion.chunks import read_chunks
from warehouse.query import query
from warehouse.refresh import refresh


def reasons(home: Home) -> dict[int, str]:
    refresh(home, full_gate=False)
    return dict(query(home.perfdb, "select row_number, reason from quarantine order by row_number").rows())


def test_bom_crlf_quotes_and_blank_lines_are_fine(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "a folder with 'quotes'"
    folder.mkdir()
    path = folder / 'my "priors".csv'
    path.write_bytes('\ufeffmodel,qoa,source\r\n"a",0.5,"line one\r\nline two"\r\n\r\nb,0.25,x\r\n'.encode())
    report = ingest_priors(home, [path])
    assert (report.n_landed, report.n_quarantined) == (2, 0)
    refresh(home, full_gate=False)
    assert query(home.perfdb, "select value from priors where model = 'b'")["value"][0] == 0.25


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_line_separators_in_a_cell_leave_contents_with_their_rows(
    home: Home, tmp_path: Path, suffix: str
) -> None:
    odd = "one\u2028two\u2029three\x85four\x0cfive"
    rows = [("a", 7, odd), ("b", 0.5, odd), ("c", 8, "plain"), ("d", 9, odd)]
    path = tmp_path / f"priors.{suffix}"
    if suffix == "csv":
        path.write_text("model,qoa,source\n" + "".join(f'{m},{q},"{s}"\n' for m, q, s in rows))
    else:
        keys = ("model", "qoa", "source")
        lines = (json.dumps(dict(zip(keys, row, strict=True)), ensure_ascii=False) for row in rows)
        path.write_text("\n".join(lines))
    assert ingest_priors(home, [path]).n_landed == 1
    refresh(home, full_gate=False)
    kept = query(home.perfdb, "select row_number, content from quarantine order by row_number").rows()
    assert [(number, json.loads(content)["model"]) for number, content in kept] == [
        (1, "a"),
        (3, "c"),
        (4, "d"),
    ]
    assert json.loads(kept[0][1])["source"] == odd


def test_other_encodings_cost_their_own_rows(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes("model,qoa,source\na,0.5,ok\nb,0.5,caf\xe9\nc,0.5,ok\n".encode("latin-1"))
    assert ingest_priors(home, [path]).n_landed == 2
    assert reasons(home) == {2: "the row is not UTF-8 text"}
    (tmp_path / "wide.csv").write_text("model,qoa\na,0.5\n", encoding="utf-16")
    with pytest.raises(InputError, match=r"is UTF-16 text\. Save it as UTF-8"):
        ingest_priors(home, [tmp_path / "wide.csv"])


def test_shifted_and_unclosed_rows_cost_only_themselves(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "shifted.csv"
    path.write_text('model,qoa,source\na,0.5,ok\nb,x,0.5,ok\nc,0.5\nd,"0.5"x,ok\ne,0.5,ok\nf,"0.5,ok\n')
    assert ingest_priors(home, [path]).n_landed == 2
    found = reasons(home)
    assert sorted(found) == [2, 3, 4, 6]
    assert found[2] == "the row has 4 cells, the header has 3: are its cells shifted?"
    assert all("not valid CSV" in found[row] for row in (4, 6))


def test_a_single_line_of_100_mb_is_not_read_whole(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    with path.open("w") as file:
        file.write('{"model": "a", "qoa": 0.5}\n{"model": "')
        for _ in range(100):
            file.write("x" * 1_000_000)
        file.write('"}\n{"model": "b", "qoa": 0.5}')
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert ingest_priors(home, [path]).n_landed == 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000
    assert "characters; 16,777,216 are read at most" in reasons(home)[2]


def test_a_file_of_one_endless_line_leaves_a_reason(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "endless.jsonl"
    path.write_text("x" * 20_000_000)
    report = ingest_traces(home, [path])
    assert (report.n_landed, report.n_quarantined) == (0, 1)
    assert list(reasons(home)) == [1]
    assert ingest_traces(home, [path]).unchanged == [str(path)]


def truncated(path: Path) -> None:
    pl.DataFrame({"model": ["a"] * 1000, "qoa": [0.5] * 1000}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:300])


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("priors.csv", "model,qoa\na,0.5\n")


@pytest.mark.parametrize(
    ("name", "make", "says"),
    [
        ("cut.parquet", truncated, "is not a valid Parquet file"),
        ("zip.parquet", zipped, "is not a valid Parquet file"),
        ("zip.csv", zipped, "is a compressed archive"),
        ("empty.csv", lambda path: path.write_text(""), "is empty"),
        (
            "binary.csv",
            lambda path: path.write_bytes(bytes(range(1, 256)) * 10),
            "no column 'model'|not UTF-8",
        ),
        ("twice.csv", lambda path: path.write_text("model,qoa,qoa\na,1,1\n"), "two columns 'qoa'"),
        ("priors.ods", lambda path: path.write_text("x"), "has unknown suffix '.ods'"),
        ("none.csv", lambda path: None, "no file"),
    ],
)
def test_files_that_cannot_be_used_are_named_with_a_remedy(
    home: Home, tmp_path: Path, name: str, make: Callable[[Path], object], says: str
) -> None:
    path = tmp_path / name
    make(path)
    with pytest.raises(InputError, match=says) as caught:
        ingest_priors(home, [path])
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy
    assert list(home.landing.iterdir()) == []


def test_a_parquet_file_damaged_inside_keeps_what_could_be_read(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "harmed.parquet"
    count = 60_000
    frame = pl.DataFrame(
        {"topic": [f"t{i}" for i in range(count)], "plan": ["phi4:14b"] * count, "qoa": [0.5] * count}
    )
    frame.write_parquet(path, row_group_size=20_000, compression="uncompressed", statistics=False)
    content = bytearray(path.read_bytes())
    start = len(content) * 2 // 5
    for i in range(start, start + 2_000):
        content[i] ^= 0xFF
    path.write_bytes(content)
    report = ingest_statistics(home, [path])
    assert report.n_landed >= 20_000
    assert report.n_landed < count


def test_numbers_as_text_are_numbers(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "text.jsonl"
    rows = [
        {"plan": "phi4:14b", "topic": "x", "qoa": " 0.5 ", "latency_s": "1e1"},
        {"plan": "phi4:14b", "topic": "y", "qoa": "1,5"},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert ingest_statistics(home, [path]).n_landed == 1
    assert reasons(home) == {
        2: "qoa is '1,5', not a number: write a decimal point, and nothing between thousands"
    }


def test_files_with_too_many_columns_are_refused_at_once(home: Home, tmp_path: Path) -> None:
    names = [f"c{i}" for i in range(200_000)]
    files = {"wide.csv": ",".join(names) + "\n" + ",".join("1" * len(names)) + "\n"}
    files["wide.jsonl"] = json.dumps(dict.fromkeys(names[:3_000], 1)) + "\n"
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    pl.DataFrame({key: [1] for key in names[:3000]}).write_parquet(tmp_path / "wide.parquet")
    for path in sorted(tmp_path.glob("wide.*")):
        with pytest.raises(InputError, match=r"2,000 are read at most"):
            ingest_traces(home, [path])


def test_a_small_parquet_file_of_long_texts_is_unpacked_a_piece_at_a_time(tmp_path: Path) -> None:
    long = "x" * 20_000
    frame = pl.DataFrame({"model": pl.repeat(long, 3_000, eager=True), "qoa": [0.5] * 3_000})
    path = tmp_path / "long.parquet"
    frame.write_parquet(path)
    assert path.stat().st_size < 20_000
    sizes = [len(chunk.numbers) for chunk in read_chunks(path)]
    assert sizes == [2_000, 1_000]
    numbers = [number for chunk in read_chunks(path) for number in chunk.numbers]
    assert numbers == list(range(1, 3_001))


def test_what_unpacks_to_too_much_or_is_too_deep_is_refused(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "long.parquet"
    pl.DataFrame({"model": pl.repeat("x" * 200_000, 1_000, eager=True), "qoa": [0.5] * 1_000}).write_parquet(
        path
    )
    with pytest.raises(InputError, match="unpacks to 200,000,000, too much for its size"):
        ingest_priors(home, [path])
    (tmp_path / "deep.jsonl").write_text(
        '{"model": ' + "[" * 100 + "]" * 100 + '}\n{"model": "a", "qoa": 0.5}\n'
    )
    assert ingest_priors(home, [tmp_path / "deep.jsonl"]).n_landed == 1
    assert reasons(home) == {1: "the line is nested more than 64 deep"}
