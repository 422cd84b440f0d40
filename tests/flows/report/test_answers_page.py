"""`optiq view` in a real browser: what is shown, sorted, filtered and opened; and that no foreign text runs."""

from __future__ import annotations

import hashlib
import re
import urllib.error
import urllib.request
from importlib import resources
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tasks.serving.one_page import serving

LIBRARY = {
    "tabulator.min.js": "d55b66c4343599507915c64a6a16255b02229ca1eef1efcae2278938194c209b",
    "tabulator.min.css": "344d2556416c32cb80b428135d1b048887d09437d346b4d59ca17dc9b9b5c645",
}


def written(optiq, run_home: Path, *arguments: str) -> Path:
    done = optiq("view", "-o", "answers.html", "--perfdb", run_home, *arguments)
    assert done.code == 0, done.err
    return Path("answers.html").resolve()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_answers_are_filtered_sorted_and_opened(
    optiq, home, run_home, browser, opened, hostile, width, scheme
):
    path = written(optiq, run_home, "first")
    seen = opened(browser, path, width, scheme)
    page, count = seen.page, seen.page.locator("#count")
    expect(count).to_have_text("60 of 60")
    assert seen.fits()
    page.fill("#search", "question 5")
    expect(count).to_have_text("15 of 60")  # 5, 15, … 45, and 50 to 59
    page.fill("#search", "")
    expect(count).to_have_text("60 of 60")
    cells = page.locator(".tabulator-row [tabulator-field=qoa]")
    page.locator("[tabulator-field=qoa] input").press_sequentially("< 0.5")
    expect(cells.filter(has_text=re.compile(r"^\s*(0\.[5-9]|1)"))).to_have_count(0)
    expect(count).not_to_have_text("60 of 60")
    assert all(float(text) < 0.5 for text in cells.all_inner_texts())
    for _ in "< 0.5":
        page.locator("[tabulator-field=qoa] input").press("Backspace")
    expect(count).to_have_text("60 of 60")
    page.get_by_role("button", name="wrong").click()
    expect(count).not_to_have_text("60 of 60")
    page.get_by_role("button", name="all").click()
    page.fill("#search", "window.HACKED")
    expect(count).to_have_text("1 of 60")
    row = page.locator(".tabulator-row").first
    row.focus()
    row.press("Enter")
    drawer = page.locator("#drawer")
    expect(drawer).to_be_visible()
    said = drawer.inner_text()
    assert "</script><script>window.hacked = 1</script>" in said
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "optiq show first q0" in said
    assert drawer.locator(".drawing svg title").count() == 1
    assert drawer.locator(".node pre").count() >= 1
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0
    assert seen.said == []
    assert [url for url in seen.asked if not url.startswith(("data:", "file:", "blob:"))] == []
    page.context.close()


def test_two_runs_stand_row_by_row(optiq, home, run_home, browser, opened):
    seen = opened(browser, written(optiq, run_home, "first", "--against", "second"))
    page = seen.page
    expect(page.locator("#count")).to_have_text("60 of 60")
    page.get_by_role("button", name="better").click()
    expect(page.locator("#count")).not_to_have_text("60 of 60")
    change = page.locator(".tabulator-row [tabulator-field=change]").all_inner_texts()
    assert change
    assert all(float(text) > 0 for text in change)
    page.locator(".tabulator-row").first.click()
    expect(page.locator("#drawer")).to_be_visible()
    headings = page.locator("#drawer h3").all_inner_texts()
    assert headings.index("before") < headings.index("after")
    assert seen.said == []
    assert seen.fits()
    page.context.close()


def test_a_page_that_cannot_be_made_says_why_in_one_line(optiq, home, run_home):
    for arguments, told in [
        (("nobody", "-o", "p.html"), "nobody"),
        (("first", "--against", "nobody", "-o", "p.html"), "nobody"),
        (("first", "-o", "p.pdf"), ".html"),
        (("first", "--port", "70000"), "--port"),
    ]:
        done = optiq("view", "--perfdb", run_home, *arguments)
        assert done.code == 2
        assert told in done.err
        assert len(done.err.splitlines()) == 1


def test_it_is_served_to_who_knows_its_address_on_this_machine():
    with serving("<p>answers") as (url, _):
        with urllib.request.urlopen(url, timeout=30) as reply:
            assert (reply.read(), reply.headers["Cache-Control"]) == (b"<p>answers", "no-store")
        root, name = url.rsplit("/", 1)
        elsewhere = urllib.request.Request(url, headers={"Host": "rebound.example:80"})
        for wrong in (f"{root}/", f"{root}/{name[:-1]}", elsewhere):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(wrong, timeout=30)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url, timeout=30)


@pytest.mark.parametrize("name", LIBRARY)
def test_the_table_library_is_the_pinned_one(name):
    content = resources.files("optiq.report").joinpath("tabulator", name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == LIBRARY[name]
