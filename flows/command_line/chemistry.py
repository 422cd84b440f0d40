"""`optiq chemistry`: which models complement each other."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.command_line.options import Json, PerfDBHome, Seed

Topic = Annotated[
    str | None, typer.Option("--topic", help="Only trials of this topic.  [default: all together]")
]
Among = Annotated[str | None, typer.Option("--among", metavar="A,B,…", help="Only these models.")]
History = Annotated[
    str | None,
    typer.Option("--history", metavar="FILE", help="Trials of this history instead of PerfDB's."),
]


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("chemistry")(chemistry)


def chemistry(
    topic: Topic = None,
    among: Among = None,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="PICTURE", help="Draw it: a heat map as .svg or .png."),
    ] = None,
    ensemble: Annotated[
        str | None,
        typer.Option(
            "--map", metavar="A,B,…", help="Draw instead what a new member would add to this ensemble."
        ),
    ] = None,
    order: Annotated[
        str, typer.Option("--order", help="What ranks answers: quality or penalty.")
    ] = "quality",
    used_from: Annotated[
        float,
        typer.Option(
            "--used-from", min=0.0, max=1.0, help="Least accuracy of a model whose answers count as used."
        ),
    ] = 0.5,
    history: History = None,
    perfdb: PerfDBHome = None,
    seed: Seed = None,
    json: Json = False,
) -> None:
    """Show how much each model's contribution depends on each other's presence.

    Example:  optiq chemistry --topic law -o chemistry.svg
    """
    from flows.command_line.chemistry_screen import draw, matrix_object, show_matrix
    from flows.command_line.screen import say, say_json
    from flows.parameters import settings_of
    from optiq.files.atomic import check_place
    from tasks.chemistry import Asked, names_in, open_pool

    settings = settings_of({"perfdb": perfdb, "seed": seed})
    asked = Asked(settings.home, topic, names_in(among, "--among"), order, used_from, history, settings.seed)
    if output is not None:
        check_place(output)
    members = names_in(ensemble, "--map")
    pool, left_out = open_pool(asked)
    if json:
        say_json(matrix_object(pool, asked, left_out))
    else:
        show_matrix(pool, asked, left_out)
    if output is not None or members:
        written = draw(pool, output, members)
        if not json:
            say(f"drawn: {written}")
