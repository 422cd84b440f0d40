"""Text of others on a terminal and in artifacts: it is read, and does nothing."""

from __future__ import annotations

import json
import re
import unicodedata
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.command_line.main import one_line_warnings
from flows.command_line.screen import printable, say_json
from optiq.errors import OptiqNote, OptiqWarning
from tasks.artifacts import cell, shown
from tasks.calibration_report import calibration_markdown
from tasks.evaluation_markdown import as_markdown
from tasks.warehousing import refresh_markdown

CONTROLS = [
    "\x1b[31m",
    "\x9b31m",
    "\x85",
    "\x90q",
    "\x7f",
    "\u202e",
    "\u2066",
    "\u200f",
    "\u2028",
    "\ue000",
    "\U000e0001",
]


@pytest.mark.parametrize("control", CONTROLS)
def test_json_on_a_terminal_is_the_same_json_and_drives_nothing(control: str, capsys) -> None:
    value = {f"name{control}": [f"é 漢 {control} 🙂", {"deep": control}]}
    say_json(value)
    out = capsys.readouterr().out
    assert json.loads(out) == value
    assert "é 漢" in out
    assert all(c == "\n" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} for c in out)


@given(st.text())
def test_any_text_survives_as_json(text: str) -> None:
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()) as out:
        say_json([text])
    assert json.loads(out.getvalue()) == [text]
    out.getvalue().encode()


@pytest.mark.parametrize("control", CONTROLS)
def test_lines_for_people_have_no_controls(control: str) -> None:
    assert control not in printable(f"model{control}")


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("kind", [OptiqWarning, OptiqNote, UserWarning])
def test_warnings_that_name_a_file_have_no_controls(kind: type[Warning], control: str) -> None:
    with one_line_warnings():
        shown = warnings.formatwarning(f"a{control}.csv is damaged", kind, "here.py", 1)
    assert "is damaged" in shown
    assert control not in shown
    assert shown.count("\n") == 1


HOSTILE = "[x](javascript:1) ![i](http://a/b) <b onclick=1> `c` | # *d* _e_ \\ \x9b\u202e\nnext"


def has_meaning(markdown: str) -> bool:
    """Whether anything of Markdown is left that is not escaped."""
    bare = re.sub(r"\\[\\`*_\[\]<>|#!~&]", "", markdown)
    return bool(re.search(r"[`*_\[\]<>|#\n\x9b\u202e]", bare))


def test_a_name_has_no_meaning_but_its_own() -> None:
    assert not has_meaning(shown(HOSTILE))
    assert shown("qwen2.5:14b") == "qwen2.5:14b"
    assert cell("llama_3:8b") == "llama_3:8b"
    assert "\\[x\\]" in cell(HOSTILE)
    assert [cell(value) for value in (None, True, 1.5, 7)] == [None, True, 1.5, 7]
    assert [cell(value) for value in (2.345678e-6, 123.4567, 123456.7)] == [2.346e-6, 123.5, 123457]
    assert [cell(float(value)) for value in ("nan", "inf")] == [None, None]


def test_names_in_pages_of_flow_runs_are_escaped() -> None:
    report = dict.fromkeys(
        (
            "n_files",
            "n_executions_new",
            "n_calls_new",
            "n_priors_new",
            "n_guesses_new",
            "n_quarantined",
            "n_statistics_new",
        ),
        1,
    )
    drift = {"model": HOSTILE, "verdict": "drifted", "metric": HOSTILE}
    report |= {
        "n_statistics_changed": 1, "published": True, "snapshot_id": "s", "seconds": 1.0, "drift": [],
        "checks": [{"name": HOSTILE, "accepted": True}], "gate_report": f"/h/{HOSTILE}", "refused": {HOSTILE: HOSTILE},
    }  # fmt: skip
    standing = {"plan": HOSTILE, "qoa": 0.5, "qoa_low": 0.1, "qoa_high": 0.9, "frontier": [HOSTILE]}
    calibration = {
        "run_id": "r", "executions": 1, "questions": 1, "rounds": 1, "failed": 0, "skipped": 0, "stopped": HOSTILE,
        "topics": [{"topic": HOSTILE, "before": standing, "after": standing}], "cost_usd": 1.0, "energy_j": None,
        "calls": 1, "cached": 0, "left": 0, "changed": 1,
    }  # fmt: skip
    line = {
        "kind": "open", "policy": HOSTILE, "questions": 1, "hindsight": False, "same_questions": True, "cost_usd": 1.0,
        "adherence": 1.0,
    }  # fmt: skip
    line |= {
        f"{name}{end}": 0.5 for name in ("qoa", "qoa_above_best_single") for end in ("", "_low", "_high")
    }
    evaluation = {
        "told": HOSTILE, "source": HOSTILE, "window": HOSTILE, "prompt": HOSTILE, "limits": HOSTILE, "folds": 5,
        "lines": [line], "left_out": [{"what": HOSTILE, "why": HOSTILE}],
    }  # fmt: skip
    assert drift["verdict"] == "drifted"
    for page in (refresh_markdown(report), calibration_markdown(calibration), as_markdown(evaluation)):
        assert "javascript" in page
        assert "](javascript" not in re.sub(r"\\[\[\]]", "", page)
        assert not re.search(r"(?<!\\)<b", page)
        assert "\x9b" not in page
        assert "\u202e" not in page


def test_a_setting_of_a_megabyte_fills_no_screen(home: Path, optiq, tmp_path: Path) -> None:
    names = [f"model-{number:05d}" for number in range(60_000)]
    (tmp_path / "optiq.toml").write_text(f"models = {json.dumps(names)}\n")
    shown = optiq("config")
    assert shown.code == 0, shown.err
    assert len(shown.out) < 30_000
    assert "characters)" in shown.out
    whole = json.loads(optiq("config", "--json").out)
    assert next(row["value"] for row in whole["settings"] if row["setting"] == "models") == names
