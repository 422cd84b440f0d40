"""Units in answers: what one measures, and how many base units it is.

Pint knows the units. It reads more than people mean (``cat`` as centi-technical-atmospheres, ``in`` and ``as`` as
inch and attosecond), so that only long names (``kilometres``) and the symbols listed here are looked up there.
Money, data, angles and shares, which Pint holds dimensionless or does not know, are kept apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pint import UnitRegistry


# Symbol → what Pint calls it, and the prefixes that it is written with.
_SYMBOLS = {
    "m": ("meter", "fpnµmcdk"),
    "g": ("gram", "npµmk"),
    "t": ("metric_ton", "kM"),
    "s": ("second", "fpnµm"),
    "L": ("liter", "nµmcdkM"),
    "l": ("liter", "µmcdk"),
    "W": ("watt", "nµmkMGT"),
    "Wh": ("watt_hour", "mkMGT"),
    "V": ("volt", "nµmkM"),
    "A": ("ampere", "pnµmk"),
    "Ω": ("ohm", "mkM"),
    "Hz": ("hertz", "mkMGT"),
    "J": ("joule", "nµmkMGT"),
    "cal": ("calorie", "k"),
    "Cal": ("kilocalorie", ""),
    "N": ("newton", "nµmkM"),
    "Pa": ("pascal", "mkMG"),
    "hPa": ("hectopascal", ""),
    "hL": ("hectoliter", ""),
    "bar": ("bar", "mk"),
    "mol": ("mole", "pnµmk"),
    "K": ("kelvin", "nµmk"),
    "eV": ("electron_volt", "mkMGT"),
    "B": ("byte", "kMGTP"),
    "b": ("bit", "kMGTP"),
    "bit": ("bit", "kMGTP"),
    "bps": ("bit/second", "kMGT"),
    "T": ("tesla", "nµm"),
    "F": ("farad", "pnµm"),
    "C": ("coulomb", "pnµm"),
    "H": ("henry", "nµm"),
    "S": ("siemens", "nµm"),
    "lm": ("lumen", "km"),
    "lx": ("lux", "km"),
    "cd": ("candela", "km"),
    "Bq": ("becquerel", "kMGT"),
    "Sv": ("sievert", "nµm"),
    "Gy": ("gray", "nµm"),
    "M": ("molar", "nµm"),
}
_NAMES = {
    "hr": "hour", "hrs": "hour", "h": "hour", "min": "minute", "mins": "minute", "sec": "second", "secs": "second",
    "d": "day", "wk": "week", "wks": "week", "yr": "year", "yrs": "year", "mo": "month", "lb": "pound", "lbs": "pound",
    "oz": "ounce", "ft": "foot", "yd": "yard", "yds": "yard", "mi": "mile", "ac": "acre", "ha": "hectare",
    "sqm": "meter**2", "sqkm": "kilometer**2", "sqft": "foot**2", "sqmi": "mile**2", "cc": "centimeter**3",
    "gal": "gallon", "qt": "quart", "tsp": "teaspoon", "tbsp": "tablespoon", "mph": "mile/hour",
    "kph": "kilometer/hour", "kmh": "kilometer/hour", "kmph": "kilometer/hour", "mpg": "mile/gallon",
    "amp": "ampere", "amps": "ampere", "kn": "knot", "kt": "knot",
    "kts": "knot", "rpm": "revolutions_per_minute", "atm": "standard_atmosphere",
    "psi": "pound_force_per_square_inch", "torr": "torr", "mmHg": "millimeter_Hg", "inHg": "inch_Hg",
    "hp": "horsepower", "ly": "light_year", "lightyear": "light_year", "light-year": "light_year",
    "au": "astronomical_unit", "AU": "astronomical_unit", "pc": "parsec", "kpc": "kiloparsec", "Mpc": "megaparsec",
    "nmi": "nautical_mile", "KB": "kilobyte", "KiB": "kibibyte", "MiB": "mebibyte", "GiB": "gibibyte",
    "TiB": "tebibyte", "mcg": "microgram", "Å": "angstrom", "ohm": "ohm", "st": "stone", "rad": "radian",
    "deg": "degree", "kilo": "kilogram", "ton": "ton", "tonne": "metric_ton", "micron": "micrometer",
    "pint": "pint", "sec.": "second", "cwt": "hundredweight", "dB": "decibel", "in": "inch", "mbps": "megabit/second",
    "kwh": "kilowatt_hour", "khz": "kilohertz", "mhz": "megahertz", "ghz": "gigahertz", "hz": "hertz",
    "gb": "gigabyte", "mb": "megabyte", "tb": "terabyte", "KG": "kilogram", "Kg": "kilogram", "Km": "kilometer",
    "KM": "kilometer", "decade": "(10 * year)", "kw": "kilowatt", "KW": "kilowatt", "kWhr": "kilowatt_hour",
}  # fmt: skip
# Words that name a unit for Pint, and something else for most people.
_NO_UNITS = frozenset(
    [
        "point",
        "hand",
        "link",
        "chain",
        "rod",
        "pole",
        "perch",
        "drop",
        "count",
        "turn",
        "dot",
        "cycle",
        "revolution",
        "line",
        "slug",
        "grain",
        "shake",
        "particle",
        "barn",
        "team",
        "house",
        "mass",
        "gross",
        "bit_",
        "dozen",
        "score",
        "scruple",
        "minim",
        "noggin",
        "firkin",
    ]
)
_MONEY = {
    "USD": "$ us$ usd dollar us_dollar buck american_dollar",
    "EUR": "€ eur euro",
    "GBP": "£ gbp pound_sterling sterling british_pound quid",
    "JPY": "¥ jpy yen",
    "CNY": "cny rmb yuan renminbi",
    "INR": "₹ inr rupee",
    "RUB": "₽ rub rouble ruble",
    "KRW": "₩ krw won",
    "CHF": "chf swiss_franc",
    "CAD": "c$ ca$ cad canadian_dollar",
    "AUD": "a$ au$ aud australian_dollar",
    "NZD": "nz$ nzd",
    "FRF": "franc",
    "MXN": "mxn peso",
    "SEK": "sek krona kronor",
    "NOK": "nok krone kroner",
    "BRL": "r$ brl real reais",
    "BTC": "₿ btc bitcoin",
    "TRY": "₺ lira",
    "ILS": "₪ shekel",
}
_CURRENCIES = {name: code for code, names in _MONEY.items() for name in names.split()}
_CENTS = {
    "cent": ("USD", "EUR"),
    "¢": ("USD",),
    "penny": ("GBP", "USD"),
    "pence": ("GBP",),
    "pennies": ("USD",),
}
_SHARES = {"%": 0.01, "percent": 0.01, "per cent": 0.01, "pct": 0.01, "percentage": 0.01, "‰": 0.001, "permille": 0.001,
           "ppm": 1e-6, "ppb": 1e-9}  # fmt: skip
_DEGREES = {"°C": "C", "℃": "C", "degC": "C", "°F": "F", "℉": "F", "degF": "F", "°K": "K"}
_SCALES_OF_HEAT = {"celsius": "C", "centigrade": "C", "fahrenheit": "F", "kelvin": "K", "kelvins": "K", "c": "C",
                   "f": "F", "k": "K"}  # fmt: skip
_HEAT = {"C": (1.0, 273.15), "F": (5 / 9, 459.67 * 5 / 9), "K": (1.0, 0.0)}
_COUNTED_IN_A_MINUTE = {
    "bpm": "beats a minute", "beats per minute": "beats a minute", "beats a minute": "beats a minute",
    "beats/min": "beats a minute", "wpm": "words a minute", "words per minute": "words a minute",
    "fps": "frames a second", "frames per second": "frames a second", "dpi": "dots an inch",
    "dots per inch": "dots an inch", "ppi": "pixels an inch", "pixels per inch": "pixels an inch",
}  # fmt: skip
_POWER_WORDS = {"square": 2, "sq": 2, "sq.": 2, "cubic": 3, "cu": 3, "squared": 2, "cubed": 3}
_ATOM = re.compile(r"(?P<name>[^\W\d_]+(?:-years?)?|[%‰°¢\"'′″]+[CFK]?)\.?(?:\^?\(?(?P<power>-?[1-9])\)?)?")
_INFORMATION = ("bit", "byte")
_ANGLE = ("radian", "degree", "arcminute", "arcsecond", "gradian")


SIGN_OF_DEGREES = "degree sign"
"""``°`` by itself is rather an angle; ``degrees`` may be of heat."""
DEGREES = ("degree", SIGN_OF_DEGREES)
"""Degrees of what nobody says."""


@dataclass(frozen=True, slots=True)
class Unit:
    """``what`` it measures; a value of it is ``value * factor + offset`` base units."""

    what: str
    factor: float = 1.0
    offset: float = 0.0


def currency_of(sign: str) -> tuple[Unit, ...]:
    """What ``$``, ``US$`` or ``EUR`` before a number says; empty if nothing."""
    code = _CURRENCIES.get(sign.casefold())
    return (Unit(f"money {code}"),) if code else ()


@lru_cache(maxsize=8192)
def units_of(text: str) -> tuple[Unit, ...]:
    """All that ``text`` can mean as a unit (``pounds`` is mass and money); empty if it is none."""
    text = text.strip()
    if not text:
        return ()
    if found := _single(text):
        return found
    compound = _compound(text)
    return (compound,) if compound else ()


def _single(text: str) -> tuple[Unit, ...]:
    """Money, shares, degrees: what stands for itself and is not combined."""
    lower = re.sub(r"\s+", " ", text.casefold())
    if lower.removesuffix("s") == "basis point" or lower == "bps":
        rate = (_pint("bit/second"),) if lower == "bps" else ()
        return (Unit("points", 0.0001), Unit("share", 0.0001), *rate)
    if lower.removeprefix("pounds").removeprefix("pound") == " per square inch":
        return (_pint("pound_force_per_square_inch"),)
    if lower.startswith("light year"):
        return (_pint("light_year"),)
    if re.fullmatch(r"cycles?(?: per | a |/)s(?:ec(?:ond)?)?", lower):
        return (_pint("hertz"),)
    if lower == "pp":
        return (Unit("points", 0.01),)
    if lower in _SHARES or lower.removesuffix("s") in ("percentage point", "percent point"):
        point = "point" in lower
        return (Unit("points" if point else "share", 0.01 if point else _SHARES[lower]),)
    if text in _DEGREES or (lower in _SCALES_OF_HEAT and len(lower) > 1):
        return (_heat(_DEGREES.get(text) or _SCALES_OF_HEAT[lower]),)
    if heat := re.fullmatch(r"(?:°|degrees?\b|deg\b)[ .]*([a-z]+)", lower):
        scale = _SCALES_OF_HEAT.get(heat[1])
        return (_heat(scale),) if scale else ()
    if lower in _COUNTED_IN_A_MINUTE:
        return (Unit(_COUNTED_IN_A_MINUTE[lower]), *((_pint("foot/second"),) if lower == "fps" else ()))
    if lower in ("degree", "degrees", "deg"):
        return (Unit("degree"),)
    if lower == "°":
        return (Unit(SIGN_OF_DEGREES),)
    if lower in ("'", "′"):
        return (_pint("foot"), _pint("arcminute"))
    if lower in ('"', "″", "''"):
        return (_pint("inch"), _pint("arcsecond"))
    word = lower.replace(" ", "_")
    for name in (word, word.removesuffix("s")):
        if name in _CURRENCIES:
            return (Unit(f"money {_CURRENCIES[name]}"),)
        if name in _CENTS:
            return tuple(Unit(f"money {code}", 0.01) for code in _CENTS[name])
    if lower in ("pound", "pounds"):
        return (_pint("pound"), Unit("money GBP"))
    if text == "C" or text == "F":
        return (_heat(text), _pint({"C": "coulomb", "F": "farad"}[text]))
    return ()


def _heat(scale: str) -> Unit:
    return Unit("temperature", *_HEAT[scale])


def _compound(text: str) -> Unit | None:
    """``km/h``, ``m s^-2``, ``miles per hour``, ``square kilometres``, ``metres per second squared``."""
    tokens = re.sub(r"\b(?:per|an|each|every)\b|/", " / ", re.sub(r"[·*()]", " ", text)).split()
    parts: list[tuple[Any, int]] = []
    sign, ahead = 1, 1
    for token in tokens:
        if token == "/":
            sign = -1  # m/s/s and J/kg K: all that follows divides
            continue
        if token.casefold() in ("squared", "cubed") and parts:
            unit, power = parts[-1]
            parts[-1] = (unit, power * _POWER_WORDS[token.casefold()])
            continue
        if token.casefold() in _POWER_WORDS:
            ahead = _POWER_WORDS[token.casefold()]
            continue
        match = _ATOM.fullmatch(token)
        name = _name(match["name"]) if match else None
        if match is None or name is None:
            return None
        parts.append((name, sign * ahead * int(match["power"] or 1)))
        ahead = 1
    if not parts or ahead != 1 or (len(parts) > 1 and any(name == "inch" for name, _ in parts)):
        return None
    return _product(tuple(parts))


@cache
def _product(parts: tuple[tuple[str, int], ...]) -> Unit | None:
    if len(parts) == 1 and parts[0][1] == 1:
        return _pint(parts[0][0])
    return _pint(" * ".join(f"({name})**({power})" for name, power in parts))


def _name(word: str) -> str | None:
    """What Pint calls the unit that ``word`` is, as a symbol or as a long name."""
    if (name := _symbols().get(word)) or (name := _NAMES.get(word)):
        return name
    for short in (word, word.removesuffix("s"), word.removesuffix("es")):
        low = short.casefold()
        if low in _NAMES and len(low) > 3:
            return _NAMES[low]
        # Long names only: of a short one the case decides, and Pint would read a word as a prefix and a unit.
        low = re.sub(r"(?<=[a-z])metre$", "meter", re.sub(r"litre$", "liter", low))
        low = {
            "metre": "meter",
            "feet": "foot",
            "inche": "inch",
            "gramme": "gram",
            "centurie": "century",
        }.get(low, low)
        if low == "celsius" or len(low) < 3 or low in _NO_UNITS:
            continue
        if _known(low):
            return low
    return None


@cache
def _symbols() -> dict[str, str]:
    long = {"f": "femto", "p": "pico", "n": "nano", "µ": "micro", "m": "milli", "c": "centi", "d": "deci",
            "k": "kilo", "M": "mega", "G": "giga", "T": "tera", "P": "peta"}  # fmt: skip
    found = {}
    for symbol, (name, prefixes) in _SYMBOLS.items():
        found[symbol] = name
        for prefix in prefixes:
            found[prefix + symbol] = long[prefix] + name
            if prefix == "µ":
                found["u" + symbol] = found["μ" + symbol] = long[prefix] + name
    # Not what they could be: hours, minutes and feet have these letters; m is metre, M and k are also magnitudes.
    return found


@cache
def _registry() -> UnitRegistry:
    from pint import UnitRegistry

    return UnitRegistry()


@cache
def _known(name: str) -> bool:
    """Whether Pint knows ``name`` as the full name of a unit, with the full name of a prefix or none."""
    try:
        return str(_registry().parse_units(name)) == name or name in ("ton", "tonne", "micron")
    except Exception:  # Pint raises its own errors, and those of the tokenizer that it reads with
        return False


@cache
def _pint(expression: str) -> Unit:
    registry = _registry()
    quantity: Any = registry.Quantity(expression).to_base_units()
    kind = next(
        (k for k, names in (("data", _INFORMATION), ("angle", _ANGLE)) for n in names if n in expression), ""
    )
    what = " ".join(f"{name}^{power:g}" for name, power in sorted(quantity.dimensionality.items()))
    what = what.replace("[temperature]^1", "temperature") if what == "[temperature]^1" else what
    return Unit(f"{kind} {what}".strip() or f"as {expression}", float(quantity.magnitude))
