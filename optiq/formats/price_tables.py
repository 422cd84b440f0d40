"""Price tables of packages: genai-prices and litellm's, read from what is installed, without network.

A table's entry names a model as a provider does. Which of them is meant by a name here is told by :func:`bare_name`,
and only where all that are meant cost the same, or a provider is named, is there a price: it is never guessed. 0 is no
price (free tiers, local models, marketplaces), and neither is a missing one.
"""

from __future__ import annotations

import datetime
import importlib.util
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from optiq.errors import InputError, UnknownName
from optiq.extensions.built_in import PRICE_TABLES
from optiq.files.others_text import parse_json
from optiq.statistics.price_steps import PriceStep


@dataclass(frozen=True, slots=True)
class Price:
    """What a ``provider`` takes for a ``model``; ``source`` says where it stands.

    ``steps`` are all that is told: by length of the prompt, by hour, by day.
    """

    model: str
    provider: str
    steps: tuple[PriceStep, ...]
    source: str

    @property
    def name(self) -> str:
        """What two tables call alike."""
        return bare_name(self.model)

    @property
    def base(self) -> PriceStep:
        """What a short prompt costs today, at the dearest hour."""
        today = datetime.datetime.now(datetime.UTC).date()
        short = [step for step in self.steps if step.above_tokens == 0 and _on(step, today)]
        allday = [step for step in short if step.hour_from is None]
        latest = max((step.valid_from or datetime.date.min for step in allday), default=None)
        held = [
            step
            for step in short
            if step.hour_from is not None or (step.valid_from or datetime.date.min) == latest
        ]
        return max(held, key=lambda step: (step.usd_per_prompt_token, step.usd_per_output_token))

    def told(self) -> str:
        """In words: the rates per million tokens, and what they depend on."""
        base, more = self.base, []
        hours = {step.usd_per_prompt_token for step in self.steps if step.hour_from is not None}
        if hours:
            others = {step.usd_per_prompt_token for step in self.steps if not step.above_tokens}
            more.append(f"by the hour: {min(others) * 1e6:.4g} at its lowest")
        if dearer := [step.above_tokens for step in self.steps if step.above_tokens]:
            more.append(f"the whole call at another price above {min(dearer):,} prompt tokens")
        today = datetime.datetime.now(datetime.UTC).date()
        if to_come := [step.valid_from for step in self.steps if step.valid_from and step.valid_from > today]:
            more.append(f"from {min(to_come)} on another price")
        if not math.isnan(base.usd_per_cached_prompt_token):
            more.append(f"cached {base.usd_per_cached_prompt_token * 1e6:.4g}")
        extra = f" ({'; '.join(more)})" if more else ""
        return f"{_pair(base)} USD per million tokens, {self.source}{extra}"

    def described(self) -> str:
        """As a person compares it: provider, and USD per million tokens of prompt and output."""
        return f"{self.provider} {_pair(self.base)}"


def _pair(step: PriceStep) -> str:
    return f"{step.usd_per_prompt_token * 1e6:.4g}/{step.usd_per_output_token * 1e6:.4g}"


def _on(step: PriceStep, day: datetime.date) -> bool:
    """Whether it holds at some hour of that day."""
    begun = step.valid_from is None or step.valid_from <= day
    return begun and (step.valid_until is None or step.valid_until > day)


OLLAMA = {
    "deepseek-r1:1.5b": "deepseek-r1-distill-qwen-1.5b",
    "deepseek-r1:7b": "deepseek-r1-distill-qwen-7b",
    "deepseek-r1:14b": "deepseek-r1-distill-qwen-14b",
    "deepseek-r1:32b": "deepseek-r1-distill-qwen-32b",
    "deepseek-r1:70b": "deepseek-r1-distill-llama-70b",
    "deepseek-r1:671b": "deepseek-r1-0528",
    "gemma3n:e4b": "gemma-3n-e4b",
    "granite4:350m": "granite-4.0-350m",
    "granite4:350m-h": "granite-4.0-h-350m",
    "granite4:1b": "granite-4.0-1b",
    "granite4:1b-h": "granite-4.0-h-1b",
    "granite4:micro": "granite-4.0-micro",
    "granite4:micro-h": "granite-4.0-h-micro",
    "granite4:tiny-h": "granite-4.0-h-tiny",
    "granite4:small-h": "granite-4.0-h-small",
    "llama3.2-vision:11b": "llama-3.2-11b-vision",
    "llama3.2-vision:90b": "llama-3.2-90b-vision",
    "mistral-nemo:12b": "mistral-nemo",
    "mistral-small3.1:24b": "mistral-small-3.1-24b",
    "mistral-small3.2:24b": "mistral-small-3.2-24b",
    "mistral-small:24b": "mistral-small-24b-instruct-2501",
    "phi3:14b": "phi-3-medium-128k",
    "phi3:3.8b": "phi-3-mini-128k",
    "phi3.5:3.8b": "phi-3.5-mini-128k",
    "phi4-mini:3.8b": "phi-4-mini",
    "phi4:14b": "phi-4",
    "qwen3-coder:30b": "qwen3-coder-30b-a3b",
    "qwen3-coder:480b": "qwen3-coder-480b-a35b",
    "qwen3:30b": "qwen3-30b-a3b",
    "qwen3:235b": "qwen3-235b-a22b",
    "qwen2.5vl:7b": "qwen2.5-vl-7b",
    "qwen2.5vl:32b": "qwen2.5-vl-32b",
    "qwen2.5vl:72b": "qwen2.5-vl-72b",
}
"""What providers call models whose name in Ollama leaves out what tells them apart, or says it otherwise."""

_SUFFIXES = re.compile(
    r"[-_.:](instruct|it|chat|latest|hf|fp8|turbo|instant|versatile|free|bf16|maas|v\d+:\d+|q\d\w*)$"
)


def bare_name(name: str) -> str:
    """A model's name without owner, punctuation and what says how it is served.

    ``meta-llama/Llama-3.1-8B-Instruct`` and ``llama3.1:8b`` are both ``llama318b``; sizes and versions stay, for they
    tell models apart.
    """
    text = name.strip().lower().rsplit("/", 1)[-1]
    text = re.sub(r"^(?:[a-z]+\.(?=[a-z])|meta-)+", "", text)
    while (shorter := _SUFFIXES.sub("", text)) != text:
        text = shorter
    return re.sub(r"[^a-z0-9]", "", text)


def meant_name(name: str) -> str:
    """:func:`bare_name` of what providers call a model, where its name in Ollama says less."""
    return bare_name(OLLAMA.get(name, name))


def read_prices(table: str, path: str | Path | None = None) -> list[Price]:
    """The prices of a table; ``path`` is litellm's JSON file, if not the installed package's.

    Raises
    ------
    UnknownName
        for a table that is not read.
    InputError
        if the package is not installed, the file is not such a table, or the table is in no file.
    """
    if table not in PRICE_TABLES:
        raise UnknownName(f"unknown price table {table!r}", f"Choose one of {', '.join(PRICE_TABLES)}.")
    if table == "genai-prices":
        if path is not None:
            raise InputError(f"{path} is not read: genai-prices is a package", "Add --from litellm.")
        return list(_genai_prices())
    return list(_litellm(path))


def price_for(name: str, prices: Iterable[Price], provider: str | None = None) -> Price | str | None:
    """The one price that is meant by ``name``; why it is not sure; or None if no entry is meant.

    An entry is meant that is called the same, else one with the same :func:`bare_name`. Where providers differ, one
    must be named.
    """
    wanted = meant_name(name)
    meant = [one for one in prices if one.model == name and provider in (None, one.provider)]
    meant = meant or [one for one in prices if one.name == wanted and provider in (None, one.provider)]
    if not meant:
        return None
    rates = {one.steps for one in meant}
    if len(rates) > 1:
        told = sorted({one.described() for one in meant})
        more = f" and {len(told) - 6} more" if len(told) > 6 else ""
        return f"{len(rates)} prices: {', '.join(told[:6])}{more}"
    return meant[0]


def provider_at(url: str | None) -> str | None:
    """What genai-prices calls the provider whose API is at ``url``; None if it knows none there."""
    if url is None or importlib.util.find_spec("genai_prices") is None:
        return None
    from genai_prices import data_snapshot

    providers = data_snapshot.get_snapshot().providers
    return next((one.id for one in providers if re.match(one.api_pattern, url)), None)


def _genai_prices() -> Iterator[Price]:
    if importlib.util.find_spec("genai_prices") is None:
        raise InputError("genai-prices is not installed", "Install it: pip install genai-prices.")
    from importlib.metadata import version

    from genai_prices import data_snapshot

    of = version("genai-prices")
    for provider in data_snapshot.get_snapshot().providers:
        for model in provider.models:
            steps = tuple(_genai_steps(model.prices))
            if any(_on(step, datetime.datetime.now(datetime.UTC).date()) for step in steps):
                yield Price(model.id, provider.id, steps, f"genai-prices {of}: {provider.id} {model.id}")


def _genai_steps(prices: Any) -> Iterator[PriceStep]:
    """Every price of an entry that is one: USD per million tokens, each field flat or in tiers."""
    from genai_prices import types

    told = prices if isinstance(prices, list) else [types.ConditionalPrice(prices=prices)]
    starts = sorted(
        one.constraint.start_date for one in told if isinstance(one.constraint, types.StartDateConstraint)
    )
    for one in told:
        when: dict[str, Any] = {}
        if isinstance(one.constraint, types.TimeOfDateConstraint):
            when = {"hour_from": _utc(one.constraint.start_time), "hour_until": _utc(one.constraint.end_time)}
        else:
            began = one.constraint.start_date if one.constraint is not None else None
            ends = next((day for day in starts if began is None or day > began), None)
            when = {"valid_from": began, "valid_until": ends}
        fields = (one.prices.input_mtok, one.prices.output_mtok, one.prices.cache_read_mtok)
        edges = {0} | {
            tier.start for field in fields if isinstance(field, types.TieredPrices) for tier in field.tiers
        }
        for edge in sorted(edges):
            rates = [_genai_rate(field, edge) for field in fields]
            yield from _step(rates, above=edge, when=when)


def _genai_rate(field: Any, edge: int) -> float | None:
    """USD per token of a call whose prompt is above ``edge`` tokens."""
    if field is None:
        return None
    base = getattr(field, "base", field)
    reached = [tier.price for tier in getattr(field, "tiers", ()) if tier.start <= edge]
    return float(reached[-1] if reached else base) / 1e6


def _utc(hour: datetime.time) -> datetime.time:
    day = datetime.datetime.combine(datetime.date(2026, 1, 1), hour)
    return hour if day.tzinfo is None else day.astimezone(datetime.UTC).time()


def _step(rates: Iterable[Any], above: int = 0, when: Mapping[str, Any] | None = None) -> Iterator[PriceStep]:
    """A step of the rates of prompt, output and cached prompt, or none where there is no price."""
    prompt, output, cached = rates
    if _is_price(prompt) and _is_price(output):
        yield PriceStep(
            usd_per_prompt_token=float(prompt),
            usd_per_output_token=float(output),
            usd_per_cached_prompt_token=float(cached) if _is_price(cached) else math.nan,
            above_tokens=above,
            **(when or {}),
        )


def _litellm(path: str | Path | None) -> Iterator[Price]:
    if path is None:
        spec = importlib.util.find_spec("litellm")  # found, not imported: importing it asks the network
        if spec is None or spec.origin is None:
            raise InputError(
                "litellm is not installed",
                "Install it, or give its table model_prices_and_context_window.json.",
            )
        path = Path(spec.origin).parent / "model_prices_and_context_window_backup.json"
        from importlib.metadata import version

        source = f"litellm {version('litellm')}"
    else:
        source = Path(path).name
    try:
        table = parse_json(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise InputError(
            f"{path} cannot be read as litellm's price table: {fault}", "Check the file."
        ) from None
    if not isinstance(table, dict):
        raise InputError(f"{path} is no price table of litellm", "It is a JSON object of models.")
    for name, entry in table.items():
        if not isinstance(entry, dict) or entry.get("mode") not in ("chat", "completion", "responses"):
            continue
        steps = tuple(_litellm_steps(entry))
        if steps and steps[0].above_tokens == 0:
            yield Price(name, str(entry.get("litellm_provider") or "litellm"), steps, f"{source}: {name}")


def _litellm_steps(entry: Mapping[str, Any]) -> Iterator[PriceStep]:
    """The steps of an entry, short prompts first: flat keys, keys ``…_above_200k_tokens``, or a list of ranges."""
    names = ("input_cost_per_token", "output_cost_per_token", "cache_read_input_token_cost")
    flat = [entry.get(name) for name in names]
    tiers = entry.get("tiered_pricing")
    if isinstance(tiers, list) and not _is_price(flat[0]):
        for tier in sorted((t for t in tiers if isinstance(t, dict)), key=_begin):
            yield from _step([tier.get(name) for name in names], above=_begin(tier))
        return
    yield from _step(flat)
    edges = {
        int(found[1])
        for key in entry
        if (found := re.fullmatch(r"(?:input|output)_cost_per_token_above_(\d+)k_tokens", key))
    }
    for edge in sorted(edges):
        rates = [entry.get(f"{name}_above_{edge}k_tokens") for name in names]
        yield from _step(
            [rate if _is_price(rate) else usual for rate, usual in zip(rates, flat, strict=True)],
            above=edge * 1000,
        )


def _begin(tier: Mapping[str, Any]) -> int:
    """Tokens above which a range holds."""
    ends = tier.get("range")
    return int(ends[0]) if isinstance(ends, list) and ends and _is_price(ends[0]) else 0


def _is_price(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
