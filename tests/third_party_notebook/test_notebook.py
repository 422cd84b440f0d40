"""examples/notebook.ipynb, run whole by Jupyter's own client and kernel, on real small models.

`python -m tests.third_party_notebook.test_notebook` runs it and writes its outputs into the file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from tests.own_environment import interpreter_of

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "examples" / "notebook.ipynb"
PLACE = ROOT / ".venv-third-party-notebook"
RUN = """
import sys, nbformat, nbclient
book = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(book, timeout=600, kernel_name="python3", record_timing=False).execute()
nbformat.write(book, sys.argv[2])
"""


def run_book(folder: Path) -> dict[str, Any]:
    """The notebook as Jupyter leaves it that runs it in ``folder``."""
    python = interpreter_of(PLACE, Path(__file__).with_name("requirements.lock"))
    site = Path(sysconfig.get_path("purelib", vars={"base": str(PLACE), "platbase": str(PLACE)}))
    ours = [str(ROOT), *(path for path in sys.path if path.endswith("site-packages"))]
    (site / "ours.pth").write_text("".join(f"{path}\n" for path in ours), encoding="utf-8")
    kernel = folder / "share" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(
        json.dumps({"argv": command, "display_name": "", "language": "python"})
    )
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("OPTIQ", "PREFECT"))},
        "JUPYTER_PATH": str(folder / "share"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
        "COLUMNS": "100",
    }
    done = subprocess.run(
        [python, "-c", RUN, BOOK, folder / "ran.ipynb"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    book: dict[str, Any] = json.loads((folder / "ran.ipynb").read_text(encoding="utf-8"))
    return book


def test_the_notebook_runs_from_the_first_cell_to_the_last(tmp_path: Path) -> None:
    ran, kept = run_book(tmp_path), json.loads(BOOK.read_text(encoding="utf-8"))
    cells = [cell for cell in ran["cells"] if cell["cell_type"] == "code"]
    assert [cell["source"] for cell in ran["cells"]] == [cell["source"] for cell in kept["cells"]]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    shown = "".join(
        "".join(out.get("data", {}).get("text/html", "")) for cell in cells for out in cell["outputs"]
    )
    assert shown.count("<svg") >= 3  # the frontier, its plan, and a plan of one's own
    assert "answered" in shown
    assert not any("prefect" in str(out).lower() for cell in cells for out in cell["outputs"])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        written = run_book(Path(place))
    BOOK.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
