"""Price tables of packages: genai-prices and litellm's, read from what is installed, without network.

A table's entry names a model as a provider does. Which of them is meant by a name here is told by :func:`bare_name`,
and only where all that are meant cost the same, or a provider is named, is there a price: it is never guessed. 0 is no
price (free tiers, local models, marketplaces), and neither is a missing one.
"""

from __future__ import annotations

import datetime
import importlib.util
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from optiq.errors import InputError, UnknownName
from optiq.extensions.built_in import PRICE_TABLES


@dataclass(frozen=True, slots=True)
class Price:
    """What a provider takes for a model, in USD per token of prompt and output.

    ``cached`` is the rate of prompt tokens that the provider had in its cache (None: as ``prompt``, or not told).
    Longer prompts may cost more: from ``dearer_from`` tokens on, the whole call. Rates that depend on the hour are the
    highest of the day, ``lowest`` is the lowest prompt rate. ``source`` says where it stands.
    """

    model: str
    provider: str
    prompt: float
    output: float
    cached: float | None
    dearer_from: int | None
    lowest: float | None
    source: str

    @property
    def name(self) -> str:
        """What two tables call alike."""
        return bare_name(self.model)

    def told(self) -> str:
        """In words: the rates per million tokens, and what they leave out."""
        more = []
        if self.lowest is not None:
            more.append(f"by the hour: {self.lowest * 1e6:.4g} at its lowest, the highest counts")
        if self.dearer_from is not None:
            more.append(f"dearer from {self.dearer_from:,} prompt tokens on, which is not planned with")
        if self.cached is not None:
            more.append(f"cached {self.cached * 1e6:.4g}")
        extra = f" ({'; '.join(more)})" if more else ""
        return f"{self.prompt * 1e6:.4g}/{self.output * 1e6:.4g} USD per million tokens, {self.source}{extra}"

    def described(self) -> str:
        """As a person compares it: provider, and USD per million tokens of prompt and output."""
        return f"{self.provider} {self.prompt * 1e6:.4g}/{self.output * 1e6:.4g}"


OLLAMA = {
    "deepseek-r1:1.5b": "deepseek-r1-distill-qwen-1.5b",
    "deepseek-r1:7b": "deepseek-r1-distill-qwen-7b",
    "deepseek-r1:14b": "deepseek-r1-distill-qwen-14b",
    "deepseek-r1:32b": "deepseek-r1-distill-qwen-32b",
    "deepseek-r1:70b": "deepseek-r1-distill-llama-70b",
    "deepseek-r1:671b": "deepseek-r1-0528",
    "gemma3n:e4b": "gemma-3n-e4b",
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
        if the package is not installed or the file is not such a table.
    """
    if table not in PRICE_TABLES:
        raise UnknownName(f"unknown price table {table!r}", f"Choose one of {', '.join(PRICE_TABLES)}.")
    return list(_genai_prices() if table == "genai-prices" else _litellm(path))


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
    rates = {(one.prompt, one.output) for one in meant}
    if len(rates) > 1:
        told = sorted({one.described() for one in meant})
        more = f" and {len(told) - 6} more" if len(told) > 6 else ""
        return f"{len(rates)} prices: {', '.join(told[:6])}{more}"
    return meant[0]


def _genai_prices() -> Iterator[Price]:
    if importlib.util.find_spec("genai_prices") is None:
        raise InputError("genai-prices is not installed", "Install it: pip install genai-prices.")
    from importlib.metadata import version

    from genai_prices import data_snapshot, types

    of = version("genai-prices")
    now = datetime.datetime.now(datetime.UTC)

    def rate(value: Any) -> tuple[float | None, int | None]:
        """(USD per token, tokens from which on it is dearer)."""
        if value is None:
            return None, None
        if isinstance(value, types.TieredPrices):
            return float(value.base) / 1e6, min((tier.start for tier in value.tiers), default=None)
        return float(value) / 1e6, None

    for provider in data_snapshot.get_snapshot().providers:
        for model in provider.models:
            held = []
            for one in _current(model.prices, now.date(), types):
                (prompt, dearer), (output, later) = rate(one.input_mtok), rate(one.output_mtok)
                cached, _ = rate(one.cache_read_mtok)
                if prompt and output:
                    held.append((prompt, output, cached, dearer or later))
            if held:
                prompt, output, cached, dearer = max(held, key=lambda rates: rates[:2])
                lowest = min(rates[0] for rates in held)
                source = f"genai-prices {of}: {provider.id} {model.id}"
                low = lowest if lowest < prompt else None
                yield Price(model.id, provider.id, prompt, output, cached, dearer, low, source)


def _current(prices: Any, today: datetime.date, types: Any) -> list[Any]:
    """The prices that hold at some hour of ``today``: of those that begin on a date the latest that has begun."""
    if not isinstance(prices, list):
        return [prices]
    dated: list[tuple[datetime.date, Any]] = []
    hourly: list[Any] = []
    for one in prices:
        constraint = one.constraint
        if constraint is None:
            dated.append((datetime.date.min, one.prices))
        elif isinstance(constraint, types.StartDateConstraint):
            if constraint.start_date <= today:
                dated.append((constraint.start_date, one.prices))
        else:
            hourly.append(one.prices)
    latest = [max(dated, key=lambda pair: pair[0])[1]] if dated else []
    return latest + hourly


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
        table = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise InputError(
            f"{path} cannot be read as litellm's price table: {fault}", "Check the file."
        ) from None
    if not isinstance(table, dict):
        raise InputError(f"{path} is no price table of litellm", "It is a JSON object of models.")
    for name, entry in table.items():
        if not isinstance(entry, dict) or entry.get("mode") not in ("chat", "completion", "responses"):
            continue
        prompt, output = entry.get("input_cost_per_token"), entry.get("output_cost_per_token")
        cached = entry.get("cache_read_input_token_cost")
        dearer = [
            int(float(found[1]) * 1000)
            for key in entry
            if (found := re.fullmatch(r"input_cost_per_token_above_(\d+)k_tokens", key))
        ]
        tiers = entry.get("tiered_pricing")
        if isinstance(tiers, list) and tiers and isinstance(tiers[0], dict):
            first = min(tiers, key=lambda tier: (tier.get("range") or [0])[0])
            prompt = prompt or first.get("input_cost_per_token")
            output = output or first.get("output_cost_per_token")
            dearer += [int(end) for end in (first.get("range") or [])[1:] if len(tiers) > 1]
        if not (_is_price(prompt) and _is_price(output)):
            continue
        yield Price(
            name,
            str(entry.get("litellm_provider") or "litellm"),
            float(prompt),
            float(output),
            float(cached) if _is_price(cached) else None,
            min(dearer) if dearer else None,
            None,
            f"{source}: {name}",
        )


def _is_price(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
