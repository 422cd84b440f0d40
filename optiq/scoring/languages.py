"""Numbers, months, units and magnitudes of German, French, Spanish, Italian and Portuguese, as English has them.

``zwölf`` is 12, ``14 juillet 1789`` is ``14 july 1789``, ``2 Milliarden`` is ``2 billion`` and ``18 Uhr`` is 18:00.
"""

from __future__ import annotations

import re
from functools import lru_cache

_MONTHS = {
    word: english
    for english, words in {
        "january": "januar janvier enero gennaio janeiro",
        "february": "februar février fevrier febrero febbraio fevereiro",
        "march": "märz mars marzo março",
        "april": "avril abril aprile",
        "may": "mai mayo maggio maio",
        "june": "juni juin junio giugno junho",
        "july": "juli juillet julio luglio julho",
        "august": "août aout agosto",
        "september": "septembre septiembre settembre setembro",
        "october": "oktober octobre octubre ottobre outubro",
        "november": "novembre noviembre novembro",
        "december": "dezember décembre decembre diciembre dicembre dezembro",
    }.items()
    for word in words.split()
}
_MEASURES = {
    word: english
    for english, words in {
        "seconds": "sekunde sekunden seconde secondes segundo segundos secondo secondi",
        "minutes": "minuten minuto minutos minuti",
        "hours": "stunde stunden heure heures hora horas ora ore",
        "days": "tag tage tagen jour jours día días dia dias giorno giorni",
        "weeks": "woche wochen semaine semaines semana semanas settimana settimane",
        "months": "monat monate monaten mois mes meses mese mesi mês",
        "years": "jahr jahre jahren an ans année années año años anno anni ano anos",
        "metres": "metern mètre mètres metro metros metri",
        "kilometres": "kilometern kilomètre kilomètres kilómetro kilómetros chilometro chilometri quilômetros",
        "grams": "gramm gramme grammes gramo gramos grammi gramas",
        "percent": "prozent",
        "million": "millionen millones milioni milhões",
        "billion": "milliarde milliarden milliard milliards miliardo miliardi",
        "thousand": "tausend",
    }.items()
    for word in words.split()
}
_PHRASES = {"mil millones": "billion", "pour cent": "percent", "por ciento": "percent", "per cento": "percent",
            "por cento": "percent", "grad celsius": "°C", "degrés celsius": "°C", "grados celsius": "°C",
            "gradi celsius": "°C"}  # fmt: skip
_AFTER_A_FIGURE = re.compile(
    rf"(?<=\d)(?P<stop>\.?\s+)(?:de\s+)?(?P<word>{'|'.join([*_PHRASES, *_MONTHS, *_MEASURES])})\b"
    r"(?:\s+del?(?=\s+\d))?",
    re.IGNORECASE,
)
_OCLOCK = re.compile(r"\b(\d{1,2})\s+Uhr(?:\s+(\d\d))?\b")
_WORDS = re.compile(r"[^\W\d_]+(?:[ -][^\W\d_]+){0,6}")
_BEGINNINGS = re.compile(
    "(?:null|ein|zwei|drei|vier|fünf|sech|sieb|acht|neun|zehn|elf|zwö|zwan|hundert|tausend|deux|trois|quatr|cinq|sept|"
    "huit|neuf|dix|onz|douz|treiz|quin|seiz|vingt|trent|treint|quarant|soixant|cent|mil|dos|tres|três|cuat|cuar|cinco|"
    "cincu|ses|siet|sete|ocho|och|nuev|nov|diez|doce|doze|trec|trez|cator|veint|cien|duas|due|dois|tre|quatt|quattr|"
    "sei|sess|sett|otto|ott|dieci|dici|undic|dodic|tredic|sedic|vent|vint|oit|dez|zéro|cero|un)"
)
_LANGUAGES = ("de", "fr", "es", "it", "pt")
# Words that are numbers there and something else in English.
_ENGLISH = frozenset("a an cent con due elf mil mille milli once per sei six ten tre uno".split())  # noqa: SIM905


def in_english(text: str) -> str:
    """``text`` with months, units and magnitudes behind a figure in English."""
    if "Uhr" in text:
        text = _OCLOCK.sub(lambda m: f"{m[1]}:{m[2] or '00'}", text)
    return _AFTER_A_FIGURE.sub(_translated, text)


def _translated(match: re.Match[str]) -> str:
    word = match["word"].casefold()
    stop = " " if word in _MONTHS else match["stop"]
    return stop + (_MONTHS.get(word) or _PHRASES.get(word) or _MEASURES[word])


@lru_cache(maxsize=4096)
def number_in_words(text: str) -> int | None:
    """The number that all of ``text`` is, in words of one of the languages: ``quatre-vingt-dix-neuf``."""
    text = text.strip(" .,!?\"'*`").casefold()
    if text in _ENGLISH or len(text) > 60 or not (_BEGINNINGS.match(text) and _WORDS.fullmatch(text)):
        return None
    from text_to_num import text2num

    for language in _LANGUAGES:
        try:
            return int(text2num(text, language))
        except ValueError:
            continue
    return None
