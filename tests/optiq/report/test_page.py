"""A page holds whatever it is given as text: nothing in it can become markup, script, or a control character."""

import json
import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.report import Chart, Miss, Page, Section, Table, Tile, charts, render
from optiq.report.text import change, clean, number, percent, usd

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\u202eabc\u2028&amp;"


def page_of(text):
    shown = clean(text)
    points = pl.DataFrame({"plan": [text], "value": [1.0], "qoa": [0.5], "series": ["s"], "n": [1]})
    section = Section(
        "one",
        shown,
        shown,
        charts=[Chart(shown, shown, charts.quality_against("cost_usd", points, ["s"]))],
        tables=[Table(shown, [shown, "n"], [[shown, "1"]])],
        misses=[Miss(shown, [("answer", shown)], [shown])],
        topics=[(shown, shown, [shown])],
        note=shown,
    )
    return Page(shown, shown, [Tile(shown, shown, shown)], [section], notices=[shown], about=[(shown, shown)])


def test_text_of_models_stays_text():
    document = render(page_of(HOSTILE))
    own = re.sub(r"<script>.*?</script>", "", document, flags=re.S)
    assert own.count("<script") == 1  # the one with the specifications, as JSON
    assert "<img" not in own
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", own)
    assert document.count("</script>") == 3
    specs = re.search(r'id="specs">(.*?)</script>', document, flags=re.S)[1]
    assert "<" not in specs
    assert json.loads(specs)[0]["data"]["values"][0]["plan"].startswith("</script>")


def test_a_page_is_complete_in_itself():
    document = render(page_of("plain"))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', document)[1]
    assert "default-src &#39;none&#39;" in policy
    assert "unsafe-eval" not in policy
    outside = re.sub(r"<script>.*?</script>", "", document, flags=re.S)
    assert not re.search(r'(src|href)="(?!#|data:)', outside)
    assert len(document) < 2_000_000


@given(st.text(max_size=80))
def test_any_text_can_be_shown(text):
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", cleaned)


def test_long_text_is_cut():
    assert len(clean("x" * 5000, 100)) == 100


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (number(None), "–"),
        (number(float("nan")), "–"),
        (number(0), "0"),
        (number(1234.5), "1,234"),
        (number(0.01234), "0.0123"),
        (number(3e-7), "3.00e-07"),
        (usd(9.46e-6), "9.46 µUSD"),
        (usd(1.5), "1.50 USD"),
        (usd(None), "–"),
        (percent(1.0), "100\N{NO-BREAK SPACE}%"),
        (percent(0.9999), "over 99\N{NO-BREAK SPACE}%"),
        (percent(0.001), "under 1\N{NO-BREAK SPACE}%"),
        (change(2.0, 1.0), "−50\N{NO-BREAK SPACE}%"),
        (change(0.0, 1.0), "–"),
    ],
)
def test_figures_are_readable(shown, expected):
    assert shown == expected
