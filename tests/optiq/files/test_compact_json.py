"""JSON without blanks."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.files.compact_json import compact

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(_VALUES)
def test_what_is_written_is_read_again(value: object) -> None:
    assert json.loads(compact(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, 2.5, None]}, b'{"a":[1,2.5,null]}'),
        (float("nan"), b"null"),
        (np.float64(0.1), b"0.1"),
        (datetime(2026, 1, 2, 3, 4, 5, 6, UTC), b'"2026-01-02T03:04:05.000006+00:00"'),
        ("half \ud83d", b'"half \\ud83d"'),
        ([10**30, "\ud83d"], b'[1000000000000000000000000000000,"\\ud83d"]'),
    ],
)
def test_what_json_has_no_form_for(value: object, text: bytes) -> None:
    assert compact(value) == text
