"""`optiq models`: what PerfDB knows and what a server offers; figures given by a person, or by two calls."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

from flows.command_line.screen import counted, figure, note, say, say_json, table
from flows.declaration import Argument, Option
from flows.flow_requests import Json, Place, Serving

if TYPE_CHECKING:
    from optiq.statistics.snapshot import Statistics
    from warehouse.home import Home


class Models(Serving, Place):
    """`optiq models`."""


class AddModel(Place, settings="refresh"):
    """`optiq models add`."""

    name: Annotated[str, Argument("The model, as its server calls it.", "NAME")]
    usd_per_m_in: Annotated[float | None, Option("Price per million prompt tokens.", "USD")] = None
    usd_per_m_out: Annotated[float | None, Option("Price per million output tokens.", "USD")] = None
    tokens_per_s: Annotated[float | None, Option("Output tokens per second.", "N")] = None
    qoa: Annotated[float | None, Option("Share of questions that it answers well.", "0..1", most=1)] = None
    like: Annotated[
        str | None, Option("A model that PerfDB knows, whose figures hold for this one too.", "MODEL")
    ] = None


def models(request: Models, json: Json = False) -> None:
    """List models that PerfDB knows and that the server offers, with prices and quality; variants under their model.

    Figures with ~ are guessed. `add` gives figures of a model, `probe` asks models how fast they are.

    Example:  optiq models --server embedded
    """
    from optiq.errors import ServerError
    from optiq.prompts.variants import find_variant
    from optiq.questions.metric import RATES
    from tasks.session import begin_home, guesses_for, load_statistics, shared_server

    settings, home = request.settings, request.home()
    begin_home(settings, home)
    try:
        opened = shared_server(settings)
        note(opened.describe())
        served = {model.name: model for model in opened.list_models()}
    except ServerError as fault:
        note(f"warning: {fault}")
        opened, served = None, {}
    guesses = guesses_for(home, opened, list(served.values()))
    names = {*load_statistics(home).models, *served}
    variants = {v.name: v for v in settings.variants if v.name not in served}
    for name in names - set(served):
        if found := find_variant(name, settings.variants, names):
            variants[name] = found
    statistics = load_statistics(home, tuple(variants[name] for name in sorted(variants)), guesses)
    prices = _prices(home)
    listed: list[dict[str, Any]] = []
    for name in sorted({*names, *variants}, key=lambda n: (variants[n].model if n in variants else n, n)):
        known = name in statistics.models
        variant = variants.get(name)
        row: dict[str, Any] = {
            "model": name,
            "known": known,
            "served": (name if variant is None else variant.model) in served,
            "variant_of": None if variant is None else variant.model,
            "prompt": None if variant is None else variant.prompt,
            "max_output_tokens": None if variant is None else variant.max_output_tokens,
        }
        for task in ("open", "choice"):
            row[f"qoa_{task}"] = statistics.figures(name, "*", task).qoa if known else math.nan
        figures = statistics.figures(name, "*", "open") if known else None
        for rate in RATES:
            row[rate.name] = getattr(figures, rate.name) if figures else math.nan
        row["guessed"] = _guessed(statistics, name)
        row["price"] = prices.get(name) or (
            statistics.source(name, "*", "open", ["usd_per_prompt_token"]) or None
        )
        listed.append(row)
    if json:
        say_json(listed)
        return
    table(
        [
            "model",
            "served",
            "QoA open",
            "QoA choice",
            "USD/M prompt",
            "USD/M output",
            "output tokens/s",
            "J/output token",
        ],
        (
            [
                row["model"]
                if row["variant_of"] is None
                else f"  {row['model']} ({variants[str(row['model'])].describe()})",
                "yes" if row["served"] else "no",
                *(
                    ("~" if name in row["guessed"] else "") + figure(value)
                    for name, value in (
                        ("qoa_open", _number(row["qoa_open"])),
                        ("qoa_choice", _number(row["qoa_choice"])),
                        ("usd_per_prompt_token", _number(row["usd_per_prompt_token"]) * 1e6),
                        ("usd_per_output_token", _number(row["usd_per_output_token"]) * 1e6),
                        ("seconds_per_output_token", 1 / _number(row["seconds_per_output_token"])),
                        ("joules_per_output_token", _number(row["joules_per_output_token"])),
                    )
                ),
            ]
            for row in listed
        ),
        right=range(2, 8),
    )
    for name, why in sorted(prices.items()):
        say(f"price of {name}: {why}")
    told = {why for row in listed for why in row["guessed"].values()}
    if told:
        say(f"~ {counted(len(told), 'guess', 'guesses')}: " + "; ".join(sorted(told)))


def show(
    name: Annotated[str, Argument("A model that PerfDB knows.", "MODEL")], place: Place, json: Json = False
) -> None:
    """Show what PerfDB knows of one model: every figure, on how many observations it stands, and its source.

    Example:  optiq models show phi4:14b
    """
    import sql
    from optiq.errors import UnknownName, meant
    from tasks.session import begin_home
    from warehouse.query import query

    begin_home(place.settings, place.home())
    found = query(place.home().perfdb, sql.read("queries/model_figures"), {"model": name})
    if found.is_empty():
        known = query(place.home().perfdb, "select model from models")["model"]
        listed = "`optiq models` lists those that it knows."
        raise UnknownName(f"PerfDB knows no model {name!r}", f"{meant(name, known)} {listed}".lstrip())
    if json:
        say_json(found.to_dicts())
        return
    rows = (
        [row["topic"], row["task"], row["metric"], figure(row["value"]), row["n_observations"], row["source"]]
        for row in found.iter_rows(named=True)
    )
    table(["topic", "task", "figure", "value", "observations", "source"], rows, right=(3, 4))


def add(request: AddModel) -> None:
    """Give figures of a model, and publish them. What is left out is guessed until it is observed.

    Example:  optiq models add gpt-oss:20b --usd-per-m-in 0.05 --usd-per-m-out 0.2
    """
    from tasks.guessing import add_model
    from tasks.warehousing import publish_snapshot

    per_token = {
        "usd_per_prompt_token": _scaled(request.usd_per_m_in, 1e-6),
        "usd_per_output_token": _scaled(request.usd_per_m_out, 1e-6),
        "seconds_per_output_token": None if not request.tokens_per_s else 1 / request.tokens_per_s,
        "qoa": request.qoa,
    }
    figures = {name: value for name, value in per_token.items() if value is not None}
    n_landed = add_model(request.home(), request.name, figures, request.like)
    published = publish_snapshot(request.settings)
    say(f"{request.name}: {counted(n_landed, 'figure')}, snapshot {published['snapshot_id']}")


def probe(
    request: Models,
    names: Annotated[list[str] | None, Argument("Models to ask.", "MODEL...", otherwise="all served")] = None,
) -> int:
    """Ask models two short questions each, to see how fast they are. The calls are billed as any.

    Example:  optiq models probe tiny-helper --server openai --server-url http://127.0.0.1:8080/v1
    """
    from tasks.guessing import probe_models
    from tasks.session import begin_home, shared_server

    begin_home(request.settings, request.home())
    server = shared_server(request.settings)
    note(server.describe())
    served = [model.name for model in server.list_models()]
    found = probe_models(request.home(), server, names or served, request.settings.timeout_s)
    table(
        ["model", "prompt tokens/s", "output tokens/s"],
        (
            [name, figure(1 / one.seconds_per_prompt_token), figure(1 / one.seconds_per_output_token)]
            for name, one in sorted(found.items())
        ),
        right=(1, 2),
    )
    silent = sorted(set(names or served) - set(found))
    if silent:
        note(f"no answer from {', '.join(silent)}")
    return 1 if silent else 0


def _prices(home: Home) -> dict[str, str]:
    """By model: which entry of which table its price is, of what day, and what it depends on."""
    import sql
    from warehouse.query import query

    told: dict[str, list[str]] = {}
    if home.perfdb.exists():
        for step in query(home.perfdb, sql.read("queries/current_prices")).iter_rows(named=True):
            said = told.setdefault(step["model"], [f"{step['source']}, as of {step['as_of']}"])
            when = [f"above {step['above_tokens']:,} prompt tokens"] if step["above_tokens"] else []
            if step["hour_from"] is not None:
                when.append(f"{step['hour_from']:%H:%M} to {step['hour_until']:%H:%M} UTC")
            if step["valid_from"] is not None:
                when.append(f"from {step['valid_from']}")
            if step["valid_until"] is not None:
                when.append(f"until before {step['valid_until']}")
            pair = f"{step['usd_per_prompt_token'] * 1e6:.4g}/{step['usd_per_output_token'] * 1e6:.4g} USD/M"
            said.append(f"{' '.join([pair, *when])}")
    return {name: "; ".join(said) for name, said in told.items()}


def _guessed(statistics: Statistics, name: str) -> dict[str, str]:
    """Which figures of the list are guesses, and from what."""
    from optiq.questions.metric import RATES

    asked: list[tuple[str, str, str]] = [(f"qoa_{task}", task, "qoa") for task in ("open", "choice")]
    asked += [(rate.name, "open", rate.name) for rate in RATES]
    return {
        shown: statistics.source(name, "*", task, [rate]).removeprefix("prior: ").removeprefix("guess: ")
        for shown, task, rate in asked
        if statistics.guessed(name, "*", task, rate)
    }


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _number(value: object) -> float:
    return value if isinstance(value, float) and value != 0 else math.nan
