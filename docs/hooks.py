"""What MkDocs does with each page: it takes no more than a language beside the fence of a block.

GitHub does, and tests read there what an example is (`jsonl questions full`).
"""

from __future__ import annotations

import re
from typing import Any


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page with the language alone beside each fence."""
    return re.sub(r"^(```\w+) .*$", r"\1", markdown, flags=re.MULTILINE)
