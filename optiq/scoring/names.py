"""Names of people, places and works: what makes another name of one, and what is only another way to write it.

``J. S. Bach`` is ``Johann Sebastian Bach`` and ``Franklin Roosevelt`` is ``Franklin D. Roosevelt``. A middle name that
nobody abbreviated can be somebody else's (``John Quincy Adams``), and so can a name that goes on
(``Martin Luther King``, ``New York Times``), but for words that only say what it is (``New York City``).
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files

from optiq.questions.option_letters import folded

_PARTICLES = frozenset(
    ["da", "de", "del", "della", "der", "den", "di", "du", "von", "van", "al", "el", "la", "le", "bin", "ibn"]
)
_TITLES = frozenset(
    ["king", "queen", "emperor", "empress", "tsar", "czar", "pope", "president", "sir", "dame", "lord", "lady", "dr",
     "doctor", "mr", "mrs", "ms", "prof", "professor", "saint", "st", "prince", "princess", "sultan", "captain",
     "general", "chancellor", "senator", "the", "minister"]
)  # fmt: skip
_HEIRS = frozenset(["jr", "sr", "junior", "senior"])
_KINDS = frozenset(
    ["river", "ocean", "sea", "mountain", "mountains", "island", "islands", "isles", "desert", "republic", "kingdom",
     "empire", "dynasty", "university", "college", "peninsula", "canal", "company", "corporation", "corp", "inc", "ltd",
     "llc", "plc", "gmbh", "ag", "co", "band", "team", "club", "fc", "movie", "film", "book", "novel", "album", "song",
     "planet", "star", "moon", "comet", "galaxy", "constellation", "family", "language", "museum", "prize", "award",
     "theory", "effect", "equation", "theorem", "principle", "century", "era", "age", "period", "islander", "war"]
)  # fmt: skip
"""Words behind a name that only say what it is: ``Nile River``."""
_PLACES = frozenset(["city", "state", "town", "county"])
"""The same behind a name of several words: ``New York City``, but ``Mexico City`` is not Mexico."""

_HEIR = re.compile(r"\b[js]r\b|\bjunior\b|\bsenior\b")
_PART = rf"(?:[A-Z]\.|(?:St|Mt|Ft|Dr|Mr|Mrs|Ms|Prof|Jr|Sr)\.|[A-Z][\w'’-]*|(?:{'|'.join(sorted(_PARTICLES))})(?=\s))"
_RUN = re.compile(
    rf"(?<![\w'’])[A-Z](?:\.|[\w'’-]*)(?:\s*(?<=\.)|\s+)(?:{_PART}(?:(?<=\.)\s*|\s+))*{_PART}|[A-Z][\w'’-]+"
)
_SPLIT = re.compile(r"(?<=\.)\s*|\s+")
_FEW = 8


def _parts(name: str) -> list[str]:
    """The parts of a name, folded, without titles, particles and what its heirs are called."""
    parts = [part for part in _SPLIT.split(name) if part.strip(".")]
    if any(part.isupper() for part in parts[:-1]):  # JS Bach
        parts = [one for at, part in enumerate(parts) for one in _initials(part, at == len(parts) - 1)]
    found = [folded(part).strip(".'") for part in parts]
    while len(found) > 1 and found[0] in _TITLES:
        del found[0]
    return [part for part in found if part and part not in _PARTICLES and part not in _HEIRS]


def _initials(part: str, last: bool) -> list[str]:
    return list(part) if not last and part.isalpha() and part.isupper() and len(part) in (2, 3) else [part]


def _names(text: str) -> Iterator[list[str]]:
    if text.isupper():
        return
    if not text.isascii():  # Île-de-France
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    for run in itertools.islice(_RUN.finditer(text), _FEW):
        yield _parts(re.sub(r"['’]s$", "", run[0]))


def _name(text: str) -> list[str]:
    """The parts of the name that ``text`` is; empty if it is something else."""
    bare = text.strip().strip(" .")
    return _parts(bare) if _RUN.fullmatch(bare) and not bare.isupper() else []


def _agree(one: str, other: str) -> bool:
    """Whether two given names can be one: the same, or the initial of the other."""
    return one == other or (1 in (len(one), len(other)) and one[:1] == other[:1])


def _same_given(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether all given names of one person can be those of the other; all initials may be left out, a name not."""
    short, long = sorted((one, other), key=len)
    if not _agree(short[0], long[0]):
        return False
    if len(short) == 1:
        return all(len(name) == 1 for name in long[1:])
    return len(short) == len(long) and all(map(_agree, short, long))


def same_person(answer: str, reference: str) -> bool:
    """Whether both are names that differ in no more than initials: ``J. S. Bach``, ``Johann Sebastian Bach``."""
    one, other = _name(answer), _name(reference)
    if set(_HEIR.findall(answer.casefold())) != set(_HEIR.findall(reference.casefold())):
        return False
    return (
        len(one) > 1
        and len(other) > 1
        and one[-1] == other[-1]
        and len(one[-1]) > 1
        and (_same_given(one[:-1], other[:-1]) or _one_known(one, other))
    )


def _one_known(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether all given names of both are those of the one whom the last name alone means: ``Thomas Alva Edison``."""
    known = _known_alone().get(one[-1], ())
    return _agree(one[0], other[0]) and {*one[:-1], *other[:-1]} <= {*known, *(name[0] for name in known)}


@cache
def _known_alone() -> dict[str, tuple[str, ...]]:
    """Last names that alone mean one person, and the given names of that person."""
    lines = files("optiq.scoring").joinpath("last_names.txt").read_text(encoding="utf-8").splitlines()
    found = (line.split() for line in lines if line and not line.startswith("#"))
    return {last: tuple(given) for last, *given in found}


def _relative(name: Sequence[str]) -> bool:
    """Whether ``name`` is somebody else than whom its last name alone means: ``C. P. E. Bach``, ``Leopold Mozart``."""
    if len(name) < 2 or (known := _known_alone().get(name[-1])) is None or name[0] in known:
        return False
    initials = [part for part in name[:-1] if len(part) == 1]
    if len(initials) < len(name) - 1:
        return name[-2] not in known  # Maria Skłodowska Curie
    firsts = iter(part[0] for part in known)
    return not all(any(first == initial for first in firsts) for initial in initials)


@cache
def _lies_in() -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    """Places that a bare name means, with what they lie in; and all that places lie in."""
    lines = files("optiq.scoring").joinpath("places.txt").read_text(encoding="utf-8").splitlines()
    rows = [[name.strip() for name in line.split("|")] for line in lines if line and not line.startswith("#")]
    found = {place: frozenset(around) for place, *around in rows}
    return found, frozenset(name for around in found.values() for name in around) | _STATES


_STATES = frozenset(
    """
    alabama alaska arizona arkansas california colorado connecticut delaware florida georgia hawaii idaho illinois
    indiana iowa
    kansas kentucky louisiana maine maryland massachusetts michigan minnesota mississippi missouri montana nebraska
    nevada ohio oklahoma oregon pennsylvania tennessee texas utah vermont virginia washington wisconsin wyoming ontario
    quebec manitoba alberta tx ky oh pa ny nj ca il in ga al tn
    """.split()  # noqa: SIM905
) | {"new york", "new jersey", "new mexico", "new hampshire", "north carolina", "south carolina", "west virginia",
     "new zealand", "south africa"}  # fmt: skip
_AND_WHERE = re.compile(r"(?:,\s*|\s+\(|\s+in\s+)([A-Z][\w.]*(?:\s+[A-Z][\w.]*)*)\)?\W*\Z")


def _elsewhere(answer: str, reference: str) -> bool:
    """Whether ``answer`` has the place ``reference`` in another country or state than the name alone means."""
    known, all_around = _lies_in()
    if (around := known.get(folded(reference.strip(" .")))) is None:
        return False
    at = answer.find(reference.strip(" ."))
    where = _AND_WHERE.match(answer, at + len(reference.strip(" ."))) if at >= 0 else None
    said = folded(where[1]).replace(".", "") if where else ""
    return said in all_around and said not in around


def longer_name(answer: str, reference: str) -> bool:
    """Whether all that ``answer`` names is longer or shorter than the name ``reference``, and so perhaps another's."""
    wanted = _name(reference)
    if not wanted:
        return False
    if _elsewhere(answer, reference):
        return True  # Paris, Texas
    if len(wanted) > 1 and _name(answer) == wanted[-1:] and _relative(wanted):
        return True  # Bach, for C. P. E. Bach
    if len(wanted) > 1 and _name(answer) == wanted[:1] and not set(wanted[1:]) <= _KINDS:
        return True  # Muhammad, for Muhammad Ali
    if _among_others(answer, reference) or _heir_of(answer, reference):
        return True
    if (
        len(wanted) == 1
        and wanted[0] in _TITLES
        and re.search(rf"(?<!\w){re.escape(reference.strip(' .'))}\s+[A-Z][a-z]", answer)
    ):
        return True  # Queen Victoria, for Queen
    verdicts = [found for name in _names(answer) if (found := _other_than(name, wanted)) is not None]
    return bool(verdicts) and all(verdicts)


def _other_than(name: list[str], wanted: list[str]) -> bool | None:
    """Whether a name has more or less than ``wanted``; None if it is nothing like it."""
    for at in range(len(name) - len(wanted) + 1):
        if name[at : at + len(wanted)] == wanted:
            more = name[at + len(wanted) :]
            if len(wanted) == 1 and not more and _relative(name):
                return True
            kinds = _KINDS | _PLACES if len(wanted) > 1 else _KINDS
            return bool(more) and more[0] not in kinds and more[0] not in _SMALL and more[0] not in wanted
    if len(wanted) == 1 and any(wanted[0] in part.split("-") for part in name):
        return True  # Guinea-Bissau
    if len(wanted) > 1 and len(name) > 1 and wanted[-1] in name[-1].split("-")[:-1]:
        return name[0] == wanted[0]  # Elizabeth Taylor-Joy
    if len(wanted) < 2 or len(name) < 2 or name[-1] != wanted[-1]:
        return None
    start = next((at for at, part in enumerate(name[:-1]) if _agree(part, wanted[0])), None)
    return None if start is None else not _same_given(name[start:-1], wanted[:-1])


def _heir_of(answer: str, reference: str) -> bool:
    """Whether ``answer`` has a ``Jr.`` or ``Sr.`` that the reference lacks."""
    return _HEIR.search(answer.casefold()) is not None and not _HEIR.search(reference.casefold())


_JOINED = re.compile(r"\b(?:and|or)\b|[&/]")


def _among_others(answer: str, reference: str) -> bool:
    """Whether ``answer`` names somebody else in one breath with ``reference``: ``Pierre and Marie Curie``."""
    if not _JOINED.search(answer) or _JOINED.search(reference):
        return False
    name = re.escape(reference.strip(" ."))
    joined = r"(?:\s+(?:and|&|or)\s+|\s?/\s?)"
    both = rf"(?<![\w'’])[A-Z][\w-]+{joined}{name}(?![\w-])|(?<![\w'’-]){name}{joined}(?!I\b)[A-Z][\w-]+(?!['’\w])"
    if " " in reference:  # Orville and Wilbur Wright, for Orville Wright
        first, last = (re.escape(part) for part in (reference.split()[0], reference.strip(" .").split()[-1]))
        both += rf"|(?<![\w'’]){first}{joined}[A-Z][\w-]+\s+{last}(?![\w-])"
    return re.search(both, answer) is not None


_SMALL = frozenset(
    ["is", "was", "are", "were", "and", "or", "in", "of", "on", "at", "for", "has", "had", "have", "i", "it", "he",
     "she", "they", "because", "which", "that", "not", "as", "by", "since", "a", "an"]
)  # fmt: skip
