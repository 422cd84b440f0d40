"""`optiq chemistry`: which models complement each other; `optiq recommend`: the ensemble worth planning over."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from flows.command_line.screen import counted, figure, note, say, say_json, table
from flows.declaration import Option
from flows.flow_requests import Json, Place, Seeded

if TYPE_CHECKING:
    from optiq.chemistry.pool import PoolChemistry
    from optiq.chemistry.recommend import Recommendation
    from tasks.chemistry import OpenedPool, PoolRequest

_NONE = 1e-9


class Trials(Seeded, Place):
    """Which trials of which models."""

    topic: Annotated[
        str | None, Option("Only trials of this topic.", "TOPIC", otherwise="all together", common=True)
    ] = None
    among: Annotated[str | None, Option("Only these models.", "A,B,…", common=True)] = None
    history: Annotated[str | None, Option("Trials of this history instead of PerfDB's.", "FILE")] = None


def chemistry(
    trials: Trials,
    output: Annotated[
        str | None, Option("Draw it: a heat map as .svg or .png.", "PICTURE", short="-o")
    ] = None,
    ensemble: Annotated[
        str | None,
        Option("Draw instead what a new member would add to this ensemble.", "A,B,…", flag="--map"),
    ] = None,
    order: Annotated[str, Option("What ranks answers: quality or penalty.", "HOW")] = "quality",
    used_from: Annotated[
        float, Option("Least accuracy of a model whose answers count as used.", "0..1", most=1)
    ] = 0.5,
    json: Json = False,
) -> None:
    """Show how much each model's contribution depends on each other's presence.

    Example:  optiq chemistry --topic law -o chemistry.svg
    """
    from optiq.errors import InputError
    from optiq.files.chart_file import check_picture
    from optiq.files.output_place import check_output, tell_replaced
    from tasks.chemistry import PoolRequest, names_in, open_pool

    among, seed = names_in(trials.among, "--among"), trials.settings.seed
    asked = PoolRequest(trials.settings.home, trials.topic, among, order, used_from, trials.history, seed)
    if output is not None:
        check_picture(output)
        check_output(output)
        tell_replaced(output)
    members = names_in(ensemble, "--map")
    if members and output is None:
        raise InputError("--map needs a file to draw to", "Name it with -o map.svg.")
    opened = open_pool(asked)
    pool = opened.pool
    drawn = pool.among(members) if members else pool
    if json:
        say_json(_matrix_object(pool, asked, opened.left_out))
    else:
        _about(asked, opened)
        _show_matrix(pool, asked)
    if output is not None:
        _draw(drawn, output, bool(members))
        if not json:
            say(f"drawn: {output}")


def recommend(
    trials: Trials,
    size: Annotated[int, Option("How many models.", "N", least=1, common=True)] = 3,
    strategy: Annotated[
        str, Option("chemistry, best (the most accurate) or random.", "HOW", common=True)
    ] = "chemistry",
    fewer: Annotated[bool, Option("Up to that many, as chemistry says.", common=True)] = False,
    alpha: Annotated[
        float, Option("Weight of chemistry with the rest against that within.", "0..1", most=1)
    ] = 0.5,
    beta: Annotated[float, Option("What each model weighs.", "WEIGHT")] = 0.5,
    tau: Annotated[float, Option("Chemistry up to this counts as none.", "CHEMISTRY")] = 0.0,
    order: Annotated[str, Option("What ranks answers: quality or penalty.", "HOW")] = "quality",
    used_from: Annotated[
        float, Option("Least accuracy of a model whose answers count as used.", "0..1", most=1)
    ] = 0.5,
    json: Json = False,
) -> None:
    """Recommend models to plan over, with the reason and how certain it is.

    Example:  optiq recommend --size 3 --topic law
    """
    from optiq.chemistry.recommend import Weights
    from tasks.chemistry import PoolRequest, names_in, open_pool

    among = names_in(trials.among, "--among")
    asked = PoolRequest(trials.settings.home, trials.topic, among, order, used_from, trials.history)
    opened = open_pool(asked)
    pool = opened.pool
    weights = Weights(alpha, beta, tau, used_from)
    found = pool.choose(strategy, size, seed=trials.settings.seed, fewer=fewer, weights=weights)
    best = pool.choose("best", size)
    if json:
        say_json(_recommendation_object(pool, found, best, strategy, asked) | asdict(weights))
    else:
        _about(asked, opened)
        _show_recommendation(pool, found, best, strategy)


def _show_matrix(pool: PoolChemistry, asked: PoolRequest) -> None:
    """Profiles and the matrix of pairs, with a legend that needs no paper."""
    certain, matrix = pool.found.certain, pool.found.chemistry
    rows = []
    for i, one in enumerate(pool.profiles):
        cells = [
            "·" if i == j else f"{matrix[i, j]:.2f}" if certain[i, j] else f"({matrix[i, j]:.2f})"
            for j in range(len(matrix))
        ]
        rows.append([i + 1, one.model, f"{one.quality:.1f}", f"{one.accuracy:.2f}", one.n_trials, *cells])
    names = [str(i + 1) for i in range(len(matrix))]
    table(
        ["", "model", "quality", "accuracy", "trials", *names],
        rows,
        title=f"Chemistry, {asked.topic or 'all topics'}",
        right=[0, *range(2, 5 + len(names))],
    )
    say(
        "A cell says how much what one model adds depends on whether the other is there too, relative to what"
    )
    say("both leave wrong: 0 not at all, 1 as much as that. (In parentheses: noise alone may explain it.)")
    say("Quality is 0 to 10, accuracy 0 to 1, both means over trials.")
    weak = [one.model for one in pool.profiles if one.accuracy < asked.used_from]
    if weak:
        say(
            f"Right in less than {asked.used_from:.0%} of cases, so not used and without chemistry: "
            f"{', '.join(weak)} (--used-from changes that)."
        )
    if matrix.max(initial=0.0) <= _NONE and len(weak) < len(pool.profiles) - 1:
        say("No two models differ in quality or accuracy: chemistry tells nothing about these.")
    if apart := pool.found.apart:
        some = f"{', '.join(' and '.join(pair) for pair in apart[:3])}{' …' if len(apart) > 3 else ''}"
        say(f"Never graded on the same question, so that nobody knows who is right where: {some}.")
    if not certain.any():
        say("No pair is beyond noise: more trials may tell.")
    say(f"{counted(pool.n_trials, 'trial')} from {pool.source}.")


def _matrix_object(pool: PoolChemistry, asked: PoolRequest, left_out: tuple[str, ...]) -> dict[str, Any]:
    """The same for programs."""
    names = ("model_a", "model_b", "chemistry", "low", "high", "noise")
    return {
        "topic": asked.topic or "*",
        "order": asked.order,
        "used_from": asked.used_from,
        "n_trials": pool.n_trials,
        "source": pool.source,
        "left_out": left_out,
        "models": _profiles(pool),
        "pairs": [dict(zip(names, row, strict=True)) | {"certain": row[3] > row[5]} for row in pool.pairs()],
    }


def _show_recommendation(
    pool: PoolChemistry, found: Recommendation, best: Recommendation, strategy: str
) -> None:
    """Which models, why, and how certain that is."""
    if not found.models:
        say(f"none recommended: {found.reason}")
        say(f"the most accurate are {', '.join(best.models)} (--strategy best)")
        return
    say(f"recommended  {', '.join(found.models)}")
    loss = "" if found.loss != found.loss else f"; loss {figure(found.loss)}"
    say(
        f"why          {found.reason}; chemistry within {figure(found.chemistry)}{loss}; "
        f"complementarity {figure(pool.complementarity(found.models))}"
    )
    certain, pairs = pool.certain_within(found.models)
    of_pairs = f"chemistry beyond noise in {certain} of {counted(pairs, 'pair')}; " if pairs else ""
    say(f"how certain  {of_pairs}{counted(pool.n_trials, 'trial')} from {pool.source}")
    if strategy == "chemistry":
        same = found.models == best.models
        say(f"beside it    the most accurate are {'the same' if same else ', '.join(best.models)}")
    chosen = [one for one in pool.profiles if one.model in found.models]
    rows = [[one.model, f"{one.quality:.1f}", f"{one.accuracy:.2f}", one.n_trials] for one in chosen]
    table(["model", "quality (0–10)", "accuracy", "trials"], rows, right=[1, 2, 3])


def _recommendation_object(
    pool: PoolChemistry, found: Recommendation, best: Recommendation, strategy: str, asked: PoolRequest
) -> dict[str, Any]:
    """The same for programs."""
    certain, pairs = pool.certain_within(found.models)
    return {
        "topic": asked.topic or "*",
        "strategy": strategy,
        "models": found.models,
        "reason": found.reason,
        "loss": found.loss,
        "chemistry": found.chemistry,
        "complementarity": pool.complementarity(found.models) if found.models else None,
        "certain_pairs": certain,
        "pairs": pairs,
        "n_trials": pool.n_trials,
        "source": pool.source,
        "best": best.models,
        "profiles": _profiles(pool),
    }


def _draw(pool: PoolChemistry, output: str, as_map: bool) -> None:
    """Draw the matrix, or the map of the pool's models, to ``output``."""
    from optiq.chemistry.charts import map_chart, matrix_chart
    from optiq.files.chart_file import write_chart

    found = pool.found
    matrix = (pool.models, found.chemistry, found.certain)
    write_chart(map_chart(pool.profiles) if as_map else matrix_chart(*matrix), output)


def _about(asked: PoolRequest, opened: OpenedPool) -> None:
    if asked.order != "quality":
        note(f"answers ranked by {asked.order}")
    if opened.passed_over:
        note(opened.passed_over)
    if left_out := opened.left_out:
        some = f"{', '.join(left_out[:5])}{' …' if len(left_out) > 5 else ''}"
        note(
            f"left out {counted(len(left_out), 'model')} with the fewest trials, then the least right: {some} "
            "(--among names those to take)"
        )


def _profiles(pool: PoolChemistry) -> list[dict[str, Any]]:
    names = ("model", "quality", "accuracy", "n_trials")
    return [{name: getattr(one, name) for name in names} for one in pool.profiles]
