"""Which models a plan may call: those asked for of which anything is known."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

from optiq.errors import OptiqWarning, UnknownName
from optiq.estimation.catalog import TOKEN_METRICS, Catalog
from optiq.estimation.estimator import Estimator, QualityRules
from optiq.estimation.ingredients import Pool
from optiq.prompts.shape import PromptShape
from optiq.questions.question import Kind


def usable_pool(
    estimator: Estimator,
    topics: Sequence[tuple[str, float]],
    kind: Kind | str,
    models: Sequence[str] | None,
    blender: str | None,
) -> Pool:
    """``models`` (None: all known) and ``blender``, without those that have no figure for any metric.

    What is left out is named in an :class:`~optiq.errors.OptiqWarning`; without a blender plans have no
    blends. Raises :class:`~optiq.errors.UnknownName` if no model is left.
    """
    statistics = estimator.statistics
    wanted = sorted(set(statistics.models if models is None else models))
    catalogs = [Catalog(statistics, topic, kind, PromptShape(0), blender) for topic, _ in topics]
    views = [(catalog, estimator.on(catalog)) for catalog in catalogs]
    usable = tuple(model for model in wanted if any(_is_known(*view, model) for view in views))
    for model in wanted:
        if model not in usable:
            _warn(f"model {model!r} has no figure for any metric: it is left out")
    if not usable:
        raise UnknownName(
            f"none of the models ({', '.join(wanted) or 'none given'}) has any figures",
            f"Known: {', '.join(statistics.models) or 'none'}. Add priors with `optiq ingest priors FILE`.",
        )
    if blender is not None and not any(_is_known(*view, blender) for view in views):
        _warn(f"blender {blender!r} has no figure for any metric: only plans without blends are made")
        blender = None
    return Pool(usable, blender)


def _is_known(catalog: Catalog, rules: QualityRules, model: str) -> bool:
    figures = [catalog.lone(model, metric).value for metric in TOKEN_METRICS]
    return not all(math.isnan(value) for value in [*figures, rules.alone(model).value])


def _warn(message: str) -> None:
    warnings.warn(message, OptiqWarning, stacklevel=4)
