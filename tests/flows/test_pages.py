"""README and docs: what they show is what there is. Commands of the README are run, those of all pages parsed."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import polars as pl
import pytest

from flows.command_line.main import VERBS, command_line, run
from optiq.extensions.built_in import ESTIMATORS, PLANNERS, QUALITY_METRICS, SERVERS
from optiq.servers import ServedModel
from tests.optiq.fake_server import FakeServer

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "examples" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHORTEST = 120
NOT_RUN = ("optiq serve", "optiq up")
"""Commands of the README that go on until they are stopped; their own tests start them."""


def generator() -> Any:
    """docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_is_one_screen() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= SHORTEST


def test_pages_made_from_the_code_are_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in (SERVERS, PLANNERS, ESTIMATORS, QUALITY_METRICS):
        monkeypatch.setattr(registry, "_given", {})  # what other tests gave is nobody else's
    for name, text in generator().pages().items():
        written = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert written == text, f"docs/{name} is old: run `python docs/generate.py`"


def test_the_site_is_made_without_a_warning(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    first = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "plans before it executes" in first
    for page in (tmp_path / "site").glob("*.html"):
        assert "```" not in page.read_text(encoding="utf-8"), f"a block of {page.name} is read as text"
    assert not re.search(r'<(script|img|link)[^>]*"https?://', first), "the site needs no network"


def anchors(page: Path) -> set[str]:
    """Anchors of the headings of a page, as GitHub and the site make them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    words = (re.sub(r"[`*]|\]\([^)]*\)|\[", "", head).lower() for head in heads)
    return {re.sub(r"[^\w\- ]", "", head).strip().replace(" ", "-") for head in words}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name) if name else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            lost.append(target)
    assert lost == []


def commands(page: Path) -> Iterator[str]:
    """Commands of `optiq` that a page shows: lines of its blocks, examples of help, and words between backticks."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```(?:bash|sh|console)?\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    for block in blocks:
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|;(?=\s*optiq)", line.strip().removeprefix("$ ")):
                found = part.strip()
                if found.startswith("optiq "):
                    yield found
    outside = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    yield from (one for one in re.findall(r"`(optiq [^`\n]+)`", outside))


def words_of(command: str) -> list[str] | None:
    """The words of a command; None for what stands for several, or for something left out."""
    shown = re.sub(r"\s#\s.*$|\s+#$", "", command)
    if "COMMAND" in shown or re.search(r"…|\.\.\.|[\[\]|{}]", re.sub(r"'[^']*'|\"[^\"]*\"", "", shown)):
        return None
    try:
        return shlex.split(shown)[1:]
    except ValueError:  # an apostrophe after it, in a sentence
        return None


def parsed(words: list[str]) -> None:
    """Have the real parser read the words: :class:`click.UsageError` for what it does not take."""
    command: Any = command_line()
    context = command.make_context("optiq", list(words), resilient_parsing=False)
    while hasattr(command, "resolve_command") and (rest := [*context._protected_args, *context.args]):
        name, command, left = command.resolve_command(context, rest)
        context = command.make_context(name, left, parent=context)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_those_of_the_parser_and_their_files_exist(page: Path) -> None:
    wrong = []
    for command in commands(page):
        words = words_of(command)
        if words is None or not words:
            continue
        if not words[0].startswith("-") and words[0] not in VERBS:
            wrong.append(f"{command}: no such command")
            continue
        try:
            if "--help" not in words and "--help-all" not in words and "--version" not in words:
                parsed(words)
        except click.UsageError as fault:
            # words in a sentence leave out what is not their point
            if "Missing" not in str(fault) and "requires an argument" not in str(fault):
                wrong.append(f"{command}: {fault}")
        for word in words:
            if (
                re.match(r"(examples|benchmarks|sql|docs)/[\w./-]+\.\w+$", word)
                and not (ROOT / word).exists()
            ):
                wrong.append(f"{command}: there is no {word}")
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_benchmarks_and_scripts_that_are_shown_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    modules = set(re.findall(r"python -m (benchmarks[\w.]*)", text))
    files = set(re.findall(r"python ((?:benchmarks|docs)/[\w/]+\.py)", text))
    assert {name for name in modules if importlib.util.find_spec(name) is None} == set()
    assert {name for name in files if not (ROOT / name).is_file()} == set()


@pytest.fixture
def beginner(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a person follows the README: the examples beside them, and a server (a fake, for speed) that is found."""
    answers = {
        row["question"]: row["reference"]
        for name in ("questions", "questions_calibrate")
        for row in pl.read_csv(ROOT / "examples" / f"{name}.csv").iter_rows(named=True)
    }

    class Served(FakeServer):
        def list_models(self) -> list[ServedModel]:
            return [ServedModel("gemma3:270m"), ServedModel("smollm2:135m")]

    def answer(request: Any) -> str:
        text = str(request.prompt)
        return next((right for asked, right in answers.items() if asked in text), "Oslo")

    server = Served(answer, latency_s=0.1)
    monkeypatch.setitem(SERVERS._given, "beginners", lambda *_: server)
    monkeypatch.setenv("OPTIQ_SERVER", "beginners")
    monkeypatch.setenv("OPTIQ_PROBE", "off")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.delenv("OPTIQ_HOME")  # an empty folder is enough
    return tmp_path


def test_every_command_of_the_readme_runs(beginner: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = [command for command in commands(ROOT / "README.md") if words_of(command)]
    blocks = [one for one in shown if "--" in one or "examples/" in one or one.count(" ") < 3]
    ran = 0
    for command in blocks:
        words = words_of(command)
        assert words is not None
        if command.startswith(NOT_RUN) or words[0] == "down" or "--help" in words:
            continue
        words = [word for word in words if word not in ("--server", "embedded")]
        code = run(words)
        told = capsys.readouterr()
        assert code == 0, f"{command}: {told.err}"
        assert told.out + told.err, command
        ran += 1
    assert ran >= 7
    assert (beginner / "answers.csv").is_file()


def heads(text: str) -> set[tuple[str, ...]]:
    """The columns of the tables in what a command prints: what stands above a rule."""
    lines = text.splitlines()
    found = (lines[n - 1] for n, line in enumerate(lines) if n and re.fullmatch(r" *─{5,} *", line))
    return {tuple(re.split(r"\s{2,}", head.strip())) for head in found}


SHOWN = [
    (page, block)
    for page in PAGES
    for block in re.findall(r"^```\n(optiq .*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    if "─────" in block
]


def test_some_pages_show_what_a_command_prints() -> None:
    assert {page.name for page, _ in SHOWN} == {"confidence.md", "words.md"}


@pytest.mark.parametrize(("page", "block"), SHOWN, ids=lambda given: getattr(given, "name", ""))
def test_tables_that_are_shown_have_the_columns_of_today(
    page: Path, block: str, beginner: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = words_of(block.splitlines()[0])
    assert words is not None
    assert run(["init"]) == 0
    assert run(words) == 0
    assert heads(block) <= heads(capsys.readouterr().out)


def test_python_of_the_readme_runs(beginner: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - our own page
    assert (
        names["answers"]["answer"].to_list() == ["William Shakespeare", "Oslo"]
        or names["answers"].height == 2
    )


def test_settings_shown_in_pages_are_read(tmp_path: Path) -> None:
    """Blocks of `optiq.toml` are TOML, and their keys are settings."""
    import tomllib

    from optiq.configuration import SETTINGS

    for page in PAGES:
        for block in re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            if "entry-points" not in block:
                assert set(tomllib.loads(block)) <= {*SETTINGS, "trusted_servers"}, page.name


def test_the_notebook_is_one_that_was_run() -> None:
    book = json.loads((ROOT / "examples" / "notebook.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in cells)
    assert any("image/svg+xml" in str(cell["outputs"]) or "<svg" in str(cell["outputs"]) for cell in cells)
