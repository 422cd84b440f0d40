"""What a format cannot hold, or the disk does not take, is one line; what it can hold is written."""

from __future__ import annotations

import resource
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from optiq.errors import InputError
from optiq.files.tables import read_table, write_table

TEXT = (".csv", ".jsonl", ".json", ".xlsx")
BEYOND = {
    "a day of the year 12000": pl.Series("d", [3_663_000], dtype=pl.Int32).cast(pl.Date),
    "infinity": pl.Series("d", [None, 2**31 - 1], dtype=pl.Int32).cast(pl.Date),
    "infinity of the past": pl.Series("d", [-(2**31) + 1], dtype=pl.Int32).cast(pl.Date),
    "a moment of the year 12000": pl.Series("d", [316_483_200_000_000_000]).cast(pl.Datetime("us")),
}


@pytest.mark.parametrize("suffix", TEXT)
@pytest.mark.parametrize("day", BEYOND)
def test_a_day_that_has_no_date_is_named_and_nothing_is_written(
    suffix: str, day: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"'d' has a day outside of the years 1 to 9999.*::varchar"):
        write_table(pl.DataFrame({"n": 1.5, "d": BEYOND[day]}), tmp_path / f"out{suffix}")
    assert list(tmp_path.iterdir()) == []
    write_table(pl.DataFrame({"d": BEYOND[day]}), tmp_path / "out.parquet")
    assert pl.read_parquet(tmp_path / "out.parquet")["d"].to_physical().equals(BEYOND[day].to_physical())


@pytest.mark.parametrize("suffix", TEXT)
def test_the_first_and_the_last_day_are_written(suffix: str, tmp_path: Path) -> None:
    write_table(pl.DataFrame({"n": 1, "d": [date.min, date.max, None]}), tmp_path / f"out{suffix}")
    read = read_table(tmp_path / f"out{suffix}")["d"].to_list()
    if suffix != ".xlsx":  # whose days begin in 1900
        assert read == ["0001-01-01", "9999-12-31", None]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".json", ".parquet", ".xlsx"])
def test_a_disk_that_takes_no_more_is_one_line(suffix: str, tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": range(20_000)}).select(pl.col("a"), pl.col("a").hash().alias("b"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(InputError, match=f"cannot write .*out{suffix}: .*Check the disk"):
            write_table(frame, tmp_path / f"out{suffix}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []
