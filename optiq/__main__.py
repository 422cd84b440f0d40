"""The `optiq` command, also as `python -m optiq`."""

from __future__ import annotations

import gc
import importlib


def main() -> None:
    """Entry point of the script."""
    # What is imported stays: to look through it for circles again and again is a tenth of a short command's CPU time.
    gc.set_threshold(200_000, 10, 10)
    importlib.import_module("flows.command_line.main").main()


if __name__ == "__main__":
    main()
