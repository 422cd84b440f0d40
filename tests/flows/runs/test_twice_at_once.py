"""The same command twice at once is one run with one limit; killed and run again, it has no money of its own."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from optiq.errors import InputError
from optiq.questions.question import Budget
from tasks.account import Account
from tasks.run_folder import RunFolder
from tasks.run_state import RunOptions
from tasks.same_run import find_run
from warehouse.home import Home

SLOTS = 4


def answer(url: str, *more: str) -> tuple[str, ...]:
    return (
        "answer",
        "questions.csv",
        "-o",
        "answers.csv",
        "--server",
        "ollama",
        "--server-url",
        url,
        "--json",
        *more,
    )


@pytest.mark.parametrize("kind", ["plain", "sharded", "fresh"])
def test_of_two_that_look_for_a_run_at_once_one_gets_it(kind, home: Path, questions, monkeypatch) -> None:
    """Both have read the questions and know of no run: without one lock each would start its own."""
    from optiq.configuration import Settings
    from optiq.questions.question_file import read_questions

    file, settings = str(questions(3)), Settings(home=str(home))
    read = read_questions(file)
    options, got, refused = RunOptions(fresh=kind == "fresh"), [], []
    both = threading.Barrier(2)
    create = RunFolder.create

    def slowly(self: RunFolder, *given: object) -> None:
        time.sleep(0.2)
        create(self, *given)

    monkeypatch.setattr(RunFolder, "create", slowly)

    def look() -> None:
        both.wait()
        try:
            got.append(
                find_run(
                    Home(home),
                    file,
                    "answers.csv",
                    Budget(),
                    None,
                    settings,
                    read,
                    options,
                    "s",
                    sharded=kind == "sharded",
                )
            )
        except InputError as fault:
            refused.append(str(fault))

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == len(refused) == 1
    assert "going on in another process" in refused[0]
    assert len(list((home / "runs").glob("*/run.json"))) == 1
    got[0].unlock()


def test_the_same_command_twice_at_once_asks_once(model_server, start_optiq, questions, optiq) -> None:
    questions(12)
    server = model_server("--delay", "0.1")
    flags = answer(server.url, "--max-total-cost", "0.1")
    both = [start_optiq(*flags, OLLAMA_NUM_PARALLEL="2") for _ in range(2)]
    ends = [(process.communicate(), process.returncode) for process in both]
    assert server.answered() in (12, 13)  # 13: one ended before the other began, and there was nothing to ask
    assert {code for _, code in ends} <= {0, 2}
    assert len(json.loads(optiq("runs", "list", "--json").out)) == 1


def test_answers_without_counts_leave_no_money_for_a_rerun(
    model_server, questions, optiq, home: Path
) -> None:
    """Each answer may have cost the most that it could: the limit is used up, in whatever session."""
    questions(30)
    server = model_server("--no-usage")
    flags = answer(server.url, "--models", "phi4:14b", "--chunk-size", "3", "--no-cache")
    one = json.loads(optiq(*answer(server.url, "--models", "phi4:14b", "--limit", "1", "--no-cache")).out)
    run = json.loads((home / "runs" / one["run_id"] / "run.json").read_text())
    with sqlite3.connect(home / "runs" / run["run_id"] / "ledger.sqlite") as ledger:
        [most] = ledger.execute("select cost_usd from spent").fetchone()
    assert most > 0, "without a limit it is written down as well"
    limit = str(6.5 * most)
    asked = []
    for _ in range(3):
        optiq(*flags, "--max-total-cost", limit)
        asked.append(server.answered())
    assert asked[0] <= 6 + 1
    assert asked == [asked[0]] * 3
    more = str(12.5 * most)
    optiq(*flags, "--max-total-cost", more)
    assert asked[0] < server.answered() <= 12 + 1, (
        "what was spent under the smaller limit counts under the larger"
    )


@pytest.mark.parametrize("what", ["selection", "calibration"])
def test_a_selection_or_calibration_is_one_command_with_one_account(what, home: Path, tmp_path: Path) -> None:
    from optiq.execution.ledger import Amount

    data = tmp_path / "labelled.csv"
    data.write_text("question,reference\nWhy?,so\n")
    first = Account(Home(home), what, str(data), {"plan": "a"}, 5.0)
    with pytest.raises(InputError, match=f"the same {what} is going on"):
        Account(Home(home), what, str(data), {"plan": "a"}, 9.0)
    other = Account(Home(home), what, str(data), {"plan": "b"}, 5.0)
    other.close(ended=True)
    hold = first.ledger.draw(None, Amount(3.0), None)
    first.ledger.settle(hold, Amount(2.0))
    first.ledger.draw(None, Amount(1.0), None)  # and it is killed
    first.close(ended=False)
    again = Account(Home(home), what, str(data), {"plan": "a"}, 5.0)
    assert again.ledger.spent == Amount(3.0)
    again.close(ended=True)
    anew = Account(Home(home), what, str(data), {"plan": "a"}, 5.0)
    assert anew.ledger.spent == Amount()
    anew.ledger.settle(anew.ledger.draw(None, Amount(4.0), None), Amount(4.0))
    anew.close(ended=False)
    fresh = Account(Home(home), what, str(data), {"plan": "a"}, 5.0, fresh=True)
    assert fresh.ledger.spent == Amount()
    fresh.close(ended=True)


def test_the_advisor_of_a_selection_is_billed_like_any_call(monkeypatch) -> None:
    from datetime import UTC, datetime

    from optiq.errors import AnswerLost
    from optiq.execution.ledger import Ledger, LimitReached
    from optiq.servers.protocol import Generation
    from optiq.statistics.snapshot import ModelFigures, Statistics
    from tasks.selecting import _advisor

    fate: list[Exception] = []

    class Server:
        async def generate(self, request):
            if fate:
                raise fate.pop()
            return Generation("[]", "a", "a", "x", 0.1, datetime.now(UTC), prompt_tokens=10, output_tokens=5)

        async def disconnect(self):
            """Nothing is open."""

    monkeypatch.setattr("tasks.session.shared_server", lambda *_: Server())
    figures = ModelFigures(model="a", usd_per_prompt_token=0.001, usd_per_output_token=0.01)
    prices, ledger = Statistics.build("s", [figures], []), Ledger(10.0)
    request = SimpleNamespace(advisor="a", settings=SimpleNamespace(server="x", server_url=None))
    ask = _advisor(request, ledger, prices)
    ask("Which?")
    assert ledger.spent.cost_usd == pytest.approx(10 * 0.001 + 5 * 0.01)
    fate.append(AnswerLost("late"))
    with pytest.raises(AnswerLost):
        ask("Which?")
    assert ledger.spent.cost_usd > 5, "it may be billed"
    fate.append(AnswerLost("late"))
    with pytest.raises(LimitReached):
        ask("Which?")
    assert ledger.committed.cost_usd <= 10.0
