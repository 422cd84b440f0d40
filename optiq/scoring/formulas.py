r"""Formulas: whether two say the same, whatever way they are written: ``\frac{x+1}{2}``, ``0.5(1 + x)``.

Two expressions are the same if they have the same values where their letters stand for fixed numbers (Schwartz and
Zippel's test; complex numbers, so that roots and logarithms have values everywhere). That needs no computer algebra:
it takes a bounded time whatever a model wrote, and nothing of it is ever executed. Around expressions stand relations
(``x < 5`` is ``5 > x``), sets and solutions in any order, tuples, intervals, unions, matrices and ``±``.
"""

from __future__ import annotations

import cmath
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from optiq.scoring.plain_text import latex

_LONGEST = 300
_POSITIVE = 3
_POINTS = _POSITIVE + 1
"""The last point is below 0: there ``|x|`` is not ``x``. Elsewhere letters are positive, as ``ln x²`` is ``2 ln x``."""
_CLOSE = 1e-8
_MOST = 1e150
_SPACES = re.compile(
    r"\\(?:[,;:! ]|q?quad\b|left\b|right\b|[bB]igg?[lr]?\b|displaystyle\b|limits\b)|~|&(?=\s*=)"
)
_WORDS = re.compile(
    r"\\(?:text|textbf|textit|mathrm|mathbf|mathit|mbox|textnormal|operatorname\*?|rm|bf)\s*\{([^{}]*)\}"
)
_NAMES = {
    "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "times": "*", "cdot": "*", "ast": "*", "div": "/", "le": "≤",
    "leq": "≤", "leqslant": "≤", "ge": "≥", "geq": "≥", "geqslant": "≥", "lt": "<", "gt": ">", "ne": "≠", "neq": "≠",
    "approx": "≈", "pi": "π", "infty": "∞", "cup": "∪", "in": "∈", "pm": "±", "mp": "∓", "lbrace": "⦃",
    "rbrace": "⦄", "{": "⦃", "}": "⦄", "%": "%", "$": " ", "circ": "°", "to": "→", "or": ",", "vert": "|",
    "mid": "|", "lvert": "|", "rvert": "|", "langle": "(", "rangle": ")", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈",
    "rceil": "⌉", "dotsm": "*", "boxed": " ", "emptyset": "∅", "varnothing": "∅", "imath": "i", "mathbb": " ",
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[[complex], complex]] = {
    "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan, "cot": lambda z: 1 / cmath.tan(z),
    "sec": lambda z: 1 / cmath.cos(z), "csc": lambda z: 1 / cmath.sin(z), "arcsin": cmath.asin, "arccos": cmath.acos,
    "arctan": cmath.atan, "asin": cmath.asin, "acos": cmath.acos, "atan": cmath.atan, "sinh": cmath.sinh,
    "cosh": cmath.cosh, "tanh": cmath.tanh, "ln": cmath.log, "log": lambda z: cmath.log(z) / math.log(10),
    "exp": cmath.exp, "sqrt": cmath.sqrt, "abs": abs,
}  # fmt: skip
_PLAIN = {
    "pi": "π",
    "infinity": "∞",
    "inf": "∞",
    "or": ",",
    "and": ",",
    "in": "∈",
    "union": "∪",
    "plus": "+",
    "minus": "-",
}
_TOKEN = re.compile(
    r"\\(?P<command>[A-Za-z]+|[{}%$])|(?P<number>\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)|(?P<word>[A-Za-z]+)|"
    r"(?P<row>\\\\)|(?P<sign><=|>=|!=|\*\*|\S)"
)
_MATRIX = re.compile(r"\\begin\s*\{([bpvB]?matrix|array)\}(?:\{[clr|]*\})?(.*?)\\end\s*\{\1\}", re.DOTALL)
_RELATIONS = {
    "=": "=",
    "≈": "=",
    "<": "<",
    ">": ">",
    "≤": "≤",
    "≥": "≥",
    "<=": "≤",
    ">=": "≥",
    "≠": "≠",
    "!=": "≠",
}
_TURNED = {"<": ">", ">": "<", "≤": "≥", "≥": "≤", "=": "=", "≠": "≠"}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_LOG_OF_BASE = re.compile(r"\blog(2|10)(?=\s*\()")
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+")

Values = tuple[complex, ...]


@dataclass(frozen=True, slots=True)
class Formula:
    """``kind`` is ``value`` (``values`` at the points, the ``letter`` if it is one alone), ``relation``, ``set``,
    ``tuple``, ``interval``, ``union``, ``matrix``; ``signs`` are relations or brackets between and around ``parts``."""

    kind: str
    values: Values = ()
    parts: tuple[Formula, ...] = ()
    signs: tuple[str, ...] = ()
    letter: str = ""
    decimals: int = -1
    absolute: bool = False


_ENDLESS, _MINUS_ENDLESS = (Formula("value", (complex(sign * math.inf),) * _POINTS) for sign in (1, -1))


class _NoFormulaError(Exception):
    """The text is none that is understood."""


@lru_cache(maxsize=2048)
def formula_of(text: str) -> Formula | None:
    """What ``text`` is as a formula; None if it is none, or too long."""
    if not text.strip() or len(text) > _LONGEST:
        return None
    try:
        return _Reader(latex(text)).all()
    except (_NoFormulaError, ArithmeticError, ValueError, RecursionError):
        return None


def same_formula(one: Formula, other: Formula) -> bool:
    """Whether both say the same."""
    one, other = _bare(one), _bare(other)
    if "relation" in (one.kind, other.kind) and one.kind != other.kind:
        relation, value = (one, other) if one.kind == "relation" else (other, one)
        solved = _between(relation) if value.kind in ("interval", "tuple", "union") else None
        solved = solved or _solved(relation)
        return solved is not None and same_formula(solved, value)
    if {one.kind, other.kind} == {"tuple", "interval"}:
        plain, span = (one, other) if one.kind == "tuple" else (other, one)
        return span.signs == ("(", ")") and _in_order(plain.parts, span.parts)
    if {one.kind, other.kind} == {"tuple", "set"}:
        return False
    if one.kind != other.kind:
        return False
    if one.kind == "value":
        return _same_values(one, other)
    if one.kind == "relation":
        return _same_relation(one, other)
    if one.kind in ("set", "union"):
        return _in_any_order(*(_values_of(part.parts) for part in (one, other)))
    return one.signs == other.signs and _in_order(one.parts, other.parts)


def _bare(formula: Formula) -> Formula:
    """A set of one member as that member; a chain of equalities as its first and last sides."""
    while formula.kind in ("set", "union") and len(formula.parts) == 1:
        formula = formula.parts[0]
    if formula.kind == "relation" and len(formula.parts) > 2 and set(formula.signs) == {"="}:
        return Formula("relation", parts=(formula.parts[0], formula.parts[-1]), signs=("=",))
    return formula


def _solved(relation: Formula) -> Formula | None:
    """The value in ``x = 5`` and ``f(x) = 5``: of an equation whose left side is a name."""
    left = relation.parts[0]
    names = [left] if left.kind == "value" else list(left.parts)
    if set(relation.signs) != {"="} or not all(part.letter and part.letter[0] != "|" for part in names):
        return None
    return relation.parts[-1]


def _between(relation: Formula) -> Formula | None:
    """``0 < x ≤ 1`` as the interval that it is."""
    signs, parts = relation.signs, relation.parts
    if signs and signs[0] in ">≥":
        signs, parts = tuple(_TURNED[sign] for sign in signs[::-1]), parts[::-1]
    if any(part.letter[:1] == "|" for part in parts):
        return _between_both_ways(parts, signs)
    if len(parts) == 2 and signs[0] in ("<", "≤"):
        end = ("[" if signs[0] == "≤" else "(") if parts[1].letter else ("]" if signs[0] == "≤" else ")")
        if parts[1].letter and not parts[0].letter:
            return Formula("interval", parts=(parts[0], _ENDLESS), signs=(end, ")"))
        if parts[0].letter and not parts[1].letter:
            return Formula("interval", parts=(_MINUS_ENDLESS, parts[1]), signs=("(", end))
    if len(parts) != 3 or not {*signs} <= {"<", "≤"} or not parts[1].letter:
        return None
    closed = ("[" if signs[0] == "≤" else "(", "]" if signs[1] == "≤" else ")")
    return Formula("interval", parts=(parts[0], parts[2]), signs=closed)


def _between_both_ways(parts: Sequence[Formula], signs: Sequence[str]) -> Formula | None:
    """``|x| < 2`` as (-2, 2), ``1 < |x| ≤ 2`` as [-2, -1) ∪ (1, 2]."""
    middle = {2: 0, 3: 1}.get(len(parts))
    if not {*signs} <= {"<", "≤"} or [part.letter[:1] for part in parts].index("|") != middle:
        return None
    closed = {"<": ("(", ")"), "≤": ("[", "]")}
    negative = [Formula("value", tuple(-value for value in part.values)) for part in parts]
    if len(parts) == 2:  # |x| < 2
        ends = (closed[signs[0]][0], closed[signs[0]][1])
        return Formula("interval", parts=(negative[1], parts[1]), signs=ends)
    low, high = closed[signs[0]], closed[signs[1]]
    return Formula(
        "union",
        parts=(
            Formula("interval", parts=(negative[2], negative[0]), signs=(high[0], low[1])),
            Formula("interval", parts=(parts[0], parts[2]), signs=(low[0], high[1])),
        ),
    )


def _values_of(parts: Sequence[Formula]) -> list[Formula]:
    """``x = 1, x = 2`` as 1, 2; equations of several letters stay."""
    solved = [_solved(part) if part.kind == "relation" else None for part in parts]
    names = {part.parts[0].letter for part, value in zip(parts, solved, strict=True) if value is not None}
    if len(names) > 1:
        return list(parts)
    return [part if value is None else value for part, value in zip(parts, solved, strict=True)]


def _in_order(one: Sequence[Formula], other: Sequence[Formula]) -> bool:
    return len(one) == len(other) and all(same_formula(a, b) for a, b in zip(one, other, strict=True))


def _each_once(parts: Sequence[Formula]) -> list[Formula]:
    kept: list[Formula] = []
    for part in parts:
        if not any(same_formula(part, other) for other in kept):
            kept.append(part)
    return kept


def _in_any_order(one: Sequence[Formula], other: Sequence[Formula]) -> bool:
    if all(part.kind == "tuple" for part in (*one, *other)):
        one, other = _each_once(one), _each_once(other)
    left = list(other)
    for part in one:
        place = next((i for i, rival in enumerate(left) if same_formula(part, rival)), None)
        if place is None:
            return False
        del left[place]
    return not left


def _points_of_note(*formulas: Formula) -> int:
    return _POINTS if any(formula.absolute for formula in formulas) else _POSITIVE


def _same_values(one: Formula, other: Formula) -> bool:
    for a, b in list(zip(one.values, other.values, strict=True))[: _points_of_note(one, other)]:
        if a == b:
            continue
        if not (cmath.isfinite(a) and cmath.isfinite(b)):
            return False
        apart, size = abs(a - b), max(abs(a), abs(b), 1e-12)
        decimals = max(one.decimals, other.decimals)
        rounded = decimals >= 2 and -1 in (one.decimals, other.decimals) and apart <= 0.5 * 10.0**-decimals
        if apart > _CLOSE * size and not rounded:
            return False
    return True


def _same_relation(one: Formula, other: Formula) -> bool:
    if len(one.parts) != len(other.parts):
        return False
    for turned in (
        one,
        Formula("relation", parts=one.parts[::-1], signs=tuple(_TURNED[s] for s in one.signs[::-1])),
    ):
        if turned.signs == other.signs and _in_order(turned.parts, other.parts):
            return True
        if len(one.parts) == 2 and turned.signs == other.signs and _same_sides(turned, other):
            return True
    return False


def _same_sides(one: Formula, other: Formula) -> bool:
    """``2x + 2y = 4`` and ``x + y = 2``: both sides apart by one factor, above 0 in an inequality."""
    if any(part.kind != "value" for relation in (one, other) for part in relation.parts):
        return False
    points = _points_of_note(*one.parts, *other.parts)
    mine, theirs = (
        [a - b for a, b in zip(*(part.values[:points] for part in relation.parts), strict=True)]
        for relation in (one, other)
    )
    if not all(cmath.isfinite(value) and abs(value) > 1e-12 for value in (*mine, *theirs)):
        return False
    ratios = [a / b for a, b in zip(mine, theirs, strict=True)]
    constant = all(abs(ratio - ratios[0]) <= _CLOSE * abs(ratios[0]) for ratio in ratios)
    return constant and (one.signs[0] in "=≠" or (abs(ratios[0].imag) < _CLOSE and ratios[0].real > 0))


# --- reading -------------------------------------------------------------------------------------------


def _points(name: str) -> Values:
    """What a letter stands for: fixed numbers that are in no simple relation to those of another one."""
    seed = sum(ord(character) * 31**place for place, character in enumerate(name))
    sizes = [0.4 + math.modf(seed * math.sqrt(root))[0] * 1.9 for root in (2, 3, 7, 11)]
    return tuple(complex(size if place < _POSITIVE else -size) for place, size in enumerate(sizes))


def _constant(value: complex) -> Values:
    return (value,) * _POINTS


class _Reader:
    """A recursive descent over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self.matrices: list[Formula] = []
        text = _MATRIX.sub(self._matrix, text)
        text = _SPACES.sub(
            " ", _WORDS.sub(lambda m: f" {m[1]} ", text).replace("\\\\", " ").replace("\\$", " ")
        )
        text = _LOG_OF_BASE.sub(r"log_{\1}", text)
        text = _RAISED.sub(lambda m: f"^{{{m[0].translate(_SUPERSCRIPTS)}}}", text)
        text = text.translate(str.maketrans("−–·×÷", "--**/")).replace("$", " ")
        self.tokens = list(self._tokens(text))
        self.at = 0
        self.depth = 0
        self.inside = False
        self.sign: int | None = None

    def _matrix(self, match: re.Match[str]) -> str:
        rows = [
            Formula("tuple", parts=tuple(self._part(cell) for cell in row.split("&")))
            for row in match[2].split("\\\\") if row.strip()
        ]  # fmt: skip
        self.matrices.append(Formula("matrix", parts=tuple(rows)))
        return f" ▦{len(self.matrices) - 1} "

    @staticmethod
    def _part(text: str) -> Formula:
        found = formula_of(text)
        if found is None:
            raise _NoFormulaError
        return found

    @staticmethod
    def _tokens(text: str) -> Sequence[str]:
        found: list[str] = []
        for match in _TOKEN.finditer(text):
            if command := match["command"]:
                name = _NAMES.get(command, command)
                found += [name] if name.strip() else []
            elif word := match["word"]:
                low = word.casefold()
                if low in _PLAIN:
                    found.append(_PLAIN[low])
                elif low in _FUNCTIONS:
                    found.append(low)
                elif len(word) <= 3:
                    found += list(word)
                else:
                    raise _NoFormulaError
            elif sign := match["sign"]:
                found.append("^" if sign == "**" else sign)
            elif number := match["number"]:
                found.append(number)
        return found

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        token = self.next
        if not token or (wanted and token != wanted):
            raise _NoFormulaError
        self.at += 1
        return token

    def all(self) -> Formula:
        while self.next in (".", ",", ";") and self.tokens:
            self.tokens.pop(0)
        while self.tokens and self.tokens[-1] in (".", ",", ";"):
            self.tokens.pop()
        found = self.listed("")
        if self.next:
            raise _NoFormulaError
        return found if len(found.parts) != 1 else found.parts[0]

    def listed(self, closing: str) -> Formula:
        outer, self.inside = (self.inside, self.sign), False
        parts: list[Formula] = []
        while self.next != closing or not parts:
            parts.append(self.related())
            if self.next in (",", ";"):
                while self.next in (",", ";"):
                    self.take()
            elif self.next != closing:
                raise _NoFormulaError
        self.inside, self.sign = outer
        expanded = [one for part in parts for one in (part.parts if part.signs == ("±",) else (part,))]
        return Formula("set", parts=tuple(expanded))

    def related(self) -> Formula:
        parts, signs = [self.united()], []
        while self.next in _RELATIONS:
            signs.append(_RELATIONS[self.take()])
            parts.append(self.united())
        if self.next == "∈" and not signs:
            self.take()
            return self.united()
        return Formula("relation", parts=tuple(parts), signs=tuple(signs)) if signs else parts[0]

    def united(self) -> Formula:
        parts = [self.both_signs()]
        while self.next == "∪":
            self.take()
            parts.append(self.both_signs())
        return Formula("union", parts=tuple(parts)) if len(parts) > 1 else parts[0]

    def both_signs(self) -> Formula:
        """A sum, with each of the two signs where ``±`` stands in it."""
        if self.inside:
            return self.sum()
        start, self.inside, self.sign = self.at, True, None
        found = self.sum()
        ends: list[Formula] = []
        if self.sign is not None:
            for side in (1, -1):
                self.at, self.sign = start, side
                ends.append(self.sum())
        self.inside = False
        if not ends:
            return found
        return Formula("set", parts=tuple(ends), signs=("±",))

    def sum(self) -> Formula:
        found = self.product()
        while self.next in ("+", "-", "±", "∓"):
            token = self.take()
            sign = self.signed(token)
            found = self.combined(found, self.product(), _sum if sign == 1 else _difference)
        return found

    def signed(self, token: str) -> int:
        if token in "±∓":
            self.sign = self.sign or 1
            return self.sign if token == "±" else -self.sign
        return -1 if token == "-" else 1

    def product(self) -> Formula:
        found = self.unary()
        while True:
            if self.next in ("*", "/"):
                token = self.take()
                other = self.unary()
                found = self.combined(found, other, _times if token == "*" else (lambda a, b: a / b))
            elif self.starts_factor():
                found = self.combined(found, self.power(), _times)
            else:
                return found

    def starts_factor(self) -> bool:
        token = self.next
        return bool(token) and (token[0].isalnum() or token[0] in "({[.π∞√⌊⌈⦃▦")

    def unary(self) -> Formula:
        if self.next in ("+", "-", "±", "∓"):
            sign = self.signed(self.take())
            found = self.unary()
            return found if sign == 1 else self.combined(found, found, lambda a, _: -a)
        return self.power()

    def power(self) -> Formula:
        found = self.atom()
        while self.next in ("^", "!", "%", "°"):
            token = self.take()
            if token == "^":
                if self.next == "°" or self.tokens[self.at : self.at + 3] == ["{", "°", "}"]:
                    self.at += 1 if self.next == "°" else 3
                    continue
                raised = self.braced() if self.next == "{" else self.unary()
                found = self.combined(found, raised, _raised)
            elif token == "!":
                found = self.combined(found, found, lambda a, _: _factorial(a))
            elif token == "%":
                found = self.combined(found, found, lambda a, _: a / 100)
        return found

    def braced(self) -> Formula:
        self.take("{")
        found = self.related()
        self.take("}")
        return found

    def argument(self) -> Formula:
        """What a command takes: braces, or the one digit or letter after it."""
        if self.next == "{":
            return self.braced()
        token = self.next
        if token.isdigit() and len(token) > 1:
            self.tokens[self.at] = token[1:]
            return Formula("value", _constant(complex(int(token[0]))))
        return self.atom()

    def atom(self) -> Formula:
        self.depth += 1
        if self.depth > 60:
            raise _NoFormulaError
        try:
            return self._atom(self.take())
        finally:
            self.depth -= 1

    def _atom(self, token: str) -> Formula:
        if token[0].isdigit() or token[0] == ".":
            digits = token.replace(",", "")
            if self.next == "_":  # of another base
                self.take()
                base = self.argument()
                return Formula(
                    "tuple", parts=(Formula("value", _constant(float(digits))), base), signs=("_",)
                )
            places = len(digits.partition(".")[2]) if "." in digits else -1
            return Formula("value", _constant(complex(float(digits))), decimals=places)
        if token == "frac":
            above, below = self.argument(), self.argument()
            return self.combined(above, below, lambda a, b: a / b)
        if token == "binom":
            return self.combined(
                self.argument(), self.argument(), lambda n, k: math.comb(int(n.real), int(k.real))
            )
        if token in ("sqrt", "√"):
            return self.root()
        if token in _FUNCTIONS:
            return self.function(token)
        if token in ("(", "["):
            return self.bracketed(token)
        if token == "{":
            found = self.listed("}")
            self.take("}")
            return found if len(found.parts) != 1 else found.parts[0]
        if token == "⦃":
            found = self.listed("⦄")
            self.take("⦄")
            return found
        if token == "|":
            inner = self.sum()
            self.take("|")
            found = self.combined(inner, inner, lambda a, _: complex(abs(a)))
            return replace(found, letter=f"|{inner.letter}|" if inner.letter else "", absolute=True)
        if token in ("⌊", "⌈"):
            inner, nearest = self.sum(), math.floor if token == "⌊" else math.ceil
            self.take("⌋" if token == "⌊" else "⌉")
            return self.combined(
                inner, inner, lambda a, _: complex(nearest(a.real + 1e-9 * (1 if token == "⌊" else -1)))
            )
        if token == "▦":
            return self.matrices[int(self.take())]
        if token == "∅":
            return Formula("tuple", signs=("∅",))
        constants: dict[str, complex] = {"π": math.pi, "∞": complex(math.inf), "e": math.e, "i": 1j}
        if token in constants:
            return Formula("value", _constant(constants[token]))
        if token.isalpha():
            return self.named(token)
        raise _NoFormulaError

    def named(self, token: str) -> Formula:
        """A letter, with its index; ``f(2)`` is a name of its own."""
        name = token
        if self.next == "_":
            self.take()
            name += "_" + self.span(self.argument)
        if token in "fgh" and self.next == "(":
            name += self.span(self.atom)
        return Formula("value", _points(name), letter=name)

    def span(self, read: Callable[[], Formula]) -> str:
        start = self.at
        read()
        return "".join(self.tokens[start : self.at]).strip("{}")

    def root(self) -> Formula:
        degree = None
        if self.next == "[":
            self.take()
            degree = self.sum()
            self.take("]")
        inner = self.braced() if self.next == "{" else self.atom()  # √18 is no 8√1
        if degree is None:
            return self.combined(inner, inner, lambda a, _: cmath.sqrt(a))
        return self.combined(inner, degree, lambda a, n: _raised(a, 1 / n))

    def function(self, name: str) -> Formula:
        base = None
        if self.next == "_":
            self.take()
            base = self.argument()
        exponent = None
        if self.next == "^":
            self.take()
            exponent = self.braced() if self.next == "{" else self.unary()
        inner = self.power() if self.next != "-" else self.unary()
        while (
            name not in ("abs", "exp")
            and self.next
            and (self.next in "πe" or self.next.isdigit() or (self.next.isalpha() and len(self.next) == 1))
        ):
            inner = self.combined(inner, self.power(), lambda a, b: a * b)  # sin 2x
        apply = _FUNCTIONS[name]
        if base is not None:
            found = self.combined(inner, base, lambda a, b: cmath.log(a) / cmath.log(b))
        else:
            found = self.combined(inner, inner, lambda a, _: apply(a))
        found = replace(found, absolute=True) if name == "abs" else found
        return found if exponent is None else self.combined(found, exponent, _raised)

    def bracketed(self, opening: str) -> Formula:
        parts: list[Formula] = []
        while True:
            parts.append(self.related())
            if self.next not in (",", ";"):
                break
            self.take()
        closing = self.take()
        if closing not in (")", "]"):
            raise _NoFormulaError
        if (
            len(parts) == 1
            and parts[0].kind in ("value", "set", "relation", "matrix")
            and (opening + closing) in ("()", "[]")
        ):
            found = parts[0]
            return replace(found, letter="")
        if len(parts) == 2 and (opening + closing) != "()":
            return Formula("interval", parts=tuple(parts), signs=(opening, closing))
        return Formula("tuple", parts=tuple(parts))

    def product_of_matrices(self, one: Formula, other: Formula) -> Formula:
        """Rows by columns; a number times a matrix cell by cell."""
        if one.kind == other.kind:
            columns = list(zip(*(row.parts for row in other.parts), strict=True))
            if any(len(row.parts) != len(other.parts) for row in one.parts):
                raise _NoFormulaError
            rows = [[self.dot(row.parts, column) for column in columns] for row in one.parts]
        else:
            number, matrix = (one, other) if other.kind == "matrix" else (other, one)
            rows = [[self.combined(number, cell, _times) for cell in row.parts] for row in matrix.parts]
        return Formula("matrix", parts=tuple(Formula("tuple", parts=tuple(row)) for row in rows))

    def dot(self, row: Sequence[Formula], column: Sequence[Formula]) -> Formula:
        terms = [self.combined(a, b, _times) for a, b in zip(row, column, strict=True)]
        found = terms[0]
        for term in terms[1:]:
            found = self.combined(found, term, _sum)
        return found

    def combined(self, one: Formula, other: Formula, how: Callable[[complex, complex], complex]) -> Formula:
        if one.kind == other.kind == "matrix" and how in (_sum, _difference):
            return _cell_by_cell(one, other, lambda a, b: self.combined(a, b, how))
        if how is _times and "matrix" in (one.kind, other.kind):
            return self.product_of_matrices(one, other)
        if one.kind != "value" or other.kind != "value":
            raise _NoFormulaError
        *positive, (a, b) = zip(one.values, other.values, strict=True)
        values = (*(complex(how(*pair)) for pair in positive), _below_zero(how, a, b))
        if any(cmath.isnan(value) for value in values) or any(
            cmath.isfinite(v) and abs(v) > _MOST for v in values
        ):
            raise _NoFormulaError
        decimals = max(one.decimals, other.decimals)
        return Formula("value", values, decimals=decimals, absolute=one.absolute or other.absolute)


def _below_zero(how: Callable[[complex, complex], complex], one: complex, other: complex) -> complex:
    """The value at the point below 0, where not all that is a formula has one: ``n!``."""
    try:
        value = complex(how(one, other))
    except (_NoFormulaError, ArithmeticError, ValueError):
        return complex(math.inf)
    return value if cmath.isfinite(value) and abs(value) <= _MOST else complex(math.inf)


def _times(one: complex, other: complex) -> complex:
    return one * other


def _cell_by_cell(one: Formula, other: Formula, how: Callable[[Formula, Formula], Formula]) -> Formula:
    """Two matrices of one size, added."""
    rows = []
    for left, right in zip(one.parts, other.parts, strict=True):
        cells = zip(left.parts, right.parts, strict=True)
        rows.append(Formula("tuple", parts=tuple(how(a, b) for a, b in cells)))
    return Formula("matrix", parts=tuple(rows))


def _sum(one: complex, other: complex) -> complex:
    return one + other


def _difference(one: complex, other: complex) -> complex:
    return one - other


def _raised(base: complex, power: complex) -> complex:
    if base == 0 and power.real > 0:
        return 0j
    if abs(power) > 1e4:
        raise _NoFormulaError
    whole = round(power.real)
    if power == whole and abs(base) ** abs(whole) < _MOST:
        return base**whole
    return base**power


def _factorial(value: complex) -> complex:
    if value.imag or not 0 <= value.real < 100:
        raise _NoFormulaError
    return complex(math.gamma(value.real + 1))


def segments(text: str) -> list[str]:
    """Where a formula can stand in ``text``: the last mathematics between marks, all of it, what ``is`` leads to."""
    found = [next(part for part in match.groups() if part is not None) for match in _MARKED.finditer(text)]
    after = _LEADING_WORDS.sub("", text.strip(" ."))
    return list(dict.fromkeys((*found[-1:], text, after)))


_MARKED = re.compile(r"\$\$(.+?)\$\$|\$([^$]+)\$|\\\[(.+?)\\\]|\\\((.+?)\\\)", re.DOTALL)
_LEADING_WORDS = re.compile(
    r"^.*\b(?:is|are|was|equals|be|that|get|gives|have|find|answer|solution|solutions|hence|thus|so)\b:?\s+|^[^:]*:\s+",
    re.DOTALL | re.IGNORECASE,
)
