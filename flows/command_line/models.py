"""`optiq models`: what PerfDB knows and what a server offers."""

from __future__ import annotations

import math

from flows.command_line.screen import figure, note, say_json, table
from flows.flow_requests import Json, Place, Serving


class Models(Serving, Place):
    """`optiq models`."""


def models(request: Models, json: Json = False) -> None:
    """List models that PerfDB knows and that the server offers, with prices and quality; variants under their model.

    Example:  optiq models --server embedded
    """
    from optiq.errors import ServerError
    from optiq.prompts.variants import find_variant
    from optiq.questions.metric import RATES
    from tasks.session import load_statistics, shared_server

    settings, home = request.settings, request.home()
    try:
        opened = shared_server(settings.server, settings.server_url)
        note(opened.describe())
        served = {model.name: model for model in opened.list_models()}
    except ServerError as fault:
        note(f"warning: {fault}")
        served = {}
    names = {*load_statistics(home).models, *served}
    variants = {v.name: v for v in settings.variants if v.name not in served}
    for name in names - set(served):
        if found := find_variant(name, settings.variants, names):
            variants[name] = found
    statistics = load_statistics(home, variants=tuple(variants[name] for name in sorted(variants)))
    listed = []
    for name in sorted({*names, *variants}, key=lambda n: (variants[n].model if n in variants else n, n)):
        known = name in statistics.models
        variant = variants.get(name)
        row: dict[str, object] = {
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
                figure(_number(row["qoa_open"])),
                figure(_number(row["qoa_choice"])),
                figure(_number(row["usd_per_prompt_token"]) * 1e6),
                figure(_number(row["usd_per_output_token"]) * 1e6),
                figure(1 / _number(row["seconds_per_output_token"])),
                figure(_number(row["joules_per_output_token"])),
            ]
            for row in listed
        ),
        right=range(2, 8),
    )


def _number(value: object) -> float:
    return value if isinstance(value, float) and value != 0 else math.nan
