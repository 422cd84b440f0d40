"""The page of a selection, from `optiq select` to the browser."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked=2'>"

AGENT = f'''
class Agent:
    """Knows as many answers as its solver's model is worth."""

    def __init__(self, models):
        self.knows = int(models["solver"].partition("#")[0].removeprefix("knows-"))

    def run(self, example):
        number = int(example["question"])
        if self.knows == 0:
            raise ValueError({HOSTILE!r})
        return str(number if number < self.knows else -1)
'''


@pytest.fixture
def selected(optiq, home: Path, tmp_path: Path) -> dict:
    """A selection of three models, one of which always fails."""
    (tmp_path / "agent.py").write_text(AGENT)
    numbers = [str(i) for i in range(60)]
    pl.DataFrame({"question": numbers, "reference": numbers}).write_csv("labelled.csv")
    done = optiq(
        "select", "labelled.csv", "--agent", "agent.py:Agent", "--role", "solver=knows-0,knows-20,knows-55",
        "--method", "arm-elimination", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_what_was_found_is_on_the_page(optiq, selected: dict, browser) -> None:
    said = optiq("report", "--selection", selected["run_id"][:20], "-o", "page.html", "--json")
    assert said.code == 0, said.err
    names = ["ranking", "frontier", "roles", "effort", "left-out", "failures", "deploy"]
    assert json.loads(said.out)["sections"] == names
    faults: list[str] = []
    page = browser.new_context(viewport={"width": 390, "height": 800}).new_page()
    page.set_default_timeout(240_000)
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.goto(Path("page.html").resolve().as_uri())
    page.wait_for_selector("html[data-drawn]")
    assert faults == []
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    shown = page.inner_text("#ranking")
    assert "Chosen: solver = knows-55" in shown
    assert "0.917" in shown
    assert "knows-0" in page.inner_text("#left-out")
    assert "surely worse" in page.inner_text("#left-out")
    assert HOSTILE in page.inner_text("#failures")  # as text
    assert "solver: knows-55" in page.inner_text("#deploy")
    assert '[profiles."agent.solver"]' in page.inner_text("#deploy")
    assert "0.917" in page.inner_text("#roles")
    assert page.locator(".chart svg").count() == 2  # no call was seen: no chart of cost


def test_a_page_that_cannot_be_made(optiq, selected: dict) -> None:
    for arguments, told in [
        (["--selection", "nobody"], selected["run_id"]),
        (["--selection", "last", "--run", "last"], "--selection alone"),
    ]:
        said = optiq("report", *arguments, "-o", "page.html")
        assert said.code == 2
        assert told in said.err
        assert said.err.count("\n") == 1
