"""A real headless Chromium, and a home with runs whose models said hostile things."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from optiq.execution.trace import ANSWERED, Call, Execution, Predicted, traces_frame
from optiq.plans.plan import Plan
from optiq.questions.question import Budget, Question
from optiq.scoring import Scores
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.refresh import refresh

HOSTILE = (
    "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked=2'>\x1b[31mred\u202egpj.exe"
)
PATIENCE_MS = 240_000  # a browser on a busy machine
PLANS = [
    '{"models": ["gemma3:270m"], "edges": []}',
    '{"models": ["gemma3:270m", "smollm2:135m"], "edges": [[0, 1]]}',
    '{"models": ["gemma3:270m", "smollm2:135m", "gemma3:270m"], "edges": [[0, 2], [1, 2]]}',
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium from the system, else the one of Playwright. A test without a browser would test nothing.

    Playwright keeps an event loop running in this thread, so nothing after the tests of reports may share it.
    """
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)

    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    with sync_playwright() as playwright:
        found = next((path for name in names if (path := shutil.which(name))), None)
        own = playwright.chromium.executable_path
        if found is None and not Path(own).exists():
            pytest.fail(
                "no browser to test reports in: `apt-get install chromium`, or `.venv/bin/playwright install "
                "chromium`; `.ci/run` does it by itself",
                pytrace=False,
            )
        chromium = playwright.chromium.launch(
            executable_path=found or own, args=["--no-sandbox"], timeout=PATIENCE_MS
        )
        yield chromium
        chromium.close()


class Seen:
    """A page in the browser, with everything that it said and asked for."""

    def __init__(self, browser, path: Path, width: int = 1280, scheme: str = "light") -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.set_default_timeout(PATIENCE_MS)
        self.page = context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda fault: self.said.append(str(fault)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-drawn]")

    def fits(self) -> bool:
        """Whether nothing is wider than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.fixture
def opened() -> type[Seen]:
    """``opened(browser, path, width, scheme)``: a page as it is drawn."""
    return Seen


@pytest.fixture
def hostile() -> str:
    """What a model may say to break out of its place."""
    return HOSTILE


def run_of(name: str, seed: int, n: int) -> pl.DataFrame:
    """``n`` executions of three plans on three topics; the first says hostile things."""
    chance = random.Random(seed)
    executions = []
    for number in range(n):
        plan = Plan.parse(PLANS[number % 3])
        topic = ("geography", "history", f"odd {HOSTILE}")[number % 3]
        begun = datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(seconds=number)
        qoa = 0.0 if number == 0 else round(chance.random(), 2)
        said = HOSTILE if number == 0 else f"answer {number}"
        asked = f"Question {number}? {HOSTILE if number == 0 else ''}"
        question = Question(
            f"q{number}", asked, ((topic, 1.0),), reference="Oslo", budget=Budget(max_latency_s=2.5)
        )
        calls = [
            Call(
                node,
                model,
                begun,
                plan.subplan(node),
                100,
                prompt_tokens=90,
                output_tokens=9,
                cost_usd=1e-6,
                latency_s=1.0,
                energy_j=2.0,
                output=said,
                subplan_qoa=qoa,
            )
            for node, model in enumerate(plan.models)
        ]
        executions.append(
            Execution(
                question,
                plan,
                name,
                begun,
                ANSWERED,
                said,
                cost_usd=1e-6 * plan.k,
                latency_s=chance.uniform(0.5, 3),
                energy_j=2.0 * plan.k,
                scores=Scores(qoa=qoa),
                predicted=Predicted(1.5e-6, 1.5, 3.0, 0.7),
                snapshot_id="000001-abc",
                calls=calls,
                execution_id=f"{name}-{number}",
            )
        )
    return traces_frame(executions)


@pytest.fixture(scope="session")
def run_home(fresh_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs, merged in two snapshots."""
    path = tmp_path_factory.mktemp("report") / "home"
    shutil.copytree(fresh_home, path)
    for name, seed, n in (("first", 1, 60), ("second", 2, 90)):
        land_traces(Home(path), run_of(name, seed, n))
        refresh(Home(path), full_gate=False)
    return path


@pytest.fixture
def runs() -> Any:
    """``runs(name, seed, n)``: the executions of a run (``run_of``)."""
    return run_of
