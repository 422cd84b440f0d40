"""Days that dates are written for: the years 1 to 9999. Databases know others, infinity among them, and Parquet too."""

from __future__ import annotations

from datetime import date

import polars as pl

_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = date.min.toordinal() - _EPOCH, date.max.toordinal() - _EPOCH
_UNITS_A_DAY = {"day": 1, "ms": 86_400 * 10**3, "us": 86_400 * 10**6, "ns": 86_400 * 10**9}


def have_years(column: pl.Series) -> pl.Series:
    """Which cells of a column of days or times have a year of four digits; null where the cell is."""
    unit = getattr(column.dtype, "time_unit", "day")
    return (column.to_physical() // _UNITS_A_DAY[unit]).is_between(_FIRST, _LAST)


def with_texts(column: pl.Series) -> pl.Series:
    """A column of days or times as it is; as ISO 8601, if some have no such year: those are ``infinity`` or
    ``-infinity``.
    """
    sound = have_years(column)
    if sound.all():
        return column
    plain = column.to_frame().select(pl.when(sound).then(pl.first())).to_series()
    texts = plain.cast(pl.String) if column.dtype == pl.Date else plain.dt.to_string("iso:strict")
    endless = pl.when(column.to_physical() > 0).then(pl.lit("infinity")).otherwise(pl.lit("-infinity"))
    return (
        pl.select(pl.when(sound).then(texts).when(column.is_not_null()).then(endless))
        .to_series()
        .alias(column.name)
    )
