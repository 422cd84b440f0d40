"""Which names plans may hold: models and variants of them, with the run's prompts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from optiq.configuration import Settings
from optiq.plans.plan import Plan, canonical_plan
from optiq.prompts.variants import (
    Operator,
    Operators,
    Variant,
    check_names,
    check_prompts,
    check_served,
    find_variant,
    with_prompt,
)
from tasks.prompting import prompts_named
from warehouse.home import Home


@dataclass(frozen=True)
class Names:
    """What models are called in the plans of a run.

    With other than the usual prompts every plain model is the variant ``MODEL+PROMPT``, so that its statistics are
    of these prompts alone; a variant has prompts of its own and keeps them. ``known`` are the models that PerfDB has
    figures for, ``served`` those that the server offers (None: not asked), ``aliases`` those of them that are other
    names of others.
    """

    settings: Settings
    known: Collection[str]
    served: Collection[str] | None
    aliases: Collection[str] = ()

    def variant(self, name: str) -> Variant | None:
        """What ``name`` stands for; None if it is a model.

        Raises
        ------
        UnknownName
            for a model with prompts that there are not.
        """
        if name in (self.served or ()):
            return None
        models = {*self.known, *(self.served or ())}
        found = find_variant(name, self.settings.variants, models)
        if found is None:
            check_prompts(name, models)
        return found

    def own(self, name: str) -> str:
        """``name`` with the run's prompts, unless it is a variant or nothing that is known (a blender of its own)."""
        if self.variant(name) is not None or name not in self.known:
            return name
        if self.served is not None and name not in self.served:
            return name
        return with_prompt(name, self.settings.prompt)

    def own_plan(self, plan: Plan) -> Plan:
        """``plan`` with the names that its models have in this run."""
        return canonical_plan(tuple(self.own(name) for name in plan.models), plan.edges)

    def offered(self) -> list[str] | None:
        """What may be planned over where nothing is named: what is served, and every configured variant.

        Raises
        ------
        ConfigurationError
            if a variant's model is not served, or it has the name of a served model.
        """
        if self.served is None:
            return None
        check_names(self.settings.variants, self.served)
        check_served(self.settings.variants, self.served)
        models = [name for name in self.served if name not in self.aliases]
        return [*map(self.own, models), *(variant.name for variant in self.settings.variants)]

    def wanted(self, models: Sequence[str]) -> tuple[str, ...]:
        """``models`` as they are called in this run.

        Raises
        ------
        ConfigurationError
            if the model of a variant among them is not served, or a variant has the name of a served model.
        """
        names = tuple(dict.fromkeys(self.own(name) for name in models))
        if self.served is not None:
            check_names(self.settings.variants, self.served)
            check_served(self.variants(names), self.served)
        return names

    def variants(self, names: Iterable[str]) -> tuple[Variant, ...]:
        """The variants among ``names``, sorted."""
        found = (self.variant(name) for name in sorted(set(names)))
        return tuple(variant for variant in found if variant is not None)


def operators_of(variants: Iterable[Variant], settings: Settings, home: Home) -> Operators:
    """How ``variants`` are asked.

    Raises
    ------
    InputError
        if few-shot prompts have no labelled question to show.
    """
    return {
        variant.name: Operator(
            variant.model, prompts_named(variant.prompt, settings, home), variant.max_output_tokens
        )
        for variant in variants
    }
