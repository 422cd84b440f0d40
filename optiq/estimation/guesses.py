"""What is expected of a model that nobody described: by its size, its name and what is known of others like it.

A guess stands where there is no figure, and gives way to whatever is published or observed. Its provenance says so and
names what it was made from. Money is guessed for models of this machine only, by a stated assumption: nobody sends a
bill, and electricity costs. A hosted model without a price stays without one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from optiq.prompts.output_lengths import TYPICAL_OUTPUT_TOKENS, USUAL_LENGTH
from optiq.questions.metric import COST
from optiq.servers.protocol import ServedModel
from optiq.statistics.snapshot import ANY_TASK, ANY_TOPIC, FIGURES, GUESS, NAN, ModelFigures, Statistics

WATTS = 15.0
"""What answering draws on this machine where nothing measures it: one busy core, as for the shipped models."""

USD_PER_KWH = 0.15

TYPICAL_BILLIONS = 7.0
"""Size of a model of which neither the server nor its name says it."""

THINKING = 400.0
"""Tokens of thoughts that are expected of a model that thinks by its name, before anybody has counted."""

_BYTES_PER_PARAMETER = 0.65
_BYTES_PER_S = 1.5e10
_FLOPS = 1e11
_CALL_S_PER_TOKEN = 0.002
_HOSTED_S = 0.0005, 0.02
_SLOPE = 0.15
"""What ten times the parameters add to the quality."""
_CURVE = {"open": 0.25, "choice": 0.5}
"""The quality of a model of 7 billion parameters, per task."""
_NEAR = 0.6
_RATES = tuple(rate.name for rate in COST.rates)
_OF_WEIGHTS = ("output_tokens", "chars_per_token", "qoa")
"""Figures that belong to weights, wherever they are served."""
_THINKERS = re.compile(
    r"(^|[^a-z])(r1|qwq|o[134]|think(ing|er)?|reason(ing|er)?|magistral|gpt-oss|deepscaler)([^a-z]|$)"
)
_SIZE = re.compile(r"(?<![a-z0-9.])(?:(\d+)x)?e?(\d+(?:\.\d+)?)([bm])(?![a-z0-9])")
_QUANTISED = re.compile(r"[-_.:](i?q\d(_[a-z0-9]+)*|f(p)?16|bf16|fp8|int[48]|awq|gptq|gguf|\d+bit)$")


@dataclass(frozen=True, slots=True)
class Probe:
    """What two calls of a model showed: seconds per token, characters per token, tokens of a short answer, and when.

    NaN where the server does not tell.
    """

    model: str
    seconds_per_prompt_token: float
    seconds_per_output_token: float
    chars_per_token: float = NAN
    output_tokens: float = NAN
    at: str = ""


def guessed_rows(
    statistics: Statistics,
    served: Sequence[ServedModel] | None,
    on_this_machine: bool,
    probes: Mapping[str, Probe] | None = None,
) -> tuple[ModelFigures, ...]:
    """Guesses for ``served`` models (None: nobody was asked), and of output lengths for all models that are known.

    They are for :meth:`~optiq.statistics.snapshot.Statistics.with_guesses`, so that a figure that is known stands.
    """
    rows = []
    offered = {model.name: model for model in served or ()}
    for name in sorted({*statistics.models, *offered}):
        probe = (probes or {}).get(name)
        rows += _lengths(name, probe)
        if name in offered:
            rows += _served_rows(offered[name], statistics, on_this_machine, probe)
    return tuple(rows)


def undescribed(statistics: Statistics, served: Iterable[ServedModel]) -> list[ServedModel]:
    """The served models of whose speed nothing is known: a probe would say it."""
    return [model for model in served if not _has(statistics, model.name, "seconds_per_output_token")]


def unpriced(statistics: Statistics, names: Iterable[str]) -> list[str]:
    """The models among ``names`` that nobody priced."""
    return [
        name
        for name in names
        if all(math.isnan(getattr(statistics.figures(name, ANY_TOPIC, "open"), rate)) for rate in _RATES)
    ]


def known_as(name: str, models: Iterable[str]) -> str | None:
    """The one of ``models`` that ``name`` surely is: without ``:latest``, a provider's prefix or a quantisation."""
    plain = plain_name(name)
    found = [model for model in models if model != name and plain_name(model) == plain]
    return found[0] if len(found) == 1 else None


def maybe_known_as(name: str, models: Iterable[str]) -> str | None:
    """The one of ``models`` that ``name`` may be: the same family and size, and no other is."""
    family, size = family_of(name), billions_in(name)
    found = [m for m in models if m != name and family_of(m) == family and size and billions_in(m) == size]
    return found[0] if len(found) == 1 and known_as(name, found) is None else None


def ends_like(name: str, models: Collection[str]) -> str | None:
    """The one of ``models`` that ``name`` may be once what tools put before names is left out.

    ``ollama:chat:qwen2.5:14b`` and ``openrouter/qwen2.5:14b`` end like ``qwen2.5:14b``; None for a model itself.
    """
    if name in models:
        return None
    for cut in [0, *(found.end() for found in re.finditer("[:/]", name))]:
        end = name[cut:]
        if found := end if end in models else known_as(end, models):
            return found
    return None


def plain_name(name: str) -> str:
    """``name`` as weights are called: ``meta/Llama3.2:3b-q4_K_M`` and ``llama3.2:3b:latest`` are ``llama3.2-3b``."""
    plain = name.strip().lower().rsplit("/", 1)[-1].removesuffix(":latest")
    while (shorter := _QUANTISED.sub("", plain)) != plain:
        plain = shorter
    return re.sub(r"[-_:. ]?(instruct|chat|it)$", "", plain).replace(":", "-").replace("_", "-")


def family_of(name: str) -> str:
    """The letters that a name begins with: ``llama`` of ``llama3.2:3b``."""
    found = re.match(r"[a-z]+", plain_name(name))
    return found.group() if found else ""


def billions_in(name: str) -> float | None:
    """Billions of parameters that a name says: 3 of ``llama3.2:3b``, 0.135 of ``smollm2:135m``; None: it says none."""
    found = _SIZE.search(re.sub(r"[-_:]", " ", name.lower().rsplit("/", 1)[-1]))
    if found is None:
        return None
    experts, number, unit = found.groups()
    size = float(number) * (1.0 if unit == "b" else 1e-3) * (int(experts) * 0.85 if experts else 1.0)
    return size or None


def thinks(name: str) -> bool:
    """Whether a model thinks before it answers, by its name."""
    return bool(_THINKERS.search(plain_name(name)))


def _size(model: ServedModel) -> tuple[float, str]:
    """Billions of parameters, and who says so."""
    if model.parameters:
        return model.parameters / 1e9, f"{model.parameters / 1e9:.3g}B parameters by the server"
    if told := billions_in(model.name):
        return told, f"{told:g}B parameters by its name"
    if model.size_bytes:
        billions = model.size_bytes / _BYTES_PER_PARAMETER / 1e9
        return billions, f"about {billions:.2g}B parameters by its {model.size_bytes / 1e9:.2g} GB"
    return TYPICAL_BILLIONS, f"of unknown size, taken as {TYPICAL_BILLIONS:g}B"


def _lengths(name: str, probe: Probe | None) -> list[ModelFigures]:
    more = THINKING if thinks(name) else 0.0
    told = USUAL_LENGTH + (" and thoughts, as its name says" if more else "")
    rows = []
    for task, tokens in TYPICAL_OUTPUT_TOKENS.items():
        length, why = tokens + more, told
        if task == "open" and probe is not None and not math.isnan(probe.output_tokens):
            length, why = (length + probe.output_tokens) / 2, f"{told}, and that of a probe"
        rows.append(ModelFigures(model=name, task=task, output_tokens=length, provenance=f"{GUESS}{why}"))
    return rows


def _served_rows(
    model: ServedModel, statistics: Statistics, on_this_machine: bool, probe: Probe | None
) -> list[ModelFigures]:
    billions, why = _size(model)
    alias = known_as(model.name, statistics.models)
    rows = []
    if alias is not None:
        rows += _as_known(model.name, alias, statistics)
    rows.append(_speed(model, billions, why, on_this_machine, probe))
    for task in ("open", "choice"):
        qoa, like = _quality(model.name, billions, task, statistics)
        rows.append(ModelFigures(model=model.name, task=task, qoa=qoa, provenance=f"{GUESS}{why}{like}"))
        if task == "open":  # answers of other forms are written, too
            rows.append(replace(rows[-1], task=ANY_TASK))
    return rows


def _as_known(name: str, alias: str, statistics: Statistics) -> list[ModelFigures]:
    """What is known of the same weights under another name; under ``:latest`` it is the same server's model, too."""
    same = alias.removesuffix(":latest") == name.removesuffix(":latest")
    kept = FIGURES if same else _OF_WEIGHTS
    rows = []
    for row in statistics.rows(alias):
        if row.topic == ANY_TOPIC:
            values: dict[str, Any] = {
                figure: getattr(row, figure) if figure in kept else NAN for figure in FIGURES
            }
            told = f"{GUESS}as {alias}, by its name ({row.provenance})"
            rows.append(replace(row, model=name, n_observations=0, provenance=told, **values))
    return rows


def _speed(
    model: ServedModel, billions: float, why: str, on_this_machine: bool, probe: Probe | None
) -> ModelFigures:
    if probe is not None:
        prompt, output = probe.seconds_per_prompt_token, probe.seconds_per_output_token
        chars, told = probe.chars_per_token, f"{GUESS}speed by a probe of 2 calls {probe.at}".rstrip()
    elif on_this_machine:
        size = model.size_bytes or billions * 1e9 * _BYTES_PER_PARAMETER
        prompt = _CALL_S_PER_TOKEN + 2 * billions * 1e9 / _FLOPS
        output = _CALL_S_PER_TOKEN + size / _BYTES_PER_S
        chars, told = NAN, f"{GUESS}speed by its size, {why}"
    else:
        (prompt, output), chars, told = _HOSTED_S, NAN, f"{GUESS}speed as hosted models have it"
    rates: dict[str, Any] = {}
    if on_this_machine:
        usd_per_j = USD_PER_KWH / 3.6e6
        rates = {
            "joules_per_prompt_token": WATTS * prompt,
            "joules_per_output_token": WATTS * output,
            "usd_per_prompt_token": WATTS * prompt * usd_per_j,
            "usd_per_output_token": WATTS * output * usd_per_j,
        }
        told += f"; {WATTS:g} W while it answers; no price but electricity at {USD_PER_KWH:g} USD/kWh"
    return ModelFigures(
        model=model.name,
        seconds_per_prompt_token=prompt,
        seconds_per_output_token=output,
        chars_per_token=chars,
        provenance=told,
        **rates,
    )


def _quality(name: str, billions: float, task: str, statistics: Statistics) -> tuple[float, str]:
    """The quality that models of like size and family have, moved by the difference in size; and whose that is."""
    total, weight = _CURVE[task] + _SLOPE * math.log10(billions / TYPICAL_BILLIONS), 1.0
    family, like = family_of(name), []
    for other in statistics.models:
        size = billions_in(other)
        known = statistics.figures(other, ANY_TOPIC, task)
        if statistics.guessed(other, ANY_TOPIC, task, "qoa"):
            continue
        if other == name or size is None or math.isnan(known.qoa):
            continue
        apart = math.log10(billions / size)
        heard = math.exp(-((apart / _NEAR) ** 2)) * (2.0 if family_of(other) == family else 0.5)
        total, weight = total + heard * (known.qoa + _SLOPE * apart), weight + heard
        if heard > 0.25:
            like.append(other)
    found = min(max(total / weight, 0.02), 0.95)
    return round(found, 3), f"; as {', '.join(like[:3])}" if like else ""


def _has(statistics: Statistics, model: str, name: str) -> bool:
    return not math.isnan(getattr(statistics.figures(model, ANY_TOPIC, "open"), name))
