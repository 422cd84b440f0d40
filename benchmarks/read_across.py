"""What a figure on another benchmark is on MMLU-Pro's scale, for served models of which nobody published MMLU-Pro.

    python -m benchmarks.read_across

Per benchmark: over the models that have both, the line between the logits by least squares, what it is off by (mean and
root mean square, leaving each model out), and what it reads for the models that have the one alone, within the range of
those that have both: the lines of ``warehouse/priors/served_models.csv`` whose source begins with "read across". The
figures are in ``read_across.csv``.
"""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FIGURES = Path(__file__).with_suffix(".csv")
SOURCES = {
    "llama-3.1-card": ("Llama 3.1 model card (github.com/meta-llama/llama-models)", "2024-09-30"),
    "llama-3.2-card": ("Llama 3.2 model card (github.com/meta-llama/llama-models)", "2024-10-24"),
    "llm-stats": ("llm-stats (github.com/JonathanChavezTamales/llm-leaderboard, CC BY 4.0)", "2025-10-16"),
    "qwen2.5-blog": ("Qwen2.5 announcement (github.com/QwenLM/qwenlm.github.io)", "2024-09-19"),
    "qwen3-report": ("Qwen3 technical report (arXiv 2505.09388)", "2025-05-14"),
    "qwen3-2507-card": ("Qwen3-30B-A3B-Instruct-2507 model card (Apache-2.0)", "2025-07-29"),
    "zeroeval": ("ZeroEval (github.com/yuchenlin/ZeroEval, Apache-2.0)", "2024-09-24"),
}
"""What is said of a source, and the day that its figures are of."""

THINKING = ("qwen3:", "qwq", "deepseek-r1", "gpt-oss", "magistral")
"""Models that think before they answer unless told not to: their figures are those with thoughts."""


@dataclass(frozen=True, slots=True)
class Line:
    """logit(MMLU-Pro) = ``at_zero`` + ``slope`` · logit(benchmark), over ``n`` models from ``least`` to ``most``.

    Errors are those of each model when it is left out.
    """

    at_zero: float
    slope: float
    n: int
    mean_error: float
    rms_error: float
    least: float
    most: float

    def read(self, value: float) -> float:
        """MMLU-Pro, 0 to 1."""
        return float(_share(self.at_zero + self.slope * _logit(value)))


def rows() -> list[dict[str, str]]:
    """The figures as they are in the file."""
    with FIGURES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def line(benchmark: str) -> Line:
    """The line of the models that have both."""
    both = [row for row in rows() if row["benchmark"] == benchmark and row["mmlu_pro"]]
    x = _logit(np.array([float(row["value"]) for row in both]))
    y = _logit(np.array([float(row["mmlu_pro"]) for row in both]))
    slope, at_zero = np.polyfit(x, y, 1)
    errors = []
    for i in range(len(x)):
        rest = np.arange(len(x)) != i
        one, zero = np.polyfit(x[rest], y[rest], 1)
        errors.append(_share(zero + one * x[i]) - _share(y[i]))
    off = np.array(errors)
    return Line(
        float(at_zero),
        float(slope),
        len(x),
        float(np.abs(off).mean()),
        float(np.sqrt((off**2).mean())),
        float(_share(x.min())),
        float(_share(x.max())),
    )


def readings() -> list[tuple[str, float, str, str]]:
    """(model, MMLU-Pro, source, as_of) of each model that has the other benchmark alone.

    Nothing is read beyond the range of the models that have both: the line says nothing there.
    """
    lines = {benchmark: line(benchmark) for benchmark in sorted({row["benchmark"] for row in rows()})}
    found = []
    for row in rows():
        of, value = lines[row["benchmark"]], float(row["value"])
        if not row["mmlu_pro"] and of.least <= value <= of.most:
            told, day = SOURCES[row["source"]]
            thinking = ", thinking" if row["model"].startswith(THINKING) else ""
            source = (
                f"read across to MMLU-Pro (± {of.rms_error:.2f}, {of.n} models have both) from {row['benchmark']} "
                f"{value:g}{thinking}: {told}"
            )
            found.append((row["model"], round(of.read(value), 3), source, day))
    return found


def _logit(share: float | np.ndarray) -> np.ndarray:
    value = np.asarray(share, dtype=float)
    return np.log(value / (1 - value))


def _share(logit: float | np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(logit, dtype=float)))


def main() -> None:
    for benchmark in sorted({row["benchmark"] for row in rows()}):
        of = line(benchmark)
        print(
            f"{benchmark}: logit = {of.at_zero:+.3f} {of.slope:+.3f} x, {of.n} models; "
            f"left out each: mean error {of.mean_error:.3f}, root mean square {of.rms_error:.3f}"
        )
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for model, value, source, day in readings():
        writer.writerow((model, "choice", "qoa", value, source, day))


if __name__ == "__main__":
    main()
