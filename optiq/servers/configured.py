"""Servers that ``optiq.toml`` names: ``[servers.NAME]`` with dialect, address, variable of the key, limits, prices."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from optiq.errors import ConfigurationError, InputError, meant
from optiq.extensions.built_in import SERVERS
from optiq.questions.metric import COST
from optiq.questions.question import parse_number
from optiq.servers.addresses import refuse_secrets
from optiq.servers.protocol import Allowed

_EXAMPLE = 'Such as [servers.hosted] with dialect = "openai", url = "https://…/v1" and key_env = "MY_KEY".'
_MOST = {rate.name: rate.most for rate in COST.rates}
_PRICES = tuple(_MOST)
_NUMBERS = ("max_concurrency", "requests_per_minute", "tokens_per_minute", "max_context_tokens")


@dataclass(frozen=True, slots=True)
class ConfiguredServer:
    """A server by ``name``. ``key_env`` is the variable that holds its key; ``models`` are those that are used (empty:
    all that it lists); ``prices`` are rates in USD by model, which go before those of PerfDB.
    """

    name: str
    dialect: str
    url: str | None = None
    key_env: str | None = None
    models: tuple[str, ...] = ()
    prices: tuple[tuple[str, tuple[tuple[str, float], ...]], ...] = ()
    max_concurrency: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_context_tokens: int | None = None

    @property
    def allowed(self) -> Allowed:
        """What it may be asked."""
        return Allowed(self.max_concurrency, self.requests_per_minute, self.tokens_per_minute)


def read_servers(value: Any, origin: str) -> tuple[ConfiguredServer, ...]:
    """Servers from the tables of a configuration file, or from records that have a ``name``; sorted by name.

    Raises
    ------
    ConfigurationError
        naming the server and what of it cannot be used.
    """
    if isinstance(value, Mapping):
        pairs = list(value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        records = [asdict(item) if isinstance(item, ConfiguredServer) else dict(item) for item in value]
        pairs = [(record.pop("name", None), record) for record in records]
    else:
        raise ConfigurationError(f"{origin} is {value!r}", _EXAMPLE)
    return tuple(sorted((_server(name, table, origin) for name, table in pairs), key=lambda s: s.name))


def _server(name: Any, table: Any, origin: str) -> ConfiguredServer:
    where = f"{origin}: server {name!r}"
    if not isinstance(name, str) or not name or set(name) & set(" ,/|()"):
        raise ConfigurationError(
            f"{where} has a name that no model can carry", "Leave out blanks and slashes."
        )
    if not isinstance(table, Mapping):
        raise ConfigurationError(f"{where} is {table!r}", _EXAMPLE)
    known = [field.name for field in fields(ConfiguredServer) if field.name != "name"]
    for key in table:
        if key not in known:
            hint = meant(key, known, f"Known: {', '.join(known)}.")
            if "key" in str(key).lower() and str(key) != "key_env":
                hint = "Keys stand in no file: name a variable that holds it with key_env."
            raise ConfigurationError(f"{where} sets {key!r}", hint)
    given: dict[str, Any] = {key: item for key, item in table.items() if item is not None}
    if given.get("dialect") not in SERVERS.names():
        raise ConfigurationError(
            f"{where} has the dialect {given.get('dialect')!r}", f"Give one of {', '.join(SERVERS.names())}."
        )
    for text in ("url", "key_env"):
        if text in given and (not isinstance(given[text], str) or not given[text]):
            raise ConfigurationError(f"{where} has {text} {given[text]!r}", "Give text, or leave it out.")
    if "url" in given:
        refuse_secrets(given["url"], f"{where}: url")
    for number in _NUMBERS:
        if number in given and (type(given[number]) is not int or given[number] < 1):
            raise ConfigurationError(
                f"{where} has {number} {given[number]!r}", "Give a whole number from 1 up, or leave it out."
            )
    models = given.get("models", ())
    if isinstance(models, str) or not all(isinstance(model, str) and model for model in models):
        raise ConfigurationError(f"{where} has the models {models!r}", "Give a list of names.")
    given["models"] = tuple(models)
    given["prices"] = _prices(given.get("prices", {}), where)
    return ConfiguredServer(name, **given)


def _prices(value: Any, where: str) -> tuple[tuple[str, tuple[tuple[str, float], ...]], ...]:
    remedy = f"Give rates by model, such as {{ usd_per_prompt_token = 1e-7 }}; known: {', '.join(_PRICES)}."
    pairs = value.items() if isinstance(value, Mapping) else value
    found = []
    for model, rates in pairs:
        table = dict(rates) if isinstance(rates, Mapping | Sequence) and not isinstance(rates, str) else None
        if not table or set(table) - set(_PRICES):
            raise ConfigurationError(f"{where} has for {model!r} the prices {rates!r}", remedy)
        read = []
        for rate, price in sorted(table.items()):
            try:
                number = parse_number(price, rate)
            except InputError:
                number = math.nan
            if not 0 <= number <= _MOST[rate]:
                raise ConfigurationError(f"{where} has for {model!r} {rate} {price!r}", remedy)
            read.append((rate, number))
        found.append((str(model), tuple(read)))
    return tuple(sorted(found))
