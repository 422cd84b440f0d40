"""Variants: a served model with a prompt set and an output cap of its own, under a name of its own.

A variant is a name in the pool like any model: plans, traces and statistics carry it, so that what is observed of
one way to ask a model never mixes with another. Those of ``[variants."NAME"]`` in ``optiq.toml`` have any name;
``MODEL+PROMPT`` (such as ``phi4:14b+cot``) needs no configuration. Calls go to the served model.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from optiq.errors import ConfigurationError, PlanError, UnknownName, meant
from optiq.plans.plan import Plan
from optiq.prompts.prompt_set import PROMPT_NAMES, ZERO_SHOT, PromptSet

_REMEDY = 'Such as [variants."phi4:14b+short"] with model = "phi4:14b" and max_output_tokens = 64.'


@dataclass(frozen=True, slots=True)
class Variant:
    """``name`` is the served ``model`` asked with ``prompt``; outputs have ``max_output_tokens`` at most, if given."""

    name: str
    model: str
    prompt: str = ZERO_SHOT.name
    max_output_tokens: int | None = None

    def describe(self) -> str:
        """What is special about it: ``cot, at most 64 tokens``."""
        cap = self.max_output_tokens
        return self.prompt + ("" if cap is None else f", at most {cap} tokens")


@dataclass(frozen=True, slots=True)
class Operator:
    """How a name in a plan is asked: which served model, with which prompts, up to which length (None: the usual)."""

    model: str
    prompts: PromptSet = ZERO_SHOT
    max_output_tokens: int | None = None


Operators = Mapping[str, Operator]
"""The operators that are not just a served model, by name."""


def served_model(name: str, operators: Operators) -> str:
    """The model that the server is asked for where a plan says ``name``."""
    return operators[name].model if name in operators else name


def with_prompt(model: str, prompt: str) -> str:
    """The name of ``model`` asked with a prompt set: ``phi4:14b+cot``; its own name for the usual prompts."""
    return model if prompt == ZERO_SHOT.name else f"{model}+{prompt}"


def find_variant(name: str, configured: Iterable[Variant], models: Collection[str]) -> Variant | None:
    """What ``name`` stands for; None if it is a model, or nothing that is known. ``models`` are known or served."""
    for variant in configured:
        if variant.name == name:
            return variant
    found = _named_so(name)
    return found if found is not None and found.model in models else None


def check_prompts(name: str, models: Collection[str]) -> None:
    """:class:`UnknownName` for one of ``models`` with prompts that there are not, such as ``phi4:14b+nonsense``."""
    model, _, prompt = name.rpartition("+")
    if name in models or model not in models or prompt in PROMPT_NAMES:
        return
    raise UnknownName(
        f"{name!r} is {model} with the prompts {prompt!r}, which there are not",
        f"Prompt sets are {', '.join(PROMPT_NAMES)}.",
    )


def read_variants(value: Any, origin: str) -> tuple[Variant, ...]:
    """Variants from the tables of a configuration file, or from records that have a ``name``; sorted by name.

    Raises
    ------
    ConfigurationError
        naming the variant that cannot be used.
    """
    if isinstance(value, Mapping):
        pairs = list(value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        records = [item if isinstance(item, Mapping) else _record(item) for item in value]
        pairs = [(item.get("name"), {k: v for k, v in item.items() if k != "name"}) for item in records]
    else:
        raise ConfigurationError(f"{origin} is {value!r}", _REMEDY)
    found = tuple(sorted((_variant(name, table, origin) for name, table in pairs), key=lambda v: v.name))
    names = {variant.name for variant in found}
    for variant in found:
        if variant.model == variant.name:
            raise ConfigurationError(
                f"{origin}: {variant.name!r} has the name of its model", "Give the variant another name."
            )
        if variant.model in names:
            raise ConfigurationError(
                f"{origin}: {variant.name!r} is a variant of the variant {variant.model!r}",
                "Name the served model, and repeat prompt and cap.",
            )
    return found


def check_names(variants: Iterable[Variant], served: Collection[str]) -> None:
    """:class:`ConfigurationError` for a variant that has the name of a served model."""
    for variant in variants:
        if variant.name in served:
            raise ConfigurationError(
                f"variant {variant.name!r} has the name of a served model", "Rename it in optiq.toml."
            )


def check_served(variants: Iterable[Variant], served: Collection[str]) -> None:
    """:class:`ConfigurationError` for a variant whose model is not served."""
    for variant in variants:
        if variant.model not in served:
            raise ConfigurationError(
                f"variant {variant.name!r} is of {variant.model!r}, which is not served here",
                f"Served models: {', '.join(sorted(served)) or 'none'}. Serve it, take the variant out of "
                "optiq.toml, or name the pool with --models.",
            )


def _variant(name: Any, table: Any, origin: str) -> Variant:
    where = f"{origin}: variant {name!r}"
    if not isinstance(name, str) or not _is_name(name):
        raise ConfigurationError(
            f"{where} has a name that no plan can hold", "Leave out blanks, commas and brackets."
        )
    if not isinstance(table, Mapping):
        raise ConfigurationError(f"{where} is {table!r}", _REMEDY)
    known = [field.name for field in fields(Variant) if field.name != "name"]
    for key in table:
        if key not in known:
            raise ConfigurationError(
                f"{where} sets {key!r}", meant(key, known, f"Known: {', '.join(known)}.")
            )
    model, prompt = table.get("model"), table.get("prompt", ZERO_SHOT.name)
    if not isinstance(model, str) or not model:
        raise ConfigurationError(f"{where} names no model", _REMEDY)
    if prompt not in PROMPT_NAMES:
        raise ConfigurationError(
            f"{where} has the prompt {prompt!r}", f"Give one of {', '.join(PROMPT_NAMES)}."
        )
    cap = table.get("max_output_tokens")
    if cap is not None and (type(cap) is not int or cap < 1):
        raise ConfigurationError(
            f"{where} has max_output_tokens {cap!r}", "Give a whole number from 1 up, or leave it out."
        )
    found, said = Variant(name, model, prompt, cap), _named_so(name)
    if said is not None and said != found:
        raise ConfigurationError(
            f"{where} is not what its name says: {said.model!r} with the prompts {said.prompt!r}",
            "Give it another name.",
        )
    return found


def _named_so(name: str) -> Variant | None:
    """What ``MODEL+PROMPT`` says; None for other names."""
    model, plus, prompt = name.rpartition("+")
    if not plus or prompt not in PROMPT_NAMES or prompt == ZERO_SHOT.name:
        return None
    return Variant(name, model, prompt)


def _record(item: Any) -> dict[str, Any]:
    if not isinstance(item, Variant):
        return {"name": None}
    return {field.name: getattr(item, field.name) for field in fields(item)}


def _is_name(name: str) -> bool:
    try:
        return Plan.parse(name).models == (name,) and "," not in name
    except PlanError:
        return False
