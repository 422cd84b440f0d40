"""Files that other tools really wrote (``real_files/``) land as the table beside them says, row by row.

They were made by lm_eval 0.4.11 (``caps``), 0.4.12 (``several``) and 0.4.13, inspect_ai 0.3.150, 0.3.180, 0.3.220 and
0.3.285, promptfoo 0.118.0, 0.121.20 and 0.123.1, llm 0.27.1, 0.30, 0.31 and 0.36, opentelemetry-instrumentation-openai
0.40.14, 0.49.0 and 0.62.4, -v2 2.1b0 (a log record for each message) and 2.4b0 (one for all),
openinference-instrumentation-openai 0.1.66, langfuse 3.15.0 and 5.0.4 (what it sent, in OTLP's JSON), LiteLLM's proxy
1.80.5 and 1.108.7 (what it sent to a generic logger; its rows of spend logs, which we put into its table: its database
client is not to be had everywhere), llama.cpp's server in the envelopes of OpenAI Batch and vLLM, or asked a
server of known tokens; paths of a person were replaced. The
table was checked against the files by eye: a change of it is a change of what people's logs teach.
"""

from __future__ import annotations

import gzip
import io
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from optiq.errors import InputError, OptiqWarning
from optiq.extensions.built_in import FORMATS
from optiq.formats.json_stream import JsonStream
from optiq.formats.quality import quality
from optiq.formats.source import LONGEST_LINE, Source
from warehouse.home import Home
from warehouse.ingest import IngestReport, ingest_traces
from warehouse.ingestion.foreign import Foreign
from warehouse.query import query
from warehouse.refresh import refresh

REAL_FILES = Path(__file__).parent / "real_files"
EXPECTED: dict[str, Any] = json.loads((REAL_FILES / "expected.json").read_text(encoding="utf-8"))
CALL = ("answered_model", "prompt_tokens", "cached_tokens", "output_tokens", "cached", "finish_reason")


def landed(
    folder: Path, *files: Path, said: Foreign | None = None
) -> tuple[IngestReport, list[dict[str, Any]]]:
    """The report on ``files`` and the rows that landed in a fresh home."""
    home = Home(folder / "home")
    report = ingest_traces(home, files, said or Foreign())
    rows: list[dict[str, Any]] = []
    for path in sorted(home.landing.glob("traces-*.parquet")):
        rows += pl.read_parquet(path).rows(named=True)
    return report, rows


def shown(row: dict[str, Any], path: Path) -> dict[str, Any]:
    """A row of the file ``path`` as it stands in the table: texts to 40 characters."""
    told = {**row, **{name: (row["calls"] or [{}])[0].get(name) for name in CALL}}
    from_file = abs(told["started_at"].timestamp() - path.stat().st_mtime) < 0.001
    told["started_at"] = "that of the file" if from_file else told["started_at"].isoformat()
    for name in ("question", "answer", "reference", "error"):
        told[name] = (told[name] or "")[:40] or None
    return told


def test_scores_of_langfuse_are_the_quality_of_the_spans_that_they_name(tmp_path: Path) -> None:
    spans, scores = (REAL_FILES / f"otel/langfuse-5.0.4{what}" for what in (".jsonl", "-scores.json"))
    report, rows = landed(tmp_path, spans, scores)
    told = {row["question"]: (row["qoa"], json.loads(row["scores"] or "{}")) for row in rows}
    assert told["Who wrote Hamlet?"] == (1.0, {"correct": True, "closeness": 0.25})
    assert told["Who wrote Faust?"] == (None, {"points": 7.0})  # of how many points nobody says
    assert told["What is the capital of Norway?"] == (None, {})
    assert "alone it holds no answer" in report.passed[str(scores)]
    _, rows = landed(tmp_path / "closeness", spans, scores, said=Foreign(score="closeness"))
    assert [row["qoa"] for row in rows if row["question"] == "Who wrote Hamlet?"] == [0.25]


def test_a_call_in_payloads_and_in_spend_logs_of_litellm_is_one(tmp_path: Path) -> None:
    files = [
        REAL_FILES / f"litellm/{name}" for name in ("payloads.jsonl", "spend-logs.csv", "spend-logs.json")
    ]
    _, rows = landed(tmp_path, *files)
    assert len(rows) == 15
    assert len({row["execution_id"] for row in rows}) == 5
    home = Home(tmp_path / "home")
    refresh(home, create=True)
    found = query(home.perfdb, "select status, cost_usd from executions order by started_at").rows()
    # The dear call, the one from LiteLLM's cache, two of a model without a price, the failed one.
    assert found == [("answered", 8.475e-06), *[("answered", None)] * 3, ("failed", None)]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text[: len(text) // 2], "is no CSV"),
        (lambda text: text.replace("chatcmpl-11,", "chatcmpl-11,one,too,many,", 1), "has other columns"),
        (lambda text: text.replace("acompletion", "acompletion,", 1), "has other columns"),
        (
            lambda text: text.replace("2026-11-30 03:15:54.942", "yesterday", 1),
            "not a call as LiteLLM logs it",
        ),
    ],
)
def test_damaged_spend_logs_are_told(tmp_path: Path, change: Callable[[str], str], told: str) -> None:
    text = (REAL_FILES / "litellm/spend-logs.csv").read_text(encoding="utf-8")
    path = tmp_path / "spend-logs.csv"
    path.write_text(change(text), encoding="utf-8")
    report, rows = landed(tmp_path, path)
    said = [reason.reason for reasons in report.reasons.values() for reason in reasons]
    assert len(said) == 1
    assert told in said[0]
    assert 1 <= len(rows) <= 4


@pytest.mark.parametrize("name", EXPECTED)
def test_a_real_file_lands_as_the_table_says(name: str, tmp_path: Path) -> None:
    path = REAL_FILES / name
    report, rows = landed(tmp_path, path)
    wanted = EXPECTED[name]
    assert [[note.rows, note.what] for note in report.notes[str(path)]] == wanted["notes"]
    told = [shown(row, path) for row in rows]
    assert [
        {key: row[key] for key in line} for row, line in zip(told, wanted["rows"], strict=True)
    ] == wanted["rows"]


@pytest.mark.parametrize("name", [name for name in EXPECTED if not name.endswith(".gz")])
def test_a_packed_file_lands_the_same_and_is_the_same_executions(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "packed"
    shutil.copytree((REAL_FILES / name).parent, folder)
    packed = folder / f"{Path(name).name}.gz"
    packed.write_bytes(gzip.compress((folder / Path(name).name).read_bytes()))
    (folder / Path(name).name).unlink()
    _, rows = landed(tmp_path / "a", packed)
    _, plain = landed(tmp_path / "b", REAL_FILES / name)
    if "lm_eval" not in name:  # there the folder may be the name of the model
        assert [row["execution_id"] for row in rows] == [row["execution_id"] for row in plain]
    assert [(row["answer"], row["qoa"], row["latency_s"]) for row in rows] == [
        (row["answer"], row["qoa"], row["latency_s"]) for row in plain
    ]


def test_a_folder_of_all_formats_accounts_for_every_file(tmp_path: Path) -> None:
    (tmp_path / "mixed").mkdir()
    shutil.copytree(REAL_FILES, tmp_path / "mixed/real")
    (tmp_path / "mixed/notes.md").write_text("a person's notes")
    (tmp_path / "mixed/real/expected.json").unlink()
    report, rows = landed(tmp_path, tmp_path / "mixed")
    files = {str(path) for path in (tmp_path / "mixed").rglob("*") if path.is_file()}
    assert files == {*report.landed, *report.passed}
    assert {Path(name).name for name in report.passed if "results_" not in name} == {
        "notes.md",
        "input.jsonl",
        "event-only-logs.txt",
        "event-each-logs.txt",
        "langfuse-5.0.4-scores.json",
    }
    assert report.n_quarantined == 0
    assert not report.unusable
    # Two answers of one span are told apart only by the log records, which the table reads the spans without.
    assert len(rows) == report.n_landed == 1 + sum(len(one["rows"]) for one in EXPECTED.values())


def test_the_same_file_twice_changes_nothing(tmp_path: Path) -> None:
    path = REAL_FILES / "inspect/epochs.eval"
    landed(tmp_path, path)
    report, _ = landed(tmp_path, path)
    assert report.unchanged == [str(path)]
    assert not report.landed


def test_scores_names_and_topics_are_as_a_person_says(tmp_path: Path) -> None:
    path = REAL_FILES / "inspect/epochs.eval"
    said = Foreign(score="closeness", names={"openai-api/local/smollm2": "smollm2:135m"}, topic_from="topic")
    _, rows = landed(tmp_path, path, said=said)
    assert {row["plan_key"] for row in rows} == {"1:0:smollm2:135m"}
    assert [row["topic"] for row in rows if row["question_id"] == "capitals/3"] == ["geography"] * 3
    assert {row["qoa"] for row in rows if row["status"] == "answered"} == {0.0}
    with pytest.raises(
        InputError, match=r"no score 'typo'. Its scores are includes, closeness, two_keys.tone"
    ):
        landed(tmp_path / "b", path, said=Foreign(score="typo"))


def test_a_score_that_is_no_share_is_kept_and_no_quality(tmp_path: Path) -> None:
    report, rows = landed(tmp_path, REAL_FILES / "inspect/epochs.eval", said=Foreign(score="two_keys.length"))
    assert {row["qoa"] for row in rows} == {None}
    assert all("two_keys.length" in row["scores"] for row in rows if row["status"] == "answered")
    assert any("kept among the scores" in note.what for notes in report.notes.values() for note in notes)


def test_answers_are_scored_by_ours_only_where_that_is_asked_for(tmp_path: Path) -> None:
    path = REAL_FILES / "promptfoo/results.json"
    _, rows = landed(tmp_path, path, said=Foreign(score="ours"))
    assert {row["qoa_source"] for row in rows if row["reference"]} == {"scored"}


def test_a_dry_run_lands_nothing_and_shows_three_rows(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    report = ingest_traces(home, [REAL_FILES / "promptfoo/results.json"], dry_run=True)
    assert not home.path.exists()
    assert report.n_landed == 6
    assert len(report.shown) == 3
    assert report.shown[0]["calls"][0]["prompt_tokens"] == 37


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("C", 1),
        ("I", 0),
        ("P", 0.5),
        ("N", 0),
        (True, 1),
        (False, 0),
        (0.25, 0.25),
        (1, 1),
        ("0.75", 0.75),
        ("Yes", 1),
    ],
)
def test_a_score_as_quality(value: Any, wanted: float) -> None:
    assert quality(value) == wanted


@pytest.mark.parametrize("value", [None, 7, -0.1, 999, "seven", float("nan"), [1], {"a": 1}])
def test_what_is_no_quality(value: Any) -> None:
    assert quality(value) is None


# --- what is wrong with files ---------------------------------------------------------------------------


def cut(path: Path, to: Path, share: float) -> Path:
    data = path.read_bytes()
    to.write_bytes(data[: int(len(data) * share)])
    return to


def test_a_cut_off_archive_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = cut(REAL_FILES / "inspect/epochs.eval", tmp_path / "half.eval", 0.6)
    with pytest.raises(InputError, match=r"half.eval is no whole ZIP archive.*give it when it is done"):
        landed(tmp_path, path)


def test_of_several_files_one_that_cannot_be_used_stops_nothing(tmp_path: Path) -> None:
    bad = cut(REAL_FILES / "inspect/epochs.eval", tmp_path / "half.eval", 0.6)
    report, rows = landed(tmp_path, bad, REAL_FILES / "promptfoo/results.json")
    assert len(rows) == 6
    assert "no whole ZIP archive" in report.unusable[str(bad)]


def test_what_came_before_a_cut_lands_and_the_rest_is_on_record(tmp_path: Path) -> None:
    path = cut(REAL_FILES / "promptfoo/results.json", tmp_path / "results.json", 0.6)
    report, rows = landed(tmp_path, path)
    assert 1 <= len(rows) < 6
    assert "cut off" in report.reasons[str(path)][0].reason
    whole, _ = landed(tmp_path, REAL_FILES / "promptfoo/results.json")
    assert whole.n_landed == 6  # the whole file has another digest; rows that are known are merged once


def test_the_last_line_of_a_file_that_is_being_written(tmp_path: Path) -> None:
    path = cut(REAL_FILES / "promptfoo/results.jsonl", tmp_path / "results.jsonl", 0.9)
    report, rows = landed(tmp_path, path)
    assert len(rows) == 5
    assert "still being written" in report.reasons[str(path)][0].reason


def test_a_bomb_is_unpacked_no_further_than_the_limit(tmp_path: Path) -> None:
    import pyarrow as pa

    with zipfile.ZipFile(REAL_FILES / "inspect/epochs.eval") as archive:
        head = archive.infolist()[0].filename
    assert head
    path = tmp_path / "bomb.eval"
    zeros = pa.compress(b'{"a":"' + b" " * (4 * LONGEST_LINE) + b'"}', codec="zstd", asbytes=True)
    _write_zip(
        path,
        {
            "header.json": (b'{"eval":{"run_id":"r","task":"t","model":"m"}}', 0),
            "samples/1_epoch_1.json": (zeros, 93),
        },
    )
    report, rows = landed(tmp_path, path)
    assert not rows
    assert "unpacks to more than" in report.reasons[str(path)][0].reason


def _write_zip(path: Path, members: dict[str, tuple[bytes, int]]) -> None:
    """A ZIP of members that are packed already, by method; sizes and checksums are those of the packed bytes."""
    import zlib

    with zipfile.ZipFile(path, "w") as archive:
        for name, (data, _) in members.items():
            archive.writestr(name, data)
        for info in archive.infolist():
            info.compress_type = members[info.filename][1]
    raw = bytearray(path.read_bytes())
    for name, (data, method) in members.items():
        place = raw.find(b"PK\x03\x04", 0)
        while raw[place + 30 : place + 30 + len(name)] != name.encode():
            place = raw.find(b"PK\x03\x04", place + 1)
        raw[place + 8 : place + 10] = method.to_bytes(2, "little")
        assert zlib.crc32(data) is not None
    path.write_bytes(bytes(raw))


def test_gzip_that_swells_beyond_belief_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write((REAL_FILES / "promptfoo/results.jsonl").read_bytes())
        for _ in range(320):
            file.write(b" " * (1 << 20))
    report, rows = landed(tmp_path, path)
    assert len(rows) == 6
    assert "times its size" in report.reasons[str(path)][0].reason


def test_rows_of_a_million_characters(tmp_path: Path) -> None:
    lines = (REAL_FILES / "promptfoo/results.jsonl").read_text(encoding="utf-8").splitlines()
    row = json.loads(lines[0])
    row["response"]["output"] = "é" * 1_000_000
    path = tmp_path / "long.jsonl"
    path.write_text("\n".join([json.dumps(row), *lines[1:]]), encoding="utf-8")
    _, rows = landed(tmp_path, path)
    assert len(rows[0]["answer"]) == 1_000_000
    assert len(rows) == 6


def test_results_without_samples_hold_no_traces(tmp_path: Path) -> None:
    path = tmp_path / "results_2026-11-29T04-44-19.889525.json"
    path.write_text('{"results": {"t": {"acc,none": 0.5}}, "configs": {"t": {}}, "n-shot": {"t": 0}}')
    with pytest.raises(InputError, match="completes other files of lm-evaluation-harness"):
        landed(tmp_path, path)


def test_a_batch_without_its_questions_asks_for_them(tmp_path: Path) -> None:
    path = tmp_path / "output.jsonl"
    shutil.copy(REAL_FILES / "batch/output.jsonl", path)
    with pytest.raises(InputError, match="Give the batch's input file as well"):
        landed(tmp_path, path)
    _, rows = landed(tmp_path, path, REAL_FILES / "batch/input.jsonl")
    assert {row["question_id"]: row["question"] for row in rows}["request-2"] == "What is 2+2?"


def test_messages_of_spans_may_be_in_log_records(tmp_path: Path) -> None:
    spans, logs = (REAL_FILES / f"otel/event-only-{what}.txt" for what in ("spans", "logs"))
    _, alone = landed(tmp_path / "alone", spans)
    assert {row["question"] for row in alone} == {None}
    report, rows = landed(tmp_path / "both", spans, logs)
    assert [(row["question"], row["answer"], row["calls"][0]["prompt_tokens"]) for row in rows] == [
        ("Capital of Norway?", "Oslo", 13),
        ("Capital of Norway?", "Oslo", 13),
        ("What is 2+2?", "#### 4", 13),
        ("Capital of Norway? stream", "Oslo", None),
        ("Capital of Norway? stream usage", "Oslo", 15),
        ("FAIL now", None, None),
    ]
    assert rows[-1]["status"] == "failed"
    assert report.passed[str(logs)].startswith("it completes other files")
    assert [row["execution_id"] for row in rows] == [row["execution_id"] for row in alone]


def test_a_log_record_may_hold_one_message_of_a_span(tmp_path: Path) -> None:
    spans, logs = REAL_FILES / "otel/event-each-spans.jsonl", REAL_FILES / "otel/event-each-logs.txt"
    _, rows = landed(tmp_path, spans, logs)
    told = [(row["question"], row["answer"], row["calls"][0]["output_tokens"]) for row in rows]
    assert told == [
        ("What is the capital of France?", "The capital is Paris.", 3),
        ("What is the capital of Norway? stream", "Oslo", None),
        ("What is 2+2? stream usage", "4", 19),
        ("ERR500 now", None, None),
        ("What time is it?", None, 16),
        ("What time is it?", "I do not know.", 14),
        ("What is 3+4 in the picture?", "#### 7", 15),
        *[("What is 5+6? twice", "The answer is 11", None)] * 2,  # n = 2: the tokens are of both
        ("What is 3+4? async 1", "#### 7", 9),
        ("What is 3+4? async 0", "#### 7", 14),
    ]


def test_cached_tokens_that_a_span_leaves_out_of_its_prompt_are_added(tmp_path: Path) -> None:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 31,
        "gen_ai.usage.output_tokens": 2,
    }
    spans = {
        "resourceSpans": [{"scopeSpans": [{"spans": [
            {"traceId": "a", "spanId": "b", "startTimeUnixNano": "1772366400000000000",
             "endTimeUnixNano": "1772366401000000000",
             "attributes": [
                 {"key": key, "value": {"intValue" if isinstance(value, int) else "stringValue": str(value)}}
                 for key, value in attributes.items()
             ]}
        ]}]}]
    }  # fmt: skip
    (tmp_path / "spans.json").write_text(json.dumps(spans))
    _, rows = landed(tmp_path, tmp_path / "spans.json")
    assert [(row["calls"][0]["prompt_tokens"], row["calls"][0]["cached_tokens"]) for row in rows] == [
        (36, 31)
    ]


def test_an_older_log_of_llm_has_its_calls_in_responses(tmp_path: Path) -> None:
    path = tmp_path / "logs.db"
    with sqlite3.connect(path) as database:
        database.executescript(
            'create table "responses" (id text primary key, model text, prompt text, system text, response text, '
            "response_json text, conversation_id text, duration_ms integer, datetime_utc text, input_tokens integer, "
            "output_tokens integer, token_details text);"
            "insert into responses values ('1', 'gpt-4o', 'Say hi.', null, 'Hi', null, 'c', 250, "
            "'2025-03-01T10:00:00.5+00:00', null, null, null)"
        )
    database.close()
    _, rows = landed(tmp_path, path)
    (row,) = rows
    assert (row["answer"], row["latency_s"], row["calls"][0]["prompt_tokens"]) == ("Hi", 0.25, None)


def test_messages_of_a_damaged_log_of_llm_that_go_in_a_circle_end(tmp_path: Path) -> None:
    path = tmp_path / "logs.db"
    path.write_bytes(gzip.decompress((REAL_FILES / "llm/turns-tools.db.gz").read_bytes()))
    with sqlite3.connect(path) as database:
        before = landed(tmp_path, path)[1]
        assert database.execute("update messages set parent_hash = hash where role = 'tool'").rowcount > 0
    database.close()
    assert len(landed(tmp_path / "other", path)[1]) == len(before)


@pytest.mark.parametrize(
    ("text", "path", "wanted"),
    [
        ('{"a": 1, "b": {"c": [1, {"d": NaN}, "\\ud83d"]}}', ("b", "c"), [1, {"d": None}, "\ud83d"]),
        ("[1, 22, 333]", (), [1, 22, 333]),
        ('{"x": 1}\n{"x": 2}', (), [{"x": 1}, {"x": 2}]),
        ('\ufeff[{"big": 123456789012345678901234567890}]', (), [{"big": 123456789012345678901234567890}]),
        ("[]", (), []),
        ('{"a": []}', ("a",), []),
        ('{"a": []}', ("b",), []),
    ],
)
@pytest.mark.parametrize("chunk", [1, 3, 1 << 20])
def test_json_in_pieces(
    text: str, path: tuple[str, ...], wanted: list[Any], chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optiq.formats.json_stream._CHUNK", chunk)
    stream = JsonStream(Path("x"), io.BytesIO(text.encode("utf-8", "surrogatepass")), 1 << 20)
    assert list(stream.values(*path)) == wanted


@pytest.mark.parametrize("text", ['[{"a": 1', '[{"a": 1}', '{"b": [1, 2}', "[1 2]", '{"b": [1,', '{"b": ["x'])
def test_json_that_is_cut_off_or_wrong_says_so(text: str) -> None:
    stream = JsonStream(Path("some.json"), io.BytesIO(text.encode()), 1 << 20)
    with pytest.raises(InputError, match=r"some\.json is not valid JSON"):
        list(stream.values(*(("b",) if text.startswith("{") else ())))


def test_a_value_larger_than_the_limit_is_not_held() -> None:
    stream = JsonStream(Path("some.json"), io.BytesIO(b'["' + b"x" * 5_000_000), 1 << 20)
    with pytest.raises(InputError, match="larger than"):
        list(stream.values())


def test_the_beginning_of_a_file_tells_its_keys(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"evalId": "e", "results": {"results": [' + '{"a": "' + "x" * 3_000_000 + '"}]}}')
    assert Source(path).heads == [{"evalId": "e", "results": ...}]


def test_names_that_look_like_a_model_of_perfdb_are_asked_about(home: Home, tmp_path: Path) -> None:
    """Not taken for it, and not asked about once a person has said what they are."""
    text = (REAL_FILES / "promptfoo/results.json").read_text(encoding="utf-8")
    path = tmp_path / "results.json"
    path.write_text(text.replace("openai:chat:smollm2", "ollama:chat:phi4:14b"), encoding="utf-8")

    def asked(names: dict[str, str]) -> list[str]:
        report = ingest_traces(home, [path], Foreign(names=names), dry_run=True)
        return [note.what for note in report.notes[str(path)] if "--map" in note.what]

    (told,) = asked({})
    assert "--map ollama:chat:phi4:14b=phi4:14b" in told
    assert asked({"ollama:chat:phi4:14b": "phi4:14b"}) == []
    assert asked({"ollama:chat:phi4:14b": "ollama:chat:phi4:14b"}) == []


@pytest.mark.parametrize("broken", ["loads not", "is none", "raises"])
def test_a_broken_format_of_another_package_keeps_no_file_out(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Raises:
        def recognises(self, source: Source) -> None:
            raise KeyError("theirs")

    theirs = {"loads not": 1, "is none": dict, "raises": Raises}[broken]
    monkeypatch.setitem(FORMATS._given, "a-format", theirs)  # it is asked before our own
    name = next(iter(EXPECTED))
    with pytest.warns(OptiqWarning, match="'a-format' of another package is passed over"):
        report = ingest_traces(Home(tmp_path / "home"), [REAL_FILES / name])
    assert report.n_landed > 0


CORRECTIONS = {
    "the model of all": ("lm_eval/dummy", Foreign(model="llama3.2:3b"), Foreign(model="phi4:14b")),
    "a name": ("inspect/epochs.eval", Foreign(), Foreign(names={"openai-api/local/smollm2": "smollm2:135m"})),
    "the topic": ("inspect/epochs.eval", Foreign(topic="History"), Foreign(topic="geography")),
    "the score": ("inspect/epochs.eval", Foreign(), Foreign(score="closeness")),
}


@pytest.mark.parametrize("case", CORRECTIONS)
def test_a_file_that_waits_is_landed_anew_as_a_person_corrects_it(home: Home, case: str) -> None:
    name, first, then = CORRECTIONS[case]

    def given(said: Foreign, corrected: bool = True) -> IngestReport:
        return ingest_traces(home, [REAL_FILES / name], said, corrected=corrected)

    def waiting() -> list[tuple[Any, ...]]:
        columns = ["execution_id", "plan_key", "topic", "qoa"]
        frames = [pl.read_parquet(file, columns=columns) for file in sorted(home.landing.glob("traces-*"))]
        return pl.concat(frames).sort("execution_id").rows()

    rows = given(first, corrected=False).n_landed
    before = waiting()
    again = given(then, corrected=False)
    assert (again.n_landed, waiting()) == (0, before), "nothing was said, so the file is known"
    anew = given(then)
    assert (anew.n_landed, anew.unchanged) == (rows, [])
    assert len(waiting()) == len(before)
    assert waiting() != before
    corrected = waiting()
    same = given(then)
    assert (same.n_landed, waiting()) == (0, corrected)
    assert same.unchanged, "the same said again changes nothing"

    refresh(home, full_gate=False)
    assert given(then).unchanged == same.unchanged, "nor after a refresh"
    late = given(first)
    assert list(late.published) == same.unchanged
    assert "snapshots restore" in next(iter(late.published.values()))
    assert not list(home.landing.glob("traces-*"))


def test_a_correction_is_tried_dry_and_takes_away_what_it_refuses_no_more(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("question,response,model,qoa\nWho?,Ann,phi4:14b,1\nWhere?,Oslo,,1\n", encoding="utf-8")
    columns = ("answer=response",)
    assert ingest_traces(home, [path], Foreign(columns=columns)).n_landed == 1
    names = sorted(file.name for file in home.landing.iterdir())
    assert [name.split("-")[0] for name in names] == ["rejects", "traces"]
    said = Foreign(columns=("answer=response", "model=question"))
    dry = ingest_traces(home, [path], said, dry_run=True, corrected=True)
    assert dry.n_landed == 2
    assert sorted(file.name for file in home.landing.iterdir()) == names
    assert ingest_traces(home, [path], said, corrected=True).n_landed == 2
    assert [file.name.split("-")[0] for file in home.landing.iterdir()] == ["traces"]
