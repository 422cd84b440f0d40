"""Questions without topics, in themes that anybody tells apart: ``questions(n)`` gives the first so many of each."""

from __future__ import annotations

from itertools import product

_PLACES = ["Norway", "Peru", "Japan", "Kenya", "Canada", "Spain", "India", "Chile", "Egypt", "Poland"]
_PLACES += ["Cuba", "Nepal", "Ghana", "Fiji", "Laos", "Mali", "Iraq"]
_METALS = ["gold", "iron", "zinc", "lead", "copper", "tin", "silver", "nickel", "cobalt", "mercury", "sodium"]
_WORKS = ["Carmen", "Tosca", "Aida", "Fidelio", "Norma", "Elektra", "Salome", "Rusalka", "Manon", "Otello"]
_WORKS += ["Falstaff"]
_DISEASES = ["asthma", "malaria", "measles", "diabetes", "anemia", "gout", "cholera", "rabies", "tetanus"]

THEMES = {
    "places": [
        f"What is the {what} of the country {place}?"
        for what, place in product(("capital city", "longest river", "largest lake", "highest mountain"), _PLACES)
    ],
    "metals": [
        f"What is the {what} of the metal {metal}?"
        for what, metal in product(
            ("chemical symbol", "atomic number", "melting point", "density", "oxidation state"), _METALS
        )
    ],
    "operas": [
        f"Which {who} the opera {work}?"
        for who, work in product(
            ("composer wrote", "soprano sang in", "orchestra played", "conductor recorded", "theatre staged"), _WORKS
        )
    ],
    "diseases": [
        f"Which {what} a patient with {disease}?"
        for what, disease in product(
            (
                "drug does a doctor give",
                "symptoms has",
                "therapy helps",
                "hospital treats",
                "vaccine protects",
                "nurse cares for",
            ),
            _DISEASES,
        )
    ],
}  # fmt: skip


def questions(n: int, themes: tuple[str, ...] = tuple(THEMES), start: int = 0) -> list[str]:
    """``n`` questions of each theme from ``start`` on, one theme after the other."""
    return [text for theme in themes for text in THEMES[theme][start : start + n]]
