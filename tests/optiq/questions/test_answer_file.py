"""One row in, one row out, in the documented columns, in every format."""

import json

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from optiq.files.tables import read_table
from optiq.questions.answer_file import ANSWER_SCHEMA, answers_frame, write_answers

ROWS = [
    {
        "question_id": "q1",
        "status": "answered",
        "answer": "Oslo",
        "plan": '{"models":["a"],"edges":[]}',
        "plan_key": "1:0:a",
        "topics": (("geography", 0.75), ("history", 0.25)),
        "predicted_qoa": 0.5,
        "observed_cost_usd": float("nan"),
        "observed_latency_s": 1,
    },
    {"question_id": "007", "status": "invalid", "error": "q.csv row 2: the question is empty.", "topics": ()},
    {"question_id": "q3", "status": "infeasible", "topics": [{"topic": "music", "weight": 1.0}]},
    {"question_id": "q4", "status": "failed"},
]


def test_rows_keep_their_order_and_missing_is_null():
    frame = answers_frame(ROWS)
    assert frame.schema == ANSWER_SCHEMA
    assert frame["question_id"].to_list() == ["q1", "007", "q3", "q4"]
    assert frame["observed_cost_usd"].to_list() == [None] * 4
    assert frame["observed_latency_s"].to_list() == [1.0, None, None, None]
    assert frame["topics"].to_list()[1:] == [[], [{"topic": "music", "weight": 1.0}], None]


def test_no_rows_still_have_columns():
    assert answers_frame([]).schema == ANSWER_SCHEMA


@pytest.mark.parametrize("row", [{"status": "done"}, {}, {"status": "failed", "qoa": 1.0}])
def test_other_columns_and_statuses_are_bugs(row):
    with pytest.raises(ValueError, match="not a row"):
        answers_frame([row])


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".csv"])
def test_files_hold_what_the_frame_held(tmp_path, suffix):
    frame = answers_frame(ROWS)
    write_answers(frame, tmp_path / f"answers{suffix}")
    back = read_table(tmp_path / f"answers{suffix}")
    assert back.columns == list(ANSWER_SCHEMA)
    if suffix == ".csv":
        back = back.with_columns(
            topics=pl.Series([json.loads(cell) if cell else None for cell in back["topics"]])
        )
    assert_frame_equal(back.cast(ANSWER_SCHEMA), frame)
