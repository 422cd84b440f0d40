"""`optiq report` in a real browser: charts are drawn, nothing overflows, nothing is fetched, no foreign text runs."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from playwright.sync_api import expect

from tasks.run_folder import RunFolder
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.refresh import refresh

PAGES = {
    "run": (),
    "snapshot": ("--snapshot", "current"),
    "runs": ("--run", "first", "--against", "second"),
    "snapshots": ("--snapshot", "2", "--against", "current"),
}
HEADINGS = {
    "run": [
        "The frontier and the chosen plans",
        "Predicted against observed",
        "How far predictions can be believed",
        "Limits",
        "Spend",
        "Worst misses",
    ],
    "snapshot": [
        "The frontier",
        "Best single models",
        "Predicted against observed",
        "How far predictions can be believed",
        "Calls by day",
        "Topics",
    ],
    "runs": ["Key figures", "Chosen plans", "By topic", "Spend", "Questions that changed most"],
    "snapshots": ["What was added", "Plans", "Figures of models", "What PerfDB does not know yet"],
}


def written(optiq, home: Path, *arguments: str) -> Path:
    done = optiq("report", "-o", "page.html", "--perfdb", home, *arguments)
    assert done.code == 0, done.err
    return Path("page.html").resolve()


@pytest.mark.parametrize("kind", PAGES)
def test_pages_are_drawn_whole_without_a_word_or_a_request(optiq, home, run_home, browser, opened, kind):
    path = written(optiq, run_home, *PAGES[kind])
    assert path.stat().st_size < 5_000_000
    views = [(1280, "light"), (390, "light" if kind != "run" else "dark")]
    for width, scheme in views:
        seen = opened(browser, path, width, scheme)
        assert seen.said == []
        assert [url for url in seen.asked if not url.startswith(("data:", "file:"))] == []
        assert seen.asked.count(path.as_uri()) == 1
        places = seen.page.locator("[data-chart]").count()
        marks = "[data-chart] svg .mark-symbol path, [data-chart] svg .mark-rect path"
        assert seen.page.locator("[data-chart] svg").count() == places > 0
        assert seen.page.locator(marks).count() > 0
        assert seen.fits()
        headings = seen.page.locator("h2").all_inner_texts()
        assert set(HEADINGS[kind]) <= set(headings)
        assert seen.page.evaluate("window.hacked") is None
        assert seen.page.locator("img").count() == 0
        seen.page.context.close()


def test_what_models_said_is_shown_as_text(optiq, home, run_home, browser, opened):
    seen = opened(browser, written(optiq, run_home, "--run", "first"))
    misses = seen.page.locator("#misses").inner_text()
    assert "</script><script>window.hacked = 1</script>" in misses
    assert "\x1b" not in misses
    assert "\u202e" not in misses
    # In charts too: the words of a tooltip stay words.
    seen.page.locator("#spend [data-chart] svg .mark-rect path").first.hover()
    seen.page.wait_for_selector("#vg-tooltip-element.visible")
    assert seen.page.evaluate("window.hacked") is None
    assert seen.page.locator("#vg-tooltip-element img").count() == 0
    seen.page.context.close()


def test_a_page_can_be_read_by_everyone(optiq, home, run_home, browser, opened):
    seen = opened(browser, written(optiq, run_home))
    page = seen.page
    assert page.locator("h1").count() == 1
    assert page.locator("html[lang]").count() == 1
    assert page.locator("table").count() == page.locator("table > caption").count() > 0
    assert page.locator("[data-chart]:not([aria-label])").count() == 0
    assert page.locator("section:not([aria-labelledby])").count() == 0
    assert page.locator("svg > title").count() >= len(page.locator(".drawing svg").all()) > 0
    assert page.locator("th:not([scope])").count() == 0
    page.context.close()


def test_charts_follow_the_colour_scheme(optiq, home, run_home, browser, opened):
    seen = opened(browser, written(optiq, run_home))
    label = ".role-axis-label text"
    light = seen.page.locator(label).first.get_attribute("fill")
    seen.page.emulate_media(color_scheme="dark")
    # No polling with JavaScript from a string: the page's policy forbids that to everyone.
    expect(seen.page.locator(label).first).not_to_have_attribute("fill", light)
    assert seen.said == []
    seen.page.context.close()


def test_the_last_run_is_the_default_and_json_says_what_was_written(optiq, home, run_home):
    done = optiq("report", "-o", "page.html", "--perfdb", run_home, "--json")
    report = json.loads(done.out)
    assert report["title"] == "Run second"
    assert report["bytes"] == Path("page.html").stat().st_size
    assert report["sections"][0] == "frontier"
    assert optiq("report", "-o", "again.html", "--perfdb", run_home).code == 0
    assert Path("again.html").read_bytes() == Path("page.html").read_bytes()
    for named in ("first", "fir"):  # by its place, as `show` and `view` take it
        done = optiq("report", named, "-o", "named.html", "--perfdb", run_home, "--json")
        assert json.loads(done.out)["title"] == "Run first"
    assert optiq("report", "last", "-o", "again.html", "--perfdb", run_home).code == 0
    assert Path("again.html").read_bytes() == Path("page.html").read_bytes()


def test_a_run_that_was_all_in_the_cache_has_spent_nothing(optiq, home, runs, browser, opened):
    """Its spend was shown as unknown, above a section that told 0 USD beside an empty chart."""
    cached = pl.element().struct.with_fields(cached=True)
    land_traces(Home(home), runs("again", 3, 12).with_columns(pl.col("calls").list.eval(cached)))
    refresh(Home(home), full_gate=False)
    seen = opened(browser, written(optiq, home))
    tiles = seen.page.locator(".tiles li").all_inner_texts()
    spend = next(text for text in tiles if text.startswith("Spend"))
    assert spend.split("\n")[1:] == ["0 USD", "0 USD per question; 24.0 µUSD more from the cache"]
    assert next(text for text in tiles if text.startswith("Energy")).split("\n")[1] == "0 J"
    section = seen.page.locator("#spend").inner_text()
    assert "made 0 calls for 0 USD; all came from the cache" in section
    assert seen.page.locator("#spend [data-chart]").count() == 0
    seen.page.context.close()


MISUSE = {
    "no page": (("-o", "page.pdf"), ["page.pdf", ".html"]),
    "unknown run": (("-o", "p.html", "--run", "nobody"), ["nobody", "runs list"]),
    "unknown snapshot": (("-o", "p.html", "--snapshot", "99"), ["99", "Kept are"]),
    "both kinds": (("-o", "p.html", "--snapshot", "1", "--run", "first"), ["--run or --snapshot"]),
    "unknown run by its place": (("nobody", "-o", "p.html"), ["nobody", "runs list"]),
    "a run twice": (("first", "-o", "p.html", "--run", "second"), ["two runs", "first and second"]),
    "a run and a snapshot": (("first", "-o", "p.html", "--snapshot", "1"), ["--run or --snapshot"]),
    "missing folder": (("-o", "no/such/p.html"), ["no/such"]),
    "unknown other": (("-o", "p.html", "--against", "nobody"), ["nobody"]),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse_is_named_in_one_line(optiq, home, run_home, case):
    arguments, words = MISUSE[case]
    done = optiq("report", *arguments, "--perfdb", run_home)
    assert done.code == 2, done.err
    assert len(done.err.splitlines()) == 1
    for word in words:
        assert word in done.err


def test_a_home_without_runs_says_so(optiq, home):
    done = optiq("report", "-o", "page.html")
    assert done.code == 2
    assert "no run" in done.err


def test_a_run_that_waits_for_a_refresh_is_named(optiq, home, runs):
    RunFolder(Home(home), "20260301-waits").create("key", {"run_id": "20260301-waits", "file": "q.csv"})
    land_traces(Home(home), runs("20260301-waits", 3, 3))
    done = optiq("report", "-o", "page.html")
    assert done.code == 2
    assert "20260301-waits is not in PerfDB yet" in done.err
    assert "optiq refresh" in done.err
    refresh(Home(home), full_gate=False)
    land_traces(Home(home), runs("20260301-waits", 4, 2))
    assert optiq("report", "-o", "page.html").code == 0
    text = Path("page.html").read_text(encoding="utf-8")
    assert "Answers to q.csv" in text
    assert "2 executions of this run wait for a refresh" in text
