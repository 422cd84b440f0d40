"""References that are worked solutions, as GSM8K and MATH have them: the answer is what stands at their end."""

from __future__ import annotations

import re

_HASHES = re.compile(r"(?:\A|\n)[ \t]*####[ \t]*(\S[^\n]*?)\s*\Z")
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")


def answer_of_solution(reference: str) -> str:
    """What stands after ``####`` in the last line, else in the last box; ``reference`` itself without either."""
    if hashes := _HASHES.search(reference):
        return hashes[1]
    boxes = list(_BOX.finditer(reference))
    if not boxes:
        return reference
    depth, start = 1, boxes[-1].end()
    for place, character in enumerate(reference[start:], start):
        depth += (character == "{") - (character == "}")
        if not depth:
            return reference[start:place].strip() or reference
    return reference
