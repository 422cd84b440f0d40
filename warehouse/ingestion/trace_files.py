"""Files with traces: ours, those of the papers, and of other tools; each is read by what fits its content."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from optiq.errors import InputError
from optiq.extensions.built_in import FORMATS
from optiq.files.packed import suffix_of
from optiq.files.tables import SUFFIXES
from optiq.formats.protocol import Format, Role
from optiq.formats.recognition import files_in, recognised
from optiq.formats.source import Source
from warehouse.home import Home, usable
from warehouse.ingestion.answers import AnswersFile, is_answers
from warehouse.ingestion.calls import OF_ONE
from warehouse.ingestion.chunks import Opened, read_chunks
from warehouse.ingestion.foreign import Foreign, ForeignFile, ForeignTraces
from warehouse.ingestion.history import History, is_history
from warehouse.ingestion.notes import Notes
from warehouse.ingestion.opti_q import Executions, is_executions
from warehouse.ingestion.renaming import pairs_of, renamed
from warehouse.ingestion.traces import COLUMNS, Traces
from warehouse.ingestion.units import KnownRates
from warehouse.sources import sources_by_name

Open = Callable[[Path, str], Opened]
"""Opens a file, given its path and the SHA-256 of its content."""


def trace_files(
    home: Home, files: Iterable[str | Path], foreign: Foreign | None = None
) -> tuple[dict[Path, Open], dict[str, str]]:
    """What opens each of the files that hold traces, and the others with the reason why they do not.

    Folders stand for the files in them; ``foreign`` says how to read files of other tools.

    Raises
    ------
    InputError
        if a file is missing or of no kind that is known, or none holds traces.
    """
    foreign = foreign or Foreign()
    known = KnownRates.of(home.perfdb)
    paths, inside = files_in([Path(file) for file in files])
    opened: dict[Path, Open] = {}
    passed: dict[str, str] = {}
    for path in paths:
        with usable(home):
            found = recognised(Source(path, paths), foreign.format)
        if found is None and path in inside and suffix_of(path) not in SUFFIXES:
            passed[str(path)] = "no format that is known"
        elif found is None:
            _check_native(path)
            opened[path] = _native_traces(home, known, foreign)
        elif found[1] is Role.BESIDE:
            passed[str(path)] = f"it completes other files of {found[0].title}; alone it holds no answer"
        else:
            if foreign.columns:
                raise InputError(
                    f"{path} is of {found[0].title}, whose fields are known: --column is for plain tables",
                    "Leave it out, or give the files one by one.",
                )
            opened[path] = _foreign_traces(found[0], paths, foreign, known)
    if passed and not opened:
        name, why = next(iter(passed.items()))
        raise InputError(f"{name} holds no traces: {why}", "Give the files with the answers, too.")
    return opened, passed


def _check_native(path: Path) -> None:
    if suffix_of(path) not in SUFFIXES:
        raise InputError(
            f"{path} is no traces file, and no format of another tool that is known",
            f"Traces end in {', '.join(SUFFIXES)}; formats are {', '.join(FORMATS.names())} (--format).",
        )


def _native_traces(home: Home, known: KnownRates, said: Foreign) -> Open:
    earlier = None
    pairs = pairs_of(said.columns, (*COLUMNS, *OF_ONE))

    def opened(path: Path, digest: str) -> Opened:
        def reader_of(columns: list[str]) -> Any:
            known_forms = ((is_history, History), (is_executions, Executions), (is_answers, AnswersFile))
            form: Any = next((kind for fits, kind in known_forms if fits(columns)), Traces)
            nonlocal earlier
            if form is Traces and "execution_id" not in columns:
                earlier = earlier if earlier is not None else sources_by_name(home)
                if earlier.get(path.name, set()) - {digest}:
                    raise InputError(
                        f"a traces file {path.name} with another content was ingested before, and its rows have no "
                        "execution_id: those that are in both would count twice",
                        "Give new rows alone under another name, or a column execution_id from the first time on. "
                        "What is merged is taken back by `optiq snapshots restore`.",
                    )
            reader = form(path, digest, known)
            reader.notes = notes if form is Traces and pairs else reader.notes
            return reader

        notes = Notes()
        chunks = read_chunks(path)
        return Opened(renamed(chunks, pairs, notes) if pairs else chunks, reader_of)

    return opened


def _foreign_traces(form: Format, paths: list[Path], foreign: Foreign, known: KnownRates) -> Open:
    def opened(path: Path, digest: str) -> Opened:
        reader = ForeignTraces(path, digest, known, foreign)
        reader.notes.once(f"read as {form.title}")
        return Opened(
            ForeignFile(path, form, paths, foreign, reader.notes, known.models).chunks(),
            lambda columns: reader,
        )

    return opened
