"""What is registered is known by name, from here or from another package, and imported only when it is asked for."""

from __future__ import annotations

import importlib.metadata
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from optiq.errors import ConfigurationError, UnknownName
from optiq.extensions.built_in import ESTIMATORS, PLANNERS, POLICIES, QUALITY_METRICS, SELECTORS, SERVERS
from optiq.extensions.registry import Registry

ROOT = Path(__file__).parents[3]


@pytest.fixture
def paths(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry of one built-in, to which another package adds a name of its own and one that is taken."""
    added = [
        EntryPoint("native", "pathlib:Path", "optiq.paths"),
        EntryPoint("pure", "nowhere_at_all:Nothing", "optiq.paths"),
        EntryPoint("broken", "nowhere_at_all:Nothing", "optiq.paths"),
    ]
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda group: added if group == "optiq.paths" else []
    )
    return Registry("optiq.paths", "path", {"pure": "pathlib:PurePath.joinpath"})


def test_built_ins_and_what_other_packages_add_are_known_and_loaded(paths: Registry) -> None:
    from pathlib import PurePath

    assert paths.names() == ("broken", "native", "pure")
    assert paths.load("native") is Path
    assert paths.load("pure") is PurePath.joinpath  # nobody takes the place of a built-in
    with pytest.raises(
        ConfigurationError,
        match=r"the path 'broken' of nowhere_at_all cannot be loaded: ModuleNotFoundError: No ",
    ):
        paths.load("broken")  # only now: listing imported nothing


def test_what_a_program_gives_has_a_name_of_its_own(paths: Registry) -> None:
    assert [paths.give(thing) for thing in (int, int, lambda: 1)] == ["int", "int", "lambda"]
    assert paths.give("pure") == "pure"
    assert paths.load("int") is int
    assert paths.give(type("pure", (), {})) == "pure-2"  # nobody takes the place of a built-in
    assert "int" in paths.names()


def test_an_unknown_name_is_told_what_there_is_and_what_is_near(paths: Registry) -> None:
    with pytest.raises(
        UnknownName, match=r"unknown path 'natve'. Did you mean 'native'\? Choose one of broken"
    ):
        paths.load("natve")
    with pytest.raises(UnknownName, match=r"unknown path 'zzz'\. Choose one of broken, native, pure"):
        paths.check("zzz")


@pytest.mark.parametrize(
    "known",
    [ESTIMATORS, PLANNERS, SELECTORS, POLICIES, SERVERS, QUALITY_METRICS],
    ids=lambda known: known.group,
)
def test_every_built_in_loads_and_is_an_entry_point_of_this_package(known: Registry) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    assert declared[known.group] == known.built_in
    for name in known.built_in:
        assert callable(known.load(name))
