"""AgentOpt's public implementation on drawn outcomes; run by agentopt_side_by_side.py in an environment of its own.

Needs nothing of this project. Reads one job from standard input and writes what each seed came to::

    {"roles": {"planner": ["a", "b"]}, "method": "epsilon_lucb", "prices": {"a": [5.0, 25.0]},
     "proposed": {"planner": "a"}, "ranking": ["b", "a"],
     "seeds": [{"seed": 0, "order": [3, 0], "scores": [[1, 0], …], "fails": [[false, true], …]}]}

Rows of ``scores`` and ``fails`` are combinations, the last role changing fastest; a run that ``fails`` raises. Its own
tables of models, from which hill climbing has its neighbours, know none of these: ``ranking`` stands in, best first.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import logging
import sys
import types
from typing import Any


def selected(job: dict[str, Any], drawn: dict[str, Any]) -> dict[str, Any]:
    """The combination that a method chose on one drawing, and how many runs that took."""
    import agentopt

    roles: dict[str, list[str]] = job["roles"]
    places = {models: place for place, models in enumerate(itertools.product(*roles.values()))}
    scores, fails = drawn["scores"], drawn["fails"]
    runs = 0

    class Agent:
        def __init__(self, models: dict[str, str]) -> None:
            self.place = places[tuple(models[role] for role in roles)]

        def run(self, example: int) -> float:
            nonlocal runs
            runs += 1
            if fails[self.place][example]:
                raise TimeoutError("no answer in time")
            return float(scores[self.place][example])

    prices = {name: {"input_price": i, "output_price": o} for name, (i, o) in job["prices"].items()}
    options: dict[str, Any] = {"model_prices": prices}
    if job["method"] in ("random", "hill_climbing"):
        options["seed"] = drawn["seed"]
    if job["method"] == "lm_proposal":
        options["proposer_client"] = proposing(json.dumps({"combination": job["proposed"], "reasoning": ""}))
    if job["method"] == "bayesian":
        import torch

        torch.manual_seed(drawn["seed"])
    dataset = [(example, None) for example in drawn["order"]]
    with contextlib.redirect_stdout(io.StringIO()):
        selector = agentopt.ModelSelector(
            Agent, roles, lambda expected, made: made, dataset, job["method"], **options
        )
        results = selector.select_best()
    best = results.get_best_combo()
    chosen = None if best is None else places[tuple(best[role] for role in roles)]
    return {"chosen": chosen, "runs": runs}


def proposing(answer: str) -> Any:
    """A client of a language model that says what it is told to."""
    message = types.SimpleNamespace(message=types.SimpleNamespace(content=answer))
    completions = types.SimpleNamespace(create=lambda **asked: types.SimpleNamespace(choices=[message]))
    return types.SimpleNamespace(chat=types.SimpleNamespace(completions=completions))


def main() -> None:
    """Read the job, print the outcomes as JSON."""
    import agentopt.model_topology as topology

    logging.disable(logging.WARNING)
    job = json.load(sys.stdin)
    topology.QUALITY_RANKING[:] = job["ranking"]
    topology.SPEED_RANKING[:] = job["ranking"][::-1]
    print(json.dumps([selected(job, drawn) for drawn in job["seeds"]]))


if __name__ == "__main__":
    main()
