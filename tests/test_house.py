"""The shape of the house: imports point one way and never in a circle, and light commands stay light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ["optiq", "warehouse", "tasks", "flows"]  # each may import those before it
HEAVY = ["torch", "prefect", "duckdb", "ollama", "openai", "httpx", "numba", "great_expectations", "bertopic"]


def imported_modules(path: Path) -> set[str]:
    """Names of all modules that a file imports, at its top or inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_imports_point_one_way(room: str) -> None:
    later = set(ROOMS[ROOMS.index(room) + 1 :])
    wrong = {
        f"{path.relative_to(ROOT)} imports {module}"
        for path in (ROOT / room).rglob("*.py")
        for module in imported_modules(path)
        if module.split(".")[0] in later
    }
    assert wrong == set()


def test_only_the_front_doors_name_a_later_room_by_its_address() -> None:
    """`optiq.open` and the command import the last room by name when they are used (docs/architecture.md)."""
    naming = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "optiq").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and re.match(r"(warehouse|tasks|flows)\.\w+", str(node.value))
    }
    assert naming == {"optiq/__init__.py", "optiq/__main__.py"}


def test_what_extras_bring_is_told_by_name() -> None:
    from optiq.extensions.extras import EXTRAS

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    known = {
        name: {re.split(r"[\[<>=!~; ]", line)[0].lower() for line in lines}
        for name, lines in extras["optional-dependencies"].items()
    }
    needed = {re.split(r"[\[<>=!~; ]", line)[0].lower() for line in extras["dependencies"]}
    called = {
        "sklearn": "scikit-learn",
        "vl_convert": "vl-convert-python",
        "opentelemetry": "opentelemetry-sdk",
    }
    for module, extra in EXTRAS.items():
        name = called.get(module, module.replace("_", "-"))
        assert name in known[extra], f"{module} is not brought by {extra}"
        assert name not in needed


def test_the_optimizer_knows_neither_duckdb_nor_prefect() -> None:
    wrong = {
        f"{path.relative_to(ROOT)} imports {module}"
        for path in (ROOT / "optiq").rglob("*.py")
        for module in imported_modules(path)
        if module.split(".")[0] in {"duckdb", "prefect"}
    }
    assert wrong == set()


def loaded_after(statement: str) -> set[str]:
    """Which heavy libraries a fresh interpreter has loaded after a statement."""
    script = f"import sys\n{statement}\nprint(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.splitlines()[-1].split()) if done.stdout.strip() else set()


@pytest.mark.parametrize("statement", ["import optiq", "import flows.command_line.main"])
def test_imports_stay_light(statement: str) -> None:
    assert loaded_after(statement) == set()


def test_flows_load_prefect_only_where_there_is_a_server() -> None:
    flows = ", ".join(f"flows.{path.stem}" for path in sorted((ROOT / "flows").glob("*.py")))
    assert "prefect" not in loaded_after(f"import optiq.planning, warehouse.refresh, {flows}")


def module_graph() -> dict[str, set[str]]:
    """Each module of the rooms with those of them that it imports, at its top or inside functions."""
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
    }
    return {name: (imported_modules(path) & modules.keys()) - {name} for name, path in modules.items()}


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        tuple(TopologicalSorter(module_graph()).static_order())
    except CycleError as fault:
        pytest.fail(" → ".join(fault.args[1]), pytrace=False)


def test_no_flow_stands_before_a_library() -> None:
    """Prefect puts the folder of a deployed flow first on the path: `flows/requests.py` would be `import requests`."""
    ours = {path.stem for path in (ROOT / "flows").glob("*.py")} - {"__init__"}
    assert not ours & {*sys.stdlib_module_names, *packages_distributions()}


def test_loose_modules_of_the_optimizer_are_its_errors_and_its_configuration() -> None:
    loose = {path.name for path in (ROOT / "optiq").glob("*.py")}
    assert loose == {"__init__.py", "__main__.py", "configuration.py", "errors.py"}


def test_every_room_says_what_it_is() -> None:
    packages = [ROOT / room / "__init__.py" for room in ROOMS]
    packages += [folder / "__init__.py" for folder in (ROOT / "optiq").iterdir() if any(folder.glob("*.py"))]
    silent = [
        str(path.relative_to(ROOT))
        for path in packages
        if not path.is_file() or not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_the_page_on_the_house_names_files_that_there_are() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = re.findall(r"^\| `(\w+)/` \|", page, re.MULTILINE)
    named = set(re.findall(r"`((?:optiq|warehouse|tasks|flows|sql|tests)/[\w/.]+)`", page))
    assert {name for name in named if not (ROOT / name).exists()} == set()
    assert sorted(rooms) == sorted(p.name for p in (ROOT / "optiq").iterdir() if any(p.glob("*.py")))


@pytest.mark.parametrize(
    "room", ["calibration", "chemistry", "endpoint", "evaluation", "execution", "report", "selection"]
)
def test_a_room_names_the_rooms_that_it_uses(room: str) -> None:
    says = (
        ast.get_docstring(ast.parse((ROOT / "optiq" / room / "__init__.py").read_text(encoding="utf-8")))
        or ""
    )
    told = re.search(r"Uses the rooms ([\w, ]+?)(?:, for \w+)?\.", says)
    common = {"errors", "configuration", "extensions", "files"}
    used = {
        name.split(".")[1]
        for path in (ROOT / "optiq" / room).rglob("*.py")
        for name in imported_modules(path)
        if name.startswith("optiq.")
    }
    assert told
    assert set(re.split(r", | and ", told[1])) == used - common - {room}


DISTRIBUTIONS = {"yaml": "pyyaml", "sklearn": "scikit-learn", "text_to_num": "text2num"}
"""Where a module is not called like what is installed for it, and more than one package has the module."""


def declared() -> dict[str, set[str]]:
    """Names of the packages that pyproject.toml declares: those of users, of all extras but dev, and of dev."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    sets = {
        "needed": project["dependencies"],
        "extra": [line for name, lines in extras.items() if name != "dev" for line in lines],
        "dev": extras["dev"],
    }
    return {
        name: {re.split(r"[\[<>=!~; ]", line)[0].lower().replace("_", "-") for line in lines}
        for name, lines in sets.items()
    }


def test_what_is_imported_is_declared() -> None:
    known = {
        module: {name.lower().replace("_", "-") for name in names}
        for module, names in packages_distributions().items()
    }
    told = declared()
    wanted = told["needed"] | told["extra"]
    missing = set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for module in {name.split(".")[0] for name in imported_modules(path)}:
                own = (
                    module in ROOMS
                    or module in ("sql", "tests", "deployments")
                    or module in sys.stdlib_module_names
                )
                names = {DISTRIBUTIONS[module]} if module in DISTRIBUTIONS else known.get(module, set())
                if not own and names and not names & wanted:
                    missing.add(f"{path.relative_to(ROOT)} imports {module} of {', '.join(sorted(names))}")
    assert missing == set()


def test_the_full_install_has_every_extra_of_users() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = set(project["optional-dependencies"]) - {"dev", "full"}
    assert project["optional-dependencies"]["full"] == [f"optiq[{','.join(sorted(extras))}]"]
    heavy = {"torch", "bertopic", "transformers", "sentence-transformers"}
    assert not heavy & declared()["needed"]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-models.lock", "requirements-torch.lock"])
def test_whatever_is_locked_has_hashes(lock: str) -> None:
    text = re.sub(r"#.*", "", (ROOT / lock).read_text(encoding="utf-8")).replace("\\\n", " ")
    lines = [line.split() for line in text.splitlines() if line.strip()]
    assert lines
    for name, *hashes in lines:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", name)
        assert hashes
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", each) for each in hashes), name


def test_the_lock_has_all_that_is_declared() -> None:
    text = "".join(
        (ROOT / name).read_text(encoding="utf-8") for name in ("requirements.lock", "requirements-torch.lock")
    )
    locked = {
        name.lower().replace("_", "-") for name in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)
    }
    told = declared()
    assert (told["needed"] | told["extra"] | told["dev"]) - locked == {"optiq"}
