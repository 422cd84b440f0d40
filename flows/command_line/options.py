"""Options that several verbs share, declared once."""

from __future__ import annotations

from typing import Annotated

import typer

LIMITS = "Limits per question"
CHOICE = "Planning"
PLACES = "Where"

MaxCost = Annotated[
    str | None, typer.Option("--max-cost", metavar="USD", help="Most that one question may cost.")
]
MaxLatency = Annotated[
    str | None, typer.Option("--max-latency", metavar="SECONDS", help="Longest that one question may take.")
]
MaxEnergy = Annotated[
    str | None, typer.Option("--max-energy", metavar="JOULES", help="Most energy that one question may use.")
]
MinQoA = Annotated[
    str | None, typer.Option("--min-qoa", metavar="0..1", help="Lowest predicted answer quality to accept.")
]
WeightsText = Annotated[
    str | None,
    typer.Option(
        "--weights",
        metavar="NAME=W,…",
        help="Preference on the frontier: cost, latency, energy, qoa; they sum to 1. Default: equal. Or "
        "worth=USD, what a right answer is worth: then the plan that yields most for its cost.",
    ),
]
Confidence = Annotated[
    str | None,
    typer.Option(
        "--confidence",
        metavar="0..1",
        help="Hold the limits with this probability, such as 0.95, and compare plans by what is sure.  "
        "[default: hold them for expected figures]",
    ),
]
PlannerName = Annotated[
    str | None, typer.Option("--planner", help="Which planner searches.  [default: exact]")
]
Estimator = Annotated[
    str | None,
    typer.Option(
        "--estimator",
        metavar="HOW",
        help="How plans are estimated: shrunk (drawn to their parts), paper, or another that is installed.  "
        "[default: shrunk]",
    ),
]
Neighbours = Annotated[
    bool | None,
    typer.Option(
        "--neighbours/--no-neighbours",
        help="Estimate models by how they did on the past questions most like each one.  [default: --neighbours]",
        show_default=False,
    ),
]
MaxOperations = Annotated[
    str | None,
    typer.Option("--max-operations", metavar="K", help="Most model calls in one plan.  [default: 3]"),
]
BoundOperations = Annotated[
    str | None,
    typer.Option(
        "--bound-operations",
        metavar="HOW",
        help="How a budget bounds the calls in a plan: upper, sample (with --seed) or none.  [default: upper]",
    ),
]
Models = Annotated[
    str | None,
    typer.Option(
        "--models",
        metavar="A,B,…",
        help="The pool to plan over; `recommended` or `recommended:3` for what `optiq recommend` says of the "
        "served ones.  [default: every served model PerfDB knows]",
    ),
]
Blender = Annotated[
    str | None,
    typer.Option("--blender", help="Model of blend nodes.  [default: the served one with the highest QoA]"),
]
Topic = Annotated[
    str | None, typer.Option("--topic", help="Topic of the question(s); inferred where it is left out.")
]
PerfDBHome = Annotated[
    str | None,
    typer.Option("--perfdb", metavar="DIR", help="Home of PerfDB.  [default: $OPTIQ_HOME or .optiq]"),
]
Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="NAME",
        help="ollama, openai, embedded, or auto: Ollama if it answers, else embedded.  [default: auto]",
    ),
]
ServerURL = Annotated[
    str | None,
    typer.Option("--server-url", metavar="URL", help="Address of the model server, if not its usual one."),
]
Seed = Annotated[str | None, typer.Option("--seed", help="Seed of everything random; stored with results.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Cache = Annotated[
    bool,
    typer.Option(
        "--cache/--no-cache",
        help="Take the outputs of identical earlier calls.  [default: --cache]",
        show_default=False,
    ),
]
Prompt = Annotated[
    str | None,
    typer.Option(
        "--prompt", metavar="SET", help="zero-shot, few-shot, cot or baseline.  [default: zero-shot]"
    ),
]
Examples = Annotated[
    str | None,
    typer.Option(
        "--examples", metavar="FILE", help="Labelled questions for --prompt few-shot.  [default: PerfDB's]"
    ),
]
Constrain = Annotated[
    bool | None,
    typer.Option(
        "--constrain/--no-constrain",
        help="Hold answers to the letters of options where the server can.  [default: --constrain]",
        show_default=False,
    ),
]
