"""How soon the page of `optiq view` opens and filters: `python -m benchmarks.answers_page [--answers 50000]`.

A run of answers is landed, its page written, and opened in Chromium from the disk. *open* is from the start of the
navigation until the table is drawn; *filter* from a letter in the field until the rows that are left are painted; one
of several letters waits 60 ms for the next. On a busy machine the CPU time says more than the wall time.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from optiq.execution.trace import ANSWERED, Call, Execution, Predicted, traces_frame
from optiq.plans.plan import Plan
from optiq.questions.question import Question
from optiq.scoring import Scores
from tasks.viewing import write_view
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.refresh import init

_PLANS = ("gemma3:27b", "mistral:7b → phi4:14b", "blend(mistral:7b, phi4:14b; gemma3:27b)")
_WORDS = (
    "which river lake mountain king writer element ocean city song treaty bridge language planet".split()  # noqa: SIM905
)
_WATCH = """
new MutationObserver(() => {
  if (document.documentElement?.dataset.drawn && !window.drawnAt) window.drawnAt = performance.now();
}).observe(document, { attributes: true, childList: true, subtree: true, attributeFilter: ["data-drawn"] });
"""
_FILTER = """
([field, text]) => new Promise((done) => {
  const count = document.getElementById("count");
  const begun = performance.now();
  new MutationObserver((_, watcher) => {
    watcher.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => done([performance.now() - begun, count.textContent])));
  }).observe(count, { childList: true, characterData: true, subtree: true });
  const input = document.querySelector(field);
  input.focus();
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  input.dispatchEvent(new KeyboardEvent("keyup", { bubbles: true, key: text.slice(-1) }));
})
"""


def executions(number: int) -> pl.DataFrame:
    """So many executions of three plans, with the texts of small models."""
    chance = random.Random(0)
    some = [_execution(chance, place) for place in range(300)]
    frame = traces_frame(some)
    times = -(-number // frame.height)
    whole = pl.concat([frame] * times).head(number).with_row_index("place")
    return whole.with_columns(
        execution_id=pl.format("e{}", "place"),
        question_id=pl.format("q{}", "place"),
        question=pl.format("{} (number {})", "question", "place"),
    ).drop("place")


def _execution(chance: random.Random, place: int) -> Execution:
    plan = Plan.parse(_PLANS[place % 3])
    begun = datetime(2026, 3, 1, tzinfo=UTC)
    asked = f"What is the {' '.join(chance.choices(_WORDS, k=12))}?"
    question = Question(f"q{place}", asked, ((_WORDS[place % 9], 1.0),), reference=chance.choice(_WORDS))
    said = " ".join(chance.choices(_WORDS, k=30))
    calls = [
        Call(
            node,
            model,
            begun,
            plan.subplan(node),
            len(asked) + 45,
            prompt_tokens=40,
            output_tokens=40,
            cost_usd=chance.uniform(1e-6, 9e-6),
            latency_s=chance.uniform(0.1, 3),
            energy_j=2.0,
            output=said,
        )
        for node, model in enumerate(plan.models)
    ]
    return Execution(
        question,
        plan,
        "bench",
        begun,
        ANSWERED,
        said,
        cost_usd=sum(call.cost_usd or 0.0 for call in calls),
        latency_s=chance.uniform(0.1, 5),
        energy_j=2.0 * plan.k,
        scores=Scores(qoa=round(chance.random(), 2)),
        predicted=Predicted(1.5e-6, 1.5, 3.0, 0.7),
        snapshot_id="000001-bench",
        calls=calls,
    )


def in_chromium(page: Path) -> dict[str, Any]:
    """Of opening and of filters: milliseconds, CPU seconds of the page's process, and what was counted then."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"], timeout=240_000)
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.set_default_timeout(240_000)
        session = browser.new_browser_cdp_session()

        def used() -> float:
            """CPU seconds of the process that draws the page."""
            every = session.send("SystemInfo.getProcessInfo")["processInfo"]
            return sum(one["cpuTime"] for one in every if one["type"] == "renderer")

        tab.add_init_script(_WATCH)
        found_in: dict[str, Any] = {}
        before = used()
        tab.goto(page.as_uri())
        tab.wait_for_selector("html[data-drawn]")
        found_in["open"] = tab.evaluate("window.drawnAt"), used() - before, ""
        for name, text in (("first filter", "river king"), ("second filter", "treaty"), ("no filter", "")):
            before = used()
            took, left = tab.evaluate(_FILTER, ["#search", text])
            found_in[name] = took, used() - before, left
        browser.close()
    return found_in


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=50_000)
    parser.add_argument("--keep", type=Path, help="keep the page here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        init(home)
        land_traces(home, executions(given.answers))
        page = given.keep or Path(folder) / "page.html"
        begun = time.process_time()
        size = write_view(home, str(page), "bench")
        written = time.process_time() - begun
        seen = in_chromium(page.resolve())
    print(f"{given.answers:,} answers: {size / 1e6:.1f} MB, written in {written:.1f} CPU s")
    for name, (took_ms, cpu_s, left) in seen.items():
        print(f"{name:14} {took_ms:6.0f} ms, {1000 * cpu_s:6.0f} ms of CPU  {left}")


if __name__ == "__main__":
    main()
