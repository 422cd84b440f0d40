"""Which models a plan may call: those asked for or served, of which anything is known; and which one blends."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence

from optiq.errors import OptiqWarning, UnknownName, meant
from optiq.estimation.catalog import Catalog
from optiq.estimation.estimator import Estimator, QualityRules
from optiq.estimation.pool import Pool
from optiq.plans.plan import Plan
from optiq.prompts.shape import PromptShape
from optiq.questions.metric import RESOURCE_NAMES
from optiq.questions.question import Kind
from optiq.statistics.snapshot import ANY_TOPIC, Statistics


def choose_pool(
    statistics: Statistics, served: Iterable[str] | None, wanted: Sequence[str] | None
) -> tuple[str, ...]:
    """The models to plan over: ``wanted`` if given, else every served model that PerfDB knows.

    ``served`` is what the model server offers (``None``: not asked). A served model without figures is left
    out with a warning, because nothing can be estimated for it.

    Raises
    ------
    UnknownName
        if a wanted model is neither known to PerfDB nor served, or if nothing is left.
    """
    known = set(statistics.models)
    offered = None if served is None else set(served)
    if wanted:
        for name in wanted:
            if name not in known:
                near = known & offered if offered is not None else _measured(statistics)
                raise UnknownName(
                    f"PerfDB has no figures for model {name!r}",
                    f"{meant(name, near) or meant(name, known)} Known models: {_listed(known)}. "
                    "Add another with `optiq models add MODEL`.".lstrip(),
                )
            if offered is not None and name not in offered:
                raise UnknownName(
                    f"model {name!r} is not served here",
                    f"Served models: {_listed(offered)}. `optiq models` shows both.",
                )
        return tuple(wanted)
    if offered is None:
        return tuple(sorted(known))
    for name in sorted(offered - known):
        message = f"model {name!r} is served but PerfDB has no figures for it: left out"
        warnings.warn(message, OptiqWarning, stacklevel=2)
    pool = tuple(sorted(offered & known))
    if not pool:
        raise UnknownName(
            f"none of the served models ({_listed(offered)}) has figures in PerfDB",
            "Add priors for them with `optiq ingest priors FILE` and publish with `optiq refresh`.",
        )
    return pool


def choose_blender(statistics: Statistics, pool: Sequence[str], wanted: str | None) -> str | None:
    """``wanted`` if given, else the model of the pool with the highest mean QoA over both tasks.

    Raises
    ------
    UnknownName
        if the wanted blender has no figures.
    """
    if wanted is not None:
        if wanted not in statistics.models:
            raise UnknownName(
                f"PerfDB has no figures for blender {wanted!r}",
                f"Known models: {_listed(statistics.models)}.",
            )
        return wanted
    ranked = []
    for model in pool:
        figures = [statistics.figures(model, ANY_TOPIC, task).qoa for task in ("open", "choice")]
        given = [qoa for qoa in figures if not math.isnan(qoa)]
        if given:
            ranked.append((-sum(given) / len(given), model))
    return min(ranked)[1] if ranked else None


def usable_pool(
    estimator: Estimator,
    topics: Sequence[tuple[str, float]],
    kind: Kind | str,
    models: Sequence[str] | None,
    blender: str | None,
) -> Pool:
    """``models`` (None: all known) and ``blender``, without those that have no figure for any metric on ``topics``.

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
    figures = [catalog.lone(model, metric).value for metric in RESOURCE_NAMES]
    return not all(math.isnan(value) for value in [*figures, rules.alone(model).value])


def _warn(message: str) -> None:
    warnings.warn(message, OptiqWarning, stacklevel=4)


def _measured(statistics: Statistics) -> list[str]:
    """The models that were asked: such a name is rather meant than one that is only known from what is published."""
    return [name for name in statistics.models if statistics.records_of(Plan.of([name]).key)]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
