"""Tables survive a round trip; faulty files are named with their line and a remedy."""

import datetime as dt
import gzip
import json
import os
import stat

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from optiq.errors import InputError
from optiq.files.atomic import replacing
from optiq.files.tables import check_suffix, check_writable, read_records, read_table, write_table

NESTED = pl.DataFrame(
    {
        "id": ["007", "8", None],
        "options": [["Oslo", 'a "b", c'], [], None],
        "calls": [[{"node": 0, "output": "one\ntwo\u2028three"}], [], [{"node": 1, "output": None}]],
        "cost_usd": [0.25, None, 1e-6],
    }
)


def write(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(path):
    with pytest.raises(InputError) as caught:
        read_table(path)
    assert caught.value.remedy
    assert str(path) in caught.value.message
    return str(caught.value)


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".ndjson", ".json", ".PARQUET"])
def test_typed_formats_give_back_what_was_written(tmp_path, suffix):
    write_table(NESTED, tmp_path / f"table{suffix}")
    assert_frame_equal(read_table(tmp_path / f"table{suffix}"), NESTED)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".ndjson", ".json", ".JSON"])
def test_text_that_gzip_packed_is_read_as_what_is_inside(tmp_path, suffix):
    write_table(NESTED, tmp_path / f"table{suffix}")
    packed = tmp_path / f"table{suffix}.gz"
    packed.write_bytes(gzip.compress((tmp_path / f"table{suffix}").read_bytes()))
    assert_frame_equal(read_table(packed), read_table(tmp_path / f"table{suffix}"))
    assert records(read_records(packed)) == records(read_records(tmp_path / f"table{suffix}"))


def records(rows):
    return json.dumps(rows, sort_keys=True)


def test_what_gzip_packed_is_refused_where_it_is_cut_off_swells_or_hides_behind_another_name(tmp_path):
    whole = gzip.compress(b"question\n" + b"".join(b"What is %d?\n" % n for n in range(1000)))
    assert "cannot be unpacked" in refused(write(tmp_path, "cut.csv.gz", whole[:-100]))
    assert "not UTF-8 text" in refused(write(tmp_path, "named.csv", whole))
    assert "unknown suffix '.gz'" in refused(write(tmp_path, "table.parquet.gz", whole))
    assert "unknown suffix '.gz'" in refused(write(tmp_path, "table.gz", whole))
    swelling = gzip.compress(b"question\n" + b"a" * 101_000_000, compresslevel=1)
    assert "too much for its size" in refused(write(tmp_path, "swelling.csv.gz", swelling))
    with pytest.raises(InputError, match=r"unknown suffix '\.gz'"):
        write_table(NESTED, tmp_path / "out.csv.gz")


def test_csv_gives_back_text_with_json_in_cells(tmp_path):
    write_table(NESTED, tmp_path / "table.csv")
    back = read_table(tmp_path / "table.csv")
    assert set(back.dtypes) == {pl.String}
    assert back["id"].to_list() == ["007", "8", None]
    assert back["cost_usd"].to_list() == ["0.25", None, "1e-6"]
    for name in ("options", "calls"):
        assert [cell and json.loads(cell) for cell in back[name]] == NESTED[name].to_list()


@given(
    st.lists(
        st.tuples(*[st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1)] * 2),
        min_size=1,
    )
)
def test_any_text_survives_csv(tmp_path_factory, rows):
    rows = [(a or "x", b) for a, b in rows]
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    frame = pl.DataFrame(rows, schema={"a": pl.String, "b": pl.String}, orient="row")
    write_table(frame, path)
    assert_frame_equal(read_table(path), frame)


def test_missing_figures_are_empty_not_nan(tmp_path):
    moment = dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
    frame = pl.DataFrame({"cost_usd": [float("nan"), None, 0.5], "at": [moment] * 3})
    for suffix in (".csv", ".jsonl", ".json"):
        path = tmp_path / f"table{suffix}"
        write_table(frame, path)
        assert "nan" not in path.read_text().lower()
        assert read_table(path)["at"][0] == "2026-01-02T03:04:05.000006+00:00"


def test_byte_order_mark_and_line_ends_of_windows(tmp_path):
    text = '\ufeffquestion,topic\r\n"Who?\nReally, who?",a\r\nWhat?,\r\n'
    table = read_table(write(tmp_path, "q.csv", text))
    assert table.rows() == [("Who?\nReally, who?", "a"), ("What?", None)]
    table = read_table(
        write(tmp_path, "q.jsonl", '\ufeff{"question": "Who?"}\r\n\r\n{"question": "What?"}\r\n')
    )
    assert table["question"].to_list() == ["Who?", "What?"]


def test_spreadsheet_habits(tmp_path):
    table = read_table(write(tmp_path, "q.csv", ' question ,topic,,\nWho?,"a b",,\n\nWhat is 5" long?\n,,\n'))
    assert table.columns == ["question", "topic", "column_3", "column_4"]
    assert table["question"].to_list() == ["Who?", 'What is 5" long?', None]


def test_a_blank_line_is_an_empty_cell_where_there_is_one_column(tmp_path):
    table = read_table(write(tmp_path, "q.csv", "question\nWho?\n\nWhat?\n\n\n"))
    assert table["question"].to_list() == ["Who?", None, "What?"]


def test_header_without_rows(tmp_path):
    assert read_table(write(tmp_path, "q.csv", "question,topic\n")).shape == (0, 2)


def test_long_cells_are_read(tmp_path):
    assert read_table(write(tmp_path, "q.csv", "question\n" + "x" * 300_000)).item() == "x" * 300_000


def test_json_values_of_several_types_become_text(tmp_path):
    lines = '{"id": 7, "o": ["a"], "n": 1}\n{"id": "007", "o": "b", "n": 2.5}\n'
    table = read_table(write(tmp_path, "q.jsonl", lines))
    assert table["id"].to_list() == ["7", "007"]
    assert table["o"].to_list() == ['["a"]', "b"]
    assert table["n"].to_list() == [1.0, 2.5]


def test_late_fields_and_nan_in_json_lines_are_kept(tmp_path):
    lines = ['{"a": 1}'] * 200 + [
        '{"a": NaN, "late": {"b": 1}}',
        '{"a": true, "late": {"c": 2.5}}',
        '{"late": null}',
    ]
    table = read_table(write(tmp_path, "q.jsonl", "\n".join(lines)))
    assert table["a"].to_list()[198:] == ["1", "1", "NaN", "true", None]
    assert table["late"].to_list()[200:] == [{"b": 1, "c": None}, {"b": None, "c": 2.5}, None]


def test_columns_stay_typed_beside_one_that_is_mixed(tmp_path):
    table = read_table(
        write(tmp_path, "q.json", '[{"a": true, "b": [1]}, {"a": 2, "c": null}, {"b": [2.5]}]')
    )
    assert table.schema == {"a": pl.String, "b": pl.List(pl.Float64), "c": pl.Null}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("q.ods", "x", ["unknown suffix '.ods'", ".csv, .tsv, .jsonl, .ndjson, .json, .parquet, .xlsx"]),
        ("q", "x", ["no suffix", ".csv"]),
        ("q.csv", "", ["is empty"]),
        ("q.csv", "\ufeff\n\n", ["is empty"]),
        ("q.jsonl", " \n", ["is empty"]),
        ("q.json", "\n", ["line 2"]),
        ("q.parquet", "PAR1 and not much more", ["not a valid Parquet file"]),
        ("q.csv", b"question\nGr\xfc\xdfe?\n", ["line 2", "UTF-8"]),
        ("q.csv", "question\nWho?\n".encode("utf-16"), ["line 1", "UTF-8"]),
        (
            "q.csv",
            "question,topic\nWho, then?,a\n",
            ["line 2 has 3 cells, the header has 2", "double quotes"],
        ),
        ("q.csv", 'question,topic\n"Who?,a\nWhat?,b\n', ["line 3", "not valid CSV"]),
        ("q.csv", "question,question\nWho?,What?\n", ["two columns 'question'"]),
        ("q.jsonl", '{"a": 1}\n{"a": 1, "a": 2}', ["line 2", "the key 'a' is given twice"]),
        ("q.json", '[{"a": {"b": 1, "b": 2}}]', ["the key 'b' is given twice"]),
        ("q.json", '{"a": 1}\n{"a": 2}', ["line 2", "name the file .jsonl"]),
        ("q.jsonl", '{"question": "Who?"}\n{"question": \n', ["line 2", "not valid JSON"]),
        ("q.jsonl", '{"question": "Who?"}\n["Who?"]\n', ["line 2", "not a JSON object"]),
        ("q.json", '{"question": "Who?"}', ["not a JSON list"]),
        ("q.json", '[{"question": "Who?"},\n{]', ["line 2", "not valid JSON"]),
    ],
)
def test_faulty_files(tmp_path, name, content, words):
    message = refused(write(tmp_path, name, content))
    for word in words:
        assert word in message


def test_a_parquet_file_that_is_cut_off(tmp_path):
    path = tmp_path / "q.parquet"
    write_table(NESTED, path)
    write(tmp_path, "q.parquet", path.read_bytes()[:-20])
    assert "not a valid Parquet file" in refused(path)


def test_missing_files_and_folders(tmp_path):
    assert "no file" in refused(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "is a folder" in refused(tmp_path / "folder.csv")


@pytest.mark.parametrize(
    "name", ["no/such/folder.csv", "answers.txt", "file/answers.csv", "folder.csv", "x" * 300 + ".csv"]
)
def test_places_that_cannot_be_written(tmp_path, name):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError) as caught:
        write_table(NESTED, tmp_path / name)
    assert str(tmp_path / name) in caught.value.message
    assert caught.value.remedy
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.csv"]


def test_the_place_can_be_checked_before_the_work(tmp_path):
    check_suffix("answers.jsonl")
    check_writable(tmp_path / "answers.jsonl")
    for name in ("answers.doc", "no/such/folder.csv"):
        with pytest.raises(InputError):
            check_writable(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")

    def fail_half_way():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_links_and_permissions_are_as_for_any_written_file(tmp_path):
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    write_table(NESTED, tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "real.csv").stat().st_mode) == 0o666 & ~umask


def test_wildcards_in_names_are_letters(tmp_path):
    path = tmp_path / "a[1]*.parquet"
    write_table(NESTED, path)
    assert_frame_equal(read_table(path), NESTED)


def test_a_csv_file_in_pieces_is_the_file_in_one(tmp_path, monkeypatch):
    rows = [{"a": f"=x{i}" if i % 3 else None, "b": [i, i], "c": i / 7} for i in range(25)]
    frame = pl.DataFrame(rows, schema={"a": pl.String, "b": pl.List(pl.Int64), "c": pl.Float64})
    write_table(frame, tmp_path / "one.csv")
    for rows_at_once in (1, 4, 24, 25):
        monkeypatch.setattr("optiq.files.tables._AT_ONCE", rows_at_once)
        write_table(frame, tmp_path / "pieces.csv")
        assert (tmp_path / "pieces.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()
    write_table(frame.clear(), tmp_path / "none.csv")
    assert (tmp_path / "none.csv").read_text() == "a,b,c\n"
