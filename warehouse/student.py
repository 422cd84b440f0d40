"""Student's distribution, for the few tails that a night needs: to import SciPy takes longer than to judge drift."""

from __future__ import annotations

import math

_MOST_TERMS = 500
_ENOUGH = 1e-15
_TINY = 1e-300


def two_sided(t: float, degrees: float) -> float:
    """The probability of a value at least so far from 0 as ``t``, by Student's distribution with ``degrees`` > 0.

    It is the regularised incomplete beta function I_x(degrees/2, 1/2) at x = degrees / (degrees + t²), by its continued
    fraction (Abramowitz & Stegun 1964, 26.7.1 and 26.5.8), evaluated from the front (Lentz 1976).
    """
    x, rest = degrees / (degrees + t * t), t * t / (degrees + t * t)
    a, b = degrees / 2, 0.5
    if x <= (a + 1) / (a + b + 2):
        return _incomplete_beta(a, b, x, rest)
    return 1 - _incomplete_beta(b, a, rest, x)


def limit(probability: float, degrees: float) -> float:
    """How far from 0 a value is beyond with this ``probability``, both sides together: where :func:`two_sided` is that.

    ``probability`` is from 1e-6 to 1. By halving an interval, to a part in 10¹².
    """
    low, high = 0.0, 1.0
    while two_sided(high, degrees) > probability:
        low, high = high, 2 * high
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if two_sided(middle, degrees) > probability else (low, middle)
    return high


def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """I_x(a, b) where its fraction converges fast: for x up to (a + 1) / (a + b + 2). ``rest`` is 1 - x."""
    if x <= 0:
        return 0.0
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    numerator, denominator = 1.0, 1 / _away_from_0(1 - (a + b) * x / (a + 1))
    found = denominator
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            numerator = _away_from_0(1 + term / numerator)
            denominator = 1 / _away_from_0(1 + term * denominator)
            step = numerator * denominator
            found *= step
        if abs(step - 1) < _ENOUGH:
            break
    return math.exp(front) * found / a


def _away_from_0(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
