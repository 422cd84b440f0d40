"""How options stand in the files of other people: lists, records with labels, one text with marks or bars.

Public sets of choice questions agree on none of it. What is accepted is what names every option without doubt; the
labels that a file gives them (``1``, ``opb``, ``(b)``) are kept, so that its references are read by them.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Mapping, Sequence
from itertools import pairwise
from string import ascii_uppercase
from typing import Any, NamedTuple

from optiq.errors import InputError
from optiq.files import strict_json

_MOST_LITERAL_CHARS = 64 * 1024
_LABELS, _TEXTS = ("label", "labels", "key", "letter", "id"), ("text", "texts", "content", "value", "option")
_MARK = re.compile(r"(?:(?<=\s)|(?<=[,;|])|^)\(?([A-Za-z])(?:\)|\.(?=\s)|:(?=\s))\s*")
_ARRAY = re.compile(r"\b(?:np\.|numpy\.)?(?:array|Index)\((\[[^\]]*\])(?:,\s*dtype=['\"]?[\w.<]+['\"]?)?\)")
"""How pandas writes a list within a record into CSV."""
_SCALAR = re.compile(r"\bnp\.(?:str_|int\d*|float\d*)\(((?:'[^']*'|\"[^\"]*\"|-?[\d.]+))\)")
"""How NumPy 2 prints a text or a number within a list."""
_VALUES = (tokenize.STRING, tokenize.NUMBER)
_OPENS = ("[", "{", "(", "array(", "np.array(", "numpy.array(", "Index(")
_LABEL = re.compile(r"[A-Za-z]|\d{1,2}")


class Labelled(NamedTuple):
    """Raw options, and what the file calls each of them; no labels where it only lists them."""

    options: list[Any]
    labels: tuple[str, ...] = ()


def labelled_options(value: Any) -> Labelled | None:
    """The options in a cell, as they stand there; None if it is no list of options in any known form.

    Known are a list; its JSON; what Python prints of it; ``{"A": "Oslo", "B": "Rome"}``; ``{"label": ["A", "B"],
    "text": ["Oslo", "Rome"]}``; ``[{"label": "A", "text": "Oslo"}, …]``; ``Oslo|Rome``; lines; and ``A) Oslo B) Rome``.
    """
    items = list_or_record(value) if isinstance(value, str) else value
    if items is None or items == "" or items == [] or items == {}:
        return Labelled([])
    if isinstance(items, str):
        return _of_text(items)
    if isinstance(items, dict):
        return _of_record(items)
    if not isinstance(items, list):
        return None
    return _of_records(items) if all(isinstance(item, dict) for item in items) else Labelled(items)


def list_or_record(text: str, sets: bool = False) -> Any:
    """What ``text`` holds as JSON, or as Python or NumPy prints a list, a tuple or a record; the trimmed text if none.

    With ``sets`` a set is a list, too: where no order matters.
    """
    text = text.strip()
    if not text.startswith(_OPENS):
        return text
    if text[0] in "[{":
        try:
            return strict_json.loads(text)
        except (ValueError, RecursionError):
            pass
    elif text[0] == "(" and "," not in text:
        return text  # (B) Paris
    try:
        found = ast.literal_eval(_as_python_reads(text))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    if sets and isinstance(found, set):
        return list(ast.literal_eval(f"[{text[1:-1]}]"))  # in the order in which it is printed
    if isinstance(found, tuple):
        return list(found)
    return found if isinstance(found, list | dict) else text


def _as_python_reads(text: str) -> str:
    """A list as Python prints it; NumPy prints texts and numbers without commas, which Python would read as one.

    ``ValueError`` if it is neither.
    """
    if len(text) > _MOST_LITERAL_CHARS:
        raise ValueError("too long to be a list of options or references")
    text = _SCALAR.sub(r"\1", _ARRAY.sub(r"\1", text))
    try:
        tokens = [
            token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.string.strip()
        ]
    except tokenize.TokenError:
        raise ValueError("it does not end") from None
    if any(token.string == "nan" for token in tokens):  # a gap, as pandas prints it
        missing = tokenize.NAME, "None"
        text = tokenize.untokenize(missing if t.string == "nan" else (t.type, t.string) for t in tokens)
    if not any(one.type == other.type in _VALUES for one, other in pairwise(tokens)):
        return text
    if text[0] != "[" or len({token.type for token in tokens[1:-1]}) > 1:
        raise ValueError("values without a comma between them")
    return f"[{', '.join(token.string for token in tokens[1:-1])}]"


def parts_between_bars(text: str) -> list[str]:
    """The parts of ``a|b``; none where a bar belongs to the text, as in ``P(A|B)`` and ``|x|``."""
    parts = text.split("|")
    if len(parts) < 2 or any(not part.strip() or _unbalanced(part) for part in parts):
        return []
    return [part.strip() for part in parts]


def answers_of_record(value: Any) -> list[str] | None:
    """The answers that a record accepts, or a list of such records; None if ``value`` is none of these.

    SQuAD has ``text`` and ``answer_start``, Natural Questions ``text`` and where it starts and ends, DROP ``spans`` and
    ``types``, TriviaQA ``value`` and ``aliases``. A ``text`` alone may be JSON that is asked for.
    """
    found = list_or_record(value) if isinstance(value, str) else value
    if isinstance(found, list) and found and all(isinstance(one, dict) for one in found):
        each = [answers_of_record(one) for one in found]
        return None if None in each else [text for texts in each for text in texts or ()]
    if not isinstance(found, dict):
        return None
    found = {str(name).lower(): one for name, one in found.items()}
    named = found.keys() - _PLACES
    if named == {"text"} and (len(found) > 1 or isinstance(found["text"], list)):
        texts = found["text"]
    elif named == {"spans"}:
        texts = found["spans"]
    elif {"value", "aliases"} <= found.keys():
        texts = [found["value"], *(found["aliases"] or [])]
    else:
        return None
    texts = [texts] if isinstance(texts, str) else texts
    return [text for text in texts or [] if isinstance(text, str)] if isinstance(texts, list | None) else None


_PLACES = {"answer_start", "start", "end", "types"} | {
    f"{end}_{unit}" for end in ("start", "end") for unit in ("token", "byte", "char", "offset")
}
"""Keys that say where in a text an answer stands, or of what kind it is."""


def by_label(reference: Any, labels: Sequence[str]) -> Any:
    """``reference`` in letters where it names options by their labels; as it is where it does not."""
    if not labels or reference is None:
        return reference
    if isinstance(reference, str) and isinstance(several := list_or_record(reference, sets=True), list):
        reference = several
    if isinstance(reference, list):
        return [by_label(one, labels) for one in reference]
    if isinstance(reference, float) and reference.is_integer():
        reference = int(reference)
    names = [label.casefold() for label in labels]
    said = str(reference).strip().strip("()").casefold()
    return ascii_uppercase[names.index(said)] if said in names[: len(ascii_uppercase)] else reference


def in_letters(reference: Any, labels: Sequence[str], first: int | None, n_options: int) -> Any:
    """A reference to options by the file's ``labels``, or by their number counted from ``first``, in letters."""
    return by_label(reference, labels) if first is None else by_number(reference, first, n_options)


def by_number(reference: Any, first: int, n_options: int) -> Any:
    """``reference``, a number of an option (or a list of them) counted from ``first``, in letters.

    :class:`~optiq.errors.InputError` for anything else: with a number taken for a text, wrong is scored right.
    """
    if isinstance(reference, str):
        reference = list_or_record(reference, sets=True)
    if isinstance(reference, list):
        return [by_number(one, first, n_options) for one in reference]
    said = str(
        int(reference) if isinstance(reference, float) and reference.is_integer() else reference
    ).strip()
    if reference is None or not said:
        return None
    place = int(said) - first if re.fullmatch(r"\d{1,2}", said) else -1
    if not 0 <= place < n_options:
        raise InputError(
            f"reference is {said!r:.60}, no number from {first} to {first + n_options - 1}",
            "Leave out --reference-index where references are letters or texts.",
        )
    return ascii_uppercase[place]


def _of_text(text: str) -> Labelled | None:
    parts = parts_between_bars(text) or _marked(text) or [line for line in text.splitlines() if line.strip()]
    return Labelled(list(parts)) if len(parts) > 1 else None


def _marked(text: str) -> list[str]:
    """The parts of ``A) Oslo B) Rome``, each after its mark."""
    found = zip(_MARK.finditer(text), ascii_uppercase, strict=False)
    marks = [mark for mark, letter in found if mark[1].upper() == letter]
    if not marks or marks[0].start():
        return []
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    return [text[mark.end() : end].rstrip(" \t\n\r,;") for mark, end in zip(marks, ends, strict=True)]


def _of_record(record: Mapping[str, Any]) -> Labelled | None:
    label, text = (
        next((record[name] for name in names if name in record), None) for names in (_LABELS, _TEXTS)
    )
    if isinstance(text, list) and isinstance(label, list):
        return Labelled(list(text), _labels(label)) if len(text) == len(label) else None
    # A table has a column for each label that any row has.
    given = {str(name).strip(): one for name, one in record.items() if one is not None}
    if len(given) < 2 or not all(_LABEL.fullmatch(name) for name in given):
        return None
    return Labelled(list(given.values()), _labels(list(given)))


def _of_records(records: Sequence[Mapping[str, Any]]) -> Labelled | None:
    for names in ((label, text) for label in _LABELS for text in _TEXTS):
        if all(set(names) <= set(record) for record in records):
            label, text = names
            return Labelled([one[text] for one in records], _labels([one[label] for one in records]))
    return None


def _labels(given: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(one).strip().strip("().:") for one in given)


def _unbalanced(text: str) -> bool:
    return any(text.count(left) != text.count(right) for left, right in ("()", "[]", "{}"))
