"""Rules on the columns of a table: which rows are bad, and why, in words for the person who sent them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

ROW = "row_number"


@dataclass(frozen=True, slots=True)
class Rule:
    """``bad`` marks the rows that break the rule, ``reason`` says how; both are Polars expressions."""

    bad: pl.Expr
    reason: pl.Expr


def judge(frame: pl.DataFrame, rules: Iterable[Rule]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split ``frame`` (with a column ``row_number``) into good rows and bad ones.

    The bad ones come as ``row_number`` and ``reason``: the first rule that the row breaks.
    """
    reasons = [pl.when(rule.bad.fill_null(False)).then(rule.reason) for rule in rules]
    judged = frame.with_columns(pl.coalesce(*reasons, pl.lit(None, pl.String)).alias("reason"))
    good = judged.filter(pl.col("reason").is_null()).drop("reason")
    return good, judged.filter(pl.col("reason").is_not_null()).select(ROW, "reason")


def as_number(name: str, dtype: pl.DataType) -> pl.Expr:
    """Column ``name`` as a float; null where it is missing or no number."""
    column = pl.col(name)
    if dtype.is_numeric():
        return column.cast(pl.Float64)
    if dtype == pl.String:
        return column.str.strip_chars().cast(pl.Float64, strict=False)
    return pl.lit(None, pl.Float64)


def as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """Column ``name`` as text without white space around it; null where nothing is left."""
    column = pl.col(name)
    text = column.cast(pl.String) if not dtype.is_nested() else pl.lit(None, pl.String)
    if dtype.is_float():  # a column of whole numbers with gaps is often stored as floats
        whole = (column == column.floor()) & (column.abs() < 2**53)
        text = pl.when(whole).then(column.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(text)
    stripped = text.str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def number_rules(
    name: str, dtype: pl.DataType, low: float, high: float | None = None, hint: str = ""
) -> list[Rule]:
    """``name`` is missing or a number from ``low`` to ``high``; ``hint`` says what a larger one may be."""
    number = as_number(name, dtype)
    text = _shown(name, dtype)
    rules = [
        Rule(
            _given(name, dtype) & number.is_null(),
            pl.format("{} is '{}', not a number{}", pl.lit(name), text, _how_to_write(text)),
        ),
        Rule(
            ~number.is_finite(),
            pl.format("{} is '{}', not a finite number: leave it out if it is unknown", pl.lit(name), text),
        ),
        Rule(number < low, pl.format(f"{{}} is {{}}, below {low:g}", pl.lit(name), number)),
    ]
    if high is not None:
        more = f": {hint}" if hint else ""
        rules.append(
            Rule(number > high, pl.format(f"{{}} is {{}}, above {high:g}{more}", pl.lit(name), number))
        )
    return rules


def whole_rules(name: str, dtype: pl.DataType) -> list[Rule]:
    """``name`` is missing, no number, or a whole one: a fraction would be cut off."""
    number = as_number(name, dtype)
    return [Rule(number != number.floor(), pl.format("{} is {}, not a whole number", pl.lit(name), number))]


def _given(name: str, dtype: pl.DataType) -> pl.Expr:
    given = pl.col(name).is_not_null()
    return given & (pl.col(name).str.strip_chars() != "") if dtype == pl.String else given


def _shown(name: str, dtype: pl.DataType) -> pl.Expr:
    return pl.lit("a list or record") if dtype.is_nested() else pl.col(name).cast(pl.String)


def _how_to_write(text: pl.Expr) -> pl.Expr:
    """What a text that is no number is written like, where that is plain."""
    text = text.str.strip_chars().str.to_lowercase()
    return (
        pl.when(text.str.contains(r"^[-+]?[\d.,]+\s*%$"))
        .then(pl.lit(": write 85 % as 0.85"))
        .when(text.str.contains(r"^[-+]?\d[\d,.'_ ]*$"))
        .then(pl.lit(": write a decimal point, and nothing between thousands"))
        .when(text.is_in(["true", "false", "yes", "no"]))
        .then(pl.lit(": write 1 or 0"))
        .otherwise(pl.lit(""))
    )


_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def as_flag(name: str, dtype: pl.DataType) -> pl.Expr:
    """Column ``name`` as true or false; null where it is missing or neither."""
    if dtype == pl.Boolean:
        return pl.col(name)
    text = as_text(name, dtype).str.to_lowercase()
    return text.replace_strict(list(_FLAGS), list(_FLAGS.values()), default=None, return_dtype=pl.Boolean)


def flag_rules(name: str, dtype: pl.DataType) -> list[Rule]:
    """``name`` is missing, or true or false in one of the usual ways to write them."""
    wrong = _given(name, dtype) & as_flag(name, dtype).is_null()
    return [Rule(wrong, pl.format("{} is '{}', not true or false", pl.lit(name), _shown(name, dtype)))]


def as_day(name: str, dtype: pl.DataType) -> pl.Expr:
    """Column ``name`` as a date; null where it is missing or no date."""
    if dtype == pl.Date:
        return pl.col(name)
    if dtype == pl.String:
        # A full time stamp begins with its date.
        day = pl.col(name).str.strip_chars().str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
        return pl.coalesce(day, since_1970(name, dtype).dt.date())
    return as_time(name, dtype).dt.date()


def day_rules(name: str, dtype: pl.DataType, today: datetime.date) -> list[Rule]:
    """``name`` is missing, or a date that is not in the future (a day is left for time zones)."""
    day = as_day(name, dtype)
    text = _shown(name, dtype)
    return [
        Rule(
            _given(name, dtype) & day.is_null(),
            pl.format("{} is '{}', not a date such as 2026-01-31", pl.lit(name), text),
        ),
        Rule(
            day > today + datetime.timedelta(days=1), pl.format("{} is {}, in the future", pl.lit(name), text)
        ),
    ]


_TIMES = ("%Y-%m-%d %H:%M:%S%.f%:z", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")


def as_time(name: str, dtype: pl.DataType) -> pl.Expr:
    """Column ``name`` as a UTC time; null where it is missing or no time. Without a zone it is UTC."""
    if isinstance(dtype, pl.Datetime):
        column = pl.col(name)
        utc = column.dt.convert_time_zone("UTC") if dtype.time_zone else column.dt.replace_time_zone("UTC")
        return utc.cast(pl.Datetime("us", "UTC"))
    if dtype == pl.Date:
        return pl.col(name).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if dtype != pl.String:
        return since_1970(name, dtype)
    text = pl.col(name).str.strip_chars().str.replace("T", " ", literal=True).str.replace(r"[zZ]$", "+00:00")
    parsed = [
        text.str.to_datetime(form, time_unit="us", strict=False).dt.convert_time_zone("UTC")
        if form.endswith("%:z")
        else text.str.to_datetime(form, time_unit="us", strict=False).dt.replace_time_zone("UTC")
        for form in _TIMES
    ]
    return pl.coalesce(*parsed, since_1970(name, dtype))


# Figures of our time: a second count is a billion and some, in each smaller unit a thousand times that. What is
# smaller is a year, or a day as 20260131.
_SMALLEST = 1e8
_UNITS_PER_S = (1.0, 1e3, 1e6, 1e9)


def since_1970(name: str, dtype: pl.DataType) -> pl.Expr:
    """Column ``name`` as a UTC time where it counts seconds, or thousandths or millionths, since 1970; else null."""
    number = as_number(name, dtype)
    seconds = pl.coalesce(
        [
            pl.when(number.is_between(_SMALLEST * unit, _SMALLEST * unit * 1e3, closed="left")).then(
                number / unit
            )
            for unit in _UNITS_PER_S
        ]
    )
    return (seconds * 1e6).round().cast(pl.Int64).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def time_rules(name: str, dtype: pl.DataType, today: datetime.date) -> list[Rule]:
    """``name`` is missing, or a time that is not in the future (a day is left for time zones)."""
    time = as_time(name, dtype)
    text = _shown(name, dtype)
    return [
        Rule(
            _given(name, dtype) & time.is_null(),
            pl.format("{} is '{}', not a time such as 2026-01-31T12:00:00Z", pl.lit(name), text),
        ),
        Rule(
            time.dt.date() > today + datetime.timedelta(days=1),
            pl.format("{} is {}, in the future", pl.lit(name), text),
        ),
    ]
