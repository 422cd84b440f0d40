"""Numbers, months, units, magnitudes, signs and eras of other languages, as English has them.

``zwölf`` is 12, ``14 juillet 1789`` is ``14 july 1789``, ``2 Milliarden`` is ``2 billion``, ``18 Uhr`` is 18:00,
``moins 5`` is -5, ``trois quarts`` is 3/4, ``44 v. Chr.`` is 44 BC and ``10公里`` is 10 km.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

_MONTHS = {
    word: english
    for english, words in {
        "january": "januar janvier januari января enero gennaio janeiro",
        "february": "februar februari февраля février fevrier febrero febbraio fevereiro",
        "march": "märz maart марта mars marzo março",
        "april": "avril abril aprile апреля",
        "may": "mai mei мая mayo maggio maio",
        "june": "juni июня juin junio giugno junho",
        "july": "juli июля juillet julio luglio julho",
        "august": "août aout agosto augustus августа",
        "september": "сентября septembre septiembre settembre setembro",
        "october": "oktober октября octobre octubre ottobre outubro",
        "november": "ноября novembre noviembre novembro",
        "december": "dezember декабря décembre decembre diciembre dicembre dezembro",
    }.items()
    for word in words.split()
}
_MEASURES = {
    word: english
    for english, words in {
        "seconds": "sekunde sekunden seconde secondes segundo segundos secondo secondi секунд секунды секунда 秒 초",
        "minutes": "minuten minuto minutos minuti минут минуты минута 分钟 分鐘 分間 분",
        "hours": "stunde stunden heure heures hora horas ora ore uur час часа часов 小时 小時 時間 시간",
        "days": "tag tage tagen jour jours día días dia dias giorno giorni dag dagen день дня дней 天 日間 일",
        "weeks": "woche wochen semaine semaines semana semanas settimana settimane weken неделя недели недель 周 週間",
        "months": "monat monate monaten mois mes meses mese mesi mês maanden месяц месяца месяцев 个月 か月 개월",
        "years": "jahr jahre jahren ans année années año años anno anni ano anos jaar год года лет",
        "metres": "metern mètre mètres metro metros metri метр метра метров 米 メートル 미터",
        "kilometres": "kilometern kilomètre kilomètres kilómetro kilómetros kilometros chilometro chilometri "
        "quilômetros километр километра километров км 公里 千米 キロメートル 킬로미터",
        "centimetres": "centimètre centimètres centímetro centímetros centimetri сантиметр сантиметра сантиметров см "
        "厘米 公分 センチメートル 센티미터",
        "grams": "gramm gramme grammes gramo gramos grammi gramas грамм грамма граммов 克 グラム 그램",
        "kilograms": "kilogramm kilogrammes kilogramos chilogrammi quilogramas килограмм килограмма килограммов кг "
        "公斤 千克 キログラム 킬로그램",
        "litres": "литр литра литров 升 リットル 리터",
        "percent": "prozent procent процент процента процентов",
        "million": "millionen millón millones milione milioni milhão milhões miljoen миллион миллиона миллионов млн",
        "billion": "milliarde milliarden milliard milliards miliardo miliardi miljard mrd миллиард миллиарда "
        "миллиардов млрд",
        "thousand": "tausend duizend тысяча тысячи тысяч тыс",
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
_DIGIT = re.compile(r"\d")
_OCLOCK = re.compile(r"\b(\d{1,2})(?:[.:](\d\d))?\s+Uhr(?:\s+(\d\d))?\b")
_HOUR_AND_MINUTES = re.compile(r"(?<![\d.,])([01]?\d|2[0-3]) h ([0-5]\d)(?!\s?[\d.,m'′])\b")
_MINUS = re.compile(
    r"(?:\b(?:moins|menos|meno|минус)\s+|(?:マイナス|负|負|零下|마이너스)\s*)(?=\d)", re.IGNORECASE
)
_OF_THE_YEAR = re.compile(
    r"(?<=\d{4})\s+(?:год[ау]?\b|г\.)|(?<=(?<!\d)[12]\d{3})\s?[年년](?=\W*\Z)", re.IGNORECASE
)
_SPAN = (
    (re.compile(r"\b(?:zwischen|entre|tra|fra|tussen|между)\s+([\d.,]+)\s+(?:und|et|y|e|en|и)\s+(?=\d)", re.IGNORECASE),
     r"between \1 and "),
    (re.compile(r"(?<=\d)\s+(?:bis|à|hasta|até|до)\s+(?=\d)", re.IGNORECASE), " to "),
)  # fmt: skip
_ERAS = (
    (re.compile(r"(?<=\d)\s*(?:v\.?\s?(?:u\.?\s?Z|Chr)\b\.?|vor\s+Christus\b|av(?:ant|\.)?\s*J\.?\s?-?\s?C\.?|"
                r"a\.\s?(?:de\s)?C\.|до\s+н\.\s?э\.)"), " BC"),
    (re.compile(r"(?<=\d)\s*(?:n\.?\s?Chr\b\.?|nach\s+Christus\b|ap(?:rès|\.)?\s*J\.?\s?-?\s?C\.?|"
                r"d\.\s?(?:de\s)?C\.|н\.\s?э\.)"), " AD"),
    (re.compile(r"(?:公元前|紀元前|西元前|기원전)\s*(\d+)\s*[年년]?"), r"\1 BC"),
)  # fmt: skip
_PART_NAMES = {
    part: words.split()
    for part, words in {
        2: "halb halbe hälfte demi moitié medio media mitad metà mezzo metade meio meia половина helft",
        3: "drittel tiers tercio tercios terzo terzi terço terços треть трети derde",
        4: "viertel quart quarts cuarto cuartos quarto quarti quartos четверть четверти kwart",
        5: "fünftel cinquième cinquièmes quinto quintos quinti пятая пятых vijfde",
        10: "zehntel dixième dixièmes décimo décimos decimo decimi десятая десятых",
    }.items()
}
_PARTS = {word: part for part, words in _PART_NAMES.items() for word in words}
_ARTICLES = frozenset("la le die der das el il lo a l ein eine un une uno una um uma één одна".split())  # noqa: SIM905
_COUNTS = {word: count for count, words in {
    2: "zwei deux dos due dois duas twee две",
    3: "drei trois tres tre três drie три", 4: "vier quatre cuatro quattro quatro четыре",
    7: "sieben sept siete sette sete zeven семь",
    9: "neun neuf nueve nove negen девять",
}.items() for word in words.split()}  # fmt: skip
_WORDS = re.compile(r"[^\W\d_]+(?:[ -][^\W\d_]+){0,6}")
_BEGINNINGS = re.compile(
    "(?:null|ein|zwei|drei|vier|fünf|sech|sieb|acht|neun|zehn|elf|zwö|zwan|hundert|tausend|deux|trois|quatr|cinq|sept|"
    "huit|neuf|dix|onz|douz|treiz|quin|seiz|vingt|trent|treint|quarant|soixant|cent|mil|dos|tres|três|cuat|cuar|cinco|"
    "cincu|ses|siet|sete|ocho|och|nuev|nov|diez|doce|doze|trec|trez|cator|veint|cien|duas|due|dois|tre|quatt|quattr|"
    "sei|sess|sett|otto|ott|dieci|dici|undic|dodic|tredic|sedic|vent|vint|oit|dez|zéro|cero|un)"
)
_LANGUAGES = ("de", "fr", "es", "it", "pt", "nl")
# Words that are numbers there and something else in English.
_ENGLISH = frozenset(
    "a an cent con due elf hundreds null mil mille milli millions once per sei six ten thousands tre uno".split()  # noqa: SIM905
)


def in_english(text: str) -> str:
    """``text`` with months, units, magnitudes, signs, spans and eras around a figure in English."""
    if not _DIGIT.search(text):
        return text
    if "Uhr" in text:
        text = _OCLOCK.sub(lambda m: f"{m[1]}:{m[2] or m[3] or '00'}", text)
    if " h " in text:
        text = _HOUR_AND_MINUTES.sub(r"\1:\2", text)
    text = _MINUS.sub("minus ", _OF_THE_YEAR.sub("", text))
    for pattern, english in (*_SPAN, *_ERAS):
        text = pattern.sub(english, text)
    return _AFTER_A_FIGURE.sub(_translated, text)


def _translated(match: re.Match[str]) -> str:
    word = match["word"].casefold()
    stop = " " if word in _MONTHS else match["stop"]
    return stop + (_MONTHS.get(word) or _PHRASES.get(word) or _MEASURES[word])


@lru_cache(maxsize=4096)
def number_in_words(text: str) -> Fraction | None:
    """The number that all of ``text`` is, in words of one of the languages: ``quatre-vingt-dix``, ``ein Drittel``."""
    text = text.strip(" .,!?\"'*`").casefold()
    if text in _ENGLISH or len(text) > 60 or not _WORDS.fullmatch(text):
        return None
    first, _, rest = text.partition(" ")
    if first in _SIGNS and rest:
        value = number_in_words(rest)
        return None if value is None else -value
    if (part := _part_in_words(text)) is not None:
        return part
    if not _BEGINNINGS.match(text):
        return None
    scale = 1
    if (last := text.rpartition(" ")[2]) in _SCALES:
        text, scale = text.removesuffix(last).strip(), _SCALES[last]
        if text in _ARTICLES:
            return Fraction(scale)
    from text_to_num import text2num

    for language in _LANGUAGES:
        try:
            return Fraction(int(text2num(text, language)) * scale)
        except ValueError:
            continue
    return None


def _part_in_words(text: str) -> Fraction | None:
    """``ein Drittel``, ``trois quarts``, ``la moitié``."""
    words = text.replace("l'", "l ").split()
    if not words or len(words) > 2 or words[-1] not in _PARTS:
        return None
    count = 1 if len(words) == 1 or words[0] in _ARTICLES else _COUNTS.get(words[0])
    if count is None or (len(words) == 1 and words[0] in _ALSO_ORDINALS):
        return None
    return Fraction(count, _PARTS[words[-1]])


_SIGNS = frozenset(["minus", "moins", "menos", "meno", "минус", "min"])
_SCALES = {
    "million": 10**6, "millionen": 10**6, "milliarde": 10**9, "milliarden": 10**9, "milliard": 10**9,
    "milliards": 10**9, "miljoen": 10**6, "miljard": 10**9, "miliardo": 10**9, "miliardi": 10**9,
    "milione": 10**6, "milioni": 10**6,
}  # fmt: skip
_ALSO_ORDINALS = frozenset(
    [
        "cuarto",
        "quarto",
        "quinto",
        "décimo",
        "decimo",
        "terzo",
        "media",
        "medio",
        "meio",
        "mezzo",
        "derde",
        "quart",
        "vijfde",
    ]
)
"""Alone they are as well ``fourth``, or something else."""
