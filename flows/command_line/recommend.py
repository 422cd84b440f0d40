"""`optiq recommend`: the ensemble of models that is worth planning over."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.command_line.chemistry import Among, History, Topic
from flows.command_line.options import Json, PerfDBHome, Seed


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("recommend")(recommend)


def recommend(
    size: Annotated[int, typer.Option("--size", min=1, help="How many models.")] = 3,
    topic: Topic = None,
    among: Among = None,
    strategy: Annotated[
        str, typer.Option("--strategy", help="chemistry, best (the most accurate) or random.")
    ] = "chemistry",
    history: History = None,
    perfdb: PerfDBHome = None,
    seed: Seed = None,
    json: Json = False,
) -> None:
    """Recommend models to plan over, with the reason and how certain it is.

    Example:  optiq recommend --size 3 --topic law
    """
    from flows.command_line.chemistry_screen import recommendation_object, show_recommendation
    from flows.command_line.screen import say_json
    from flows.parameters import settings_of
    from tasks.chemistry import Asked, names_in, open_pool

    settings = settings_of({"perfdb": perfdb, "seed": seed})
    asked = Asked(settings.home, topic, names_in(among, "--among"), history=history)
    pool, _ = open_pool(asked)
    found = pool.choose(strategy, size, seed=settings.seed)
    best = pool.choose("best", size)
    if json:
        say_json(recommendation_object(pool, found, best, strategy, asked))
    else:
        show_recommendation(pool, found, best, strategy, asked)
