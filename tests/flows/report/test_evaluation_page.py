"""The page of an evaluation in a real browser, made from recordings that say hostile things."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def traces(tmp_path: Path, hostile: str) -> str:
    """Two kinds of question; the large model did not run on every question."""
    rows = []
    for i in range(24):
        for models, cost, qoa in (
            (["small:1b"], 1e-6, 0.3 + i % 3 / 10),
            (["large:9b"], 9e-6, 0.8),
            (["third:3b"], 2e-6, 0.5),
        ):
            if models == ["large:9b"] and i % 3 == 0:
                continue
            row = {
                "question_id": f"q{i}",
                "question": f"Who wrote {i}? {hostile}",
                "plan": {"models": models, "edges": []},
            }
            row |= {
                "topic": hostile,
                "kind": ("open", "choice")[i % 2],
                "answer": hostile,
                "cost_usd": cost * (1 + i / 9),
            }
            rows.append(
                {**row, "latency_s": 1.0, "energy_j": 2.0, "qoa": qoa, "prompt": f"cot@{i == 0}{hostile}"}
            )
    path = tmp_path / "traces.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_is_drawn_whole_and_says_what_is_a_bound(
    optiq: Any, home: Path, browser: Any, opened: Any, traces: str, width: int, scheme: str
) -> None:
    done = optiq(
        "evaluate", "--traces", traces, "--no-embedding", "--max-cost", "1e-3", "--report", "page.html"
    )
    assert done.code == 0, done.err
    page = opened(browser, Path("page.html").resolve(), width, scheme)
    assert page.said == []
    assert [url for url in page.asked if not url.startswith(("data:", "file:"))] == []
    assert page.page.locator("h2").all_inner_texts() == [
        "Choice questions",
        "Open questions",
        "Limits kept",
        "How it was done",
        "What could be replayed",
    ]
    assert page.page.locator("[data-chart] svg").count() == 4
    assert page.page.locator("[data-chart] svg .mark-symbol path").count() > 8
    assert page.fits()
    words = page.page.locator("#kind-open").inner_text()
    assert "oracle (hindsight: a bound)" in words
    assert "Each on the questions that it and the best single model answered" in words
    assert "single:large:9b" in words
    assert "Only prompt set" in page.page.locator(".notice").all_inner_texts()[-2]
    assert "2 executions with prompt set" in page.page.locator("#coverage").inner_text()
    assert page.page.evaluate("window.hacked") is None
    assert page.page.locator("img").count() == 0
    page.page.context.close()
