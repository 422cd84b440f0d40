"""The `optiq` command, also as `python -m optiq`."""

from __future__ import annotations

import importlib


def main() -> None:
    """Entry point of the script."""
    importlib.import_module("flows.command_line.main").main()


if __name__ == "__main__":
    main()
