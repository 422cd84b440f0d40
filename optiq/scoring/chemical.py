r"""Chemical formulas, ions and isotopes: ``H₂O`` is ``H2O``, ``SO₄²⁻`` is ``SO4^2-``, ``U-235`` is ``uranium-235``.

Letters count as they are written: ``CO`` is carbon monoxide, ``Co`` is cobalt.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from functools import lru_cache

from optiq.scoring.denial import affirmed

_NAMES = """
H hydrogen He helium Li lithium Be beryllium B boron C carbon N nitrogen O oxygen F fluorine Ne neon
Na sodium Mg magnesium Al aluminium Si silicon P phosphorus S sulfur Cl chlorine Ar argon K
potassium Ca calcium Sc scandium Ti titanium V vanadium Cr chromium Mn manganese Fe iron Co cobalt
Ni nickel Cu copper Zn zinc Ga gallium Ge germanium As arsenic Se selenium Br bromine Kr krypton Rb
rubidium Sr strontium Y yttrium Zr zirconium Nb niobium Mo molybdenum Tc technetium Ru ruthenium Rh
rhodium Pd palladium Ag silver Cd cadmium In indium Sn tin Sb antimony Te tellurium I iodine Xe
xenon Cs caesium Ba barium La lanthanum Ce cerium Nd neodymium Eu europium Gd gadolinium W tungsten
Re rhenium Os osmium Ir iridium Pt platinum Au gold Hg mercury Tl thallium Pb lead Bi bismuth Po
polonium At astatine Rn radon Fr francium Ra radium Ac actinium Th thorium Pa protactinium U uranium
Np neptunium Pu plutonium Am americium Cm curium Cf californium
"""
_ELEMENTS = dict(zip(_NAMES.split()[::2], _NAMES.split()[1::2], strict=True))
_SYMBOLS = {name: symbol for symbol, name in _ELEMENTS.items()} | {
    "aluminum": "Al",
    "sulphur": "S",
    "cesium": "Cs",
}
_SYMBOL = "|".join(sorted(_ELEMENTS, key=len, reverse=True))
_FORMULA = re.compile(rf"\d*(?:(?:{_SYMBOL})\d*|[()\[\]]\d*|·\d*)+\d*[+-]?")
_MARKUP = re.compile(r"\\(?:ce|text|mathrm|rm|mathbf)(?![A-Za-z])|[\s${}_^]")
_ISOTOPE = re.compile(rf"\^?\{{?(\d{{1,3}})\}}?({_SYMBOL})|({_SYMBOL})-(\d{{1,3}})|([a-z]+)[- ](\d{{1,3}})")
_COMPOUND = re.compile(
    r"(?:di|tri|tetra|penta|hexa|mono|bi|per|hypo|thio)?(?:ox|chlor|fluor|brom|iod|sulf|sulph|nitr|phosph|carb|"
    r"carbon|hydr|hydrox|perox|cyan|silic|chrom|mangan|acet|bor|az|alumin)(?:ide|ate|ite)"
)


def chemical_equality(answer: str, reference: str) -> float | None:
    """1.0 if both are one formula or isotope, 0.0 if they are two; None unless both are such."""
    if len(answer) > 60 or len(reference) > 60:
        return None
    if (mass := _isotope(reference)) and (said := _isotope(answer)):
        return float(mass == said)
    if (
        len(bare := answer.strip(" .\n")) == 2
        and bare.isupper()
        and bare.capitalize() == reference.strip(" .") in _ELEMENTS
    ):
        return 0.0  # NA is not Na
    wanted = _formula(reference)
    found = _formula(answer) if wanted else ""
    if wanted and not found:  # Water is H2O
        named = {part for word in affirmed(answer).split() if (part := _formula(word.strip(",;:()")))}
        return 1.0 if named == {wanted} else None
    return float(found == wanted) if wanted and found else None


def compounds(answer: tuple[str, ...], reference: tuple[str, ...]) -> bool:
    """Whether the words of ``answer`` name a compound of the element that ``reference`` is: ``sodium chloride``."""
    if len(reference) != 1 or reference[0] not in _SYMBOLS:
        return False
    following = itertools.pairwise(answer)
    return any(one == reference[0] and _COMPOUND.fullmatch(two) for one, two in following)


@lru_cache(maxsize=8192)
def _formula(text: str) -> str:
    """The formula that ``text`` is, without marks of sub- and superscripts; empty if it is none."""
    written = text.strip(" .").replace("−", "-").replace("⁻", "-")
    bare = _MARKUP.sub("", unicodedata.normalize("NFKC", written)).replace("−", "-")
    several = sum(c.isalnum() for c in bare) > 1  # C is an option's letter
    return bare if several and any(c.isupper() for c in bare) and _FORMULA.fullmatch(bare) else ""


@lru_cache(maxsize=8192)
def _isotope(text: str) -> tuple[str, int] | None:
    bare = unicodedata.normalize("NFKC", text).strip(" .$")
    if not any(c.isdigit() for c in bare):
        return None
    match = _ISOTOPE.fullmatch(bare) or _ISOTOPE.fullmatch(bare.casefold())
    if match is None:
        return None
    symbol = match[2] or match[3] or _SYMBOLS.get(match[5] or "")
    return (symbol, int(match[1] or match[4] or match[6])) if symbol else None
