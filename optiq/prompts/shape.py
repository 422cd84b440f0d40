"""Lengths of a question, of the prompt templates around it and of outputs: they decide how many tokens a plan takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from optiq.prompts.output_lengths import Longest
from optiq.statistics.snapshot import ModelFigures

CHARS_PER_TOKEN = 4.0
"""Characters per token of a model for which none was calibrated. 16 to 18 % off for small English models."""


@dataclass(frozen=True, slots=True)
class PromptShape:
    """Lengths in characters: the question, the template around it, and what a context or blend prompt adds.

    ``question_tokens`` are exact counts of the question's tokens for models whose server counts them, as
    (model, tokens); for other models the length is divided by calibrated characters per token.
    ``base_chars_of`` has the template's length for names that are asked with another (:mod:`optiq.prompts.variants`).
    ``longest`` is how long outputs may get (None: nobody says), ``longest_of`` that of names with other caps.
    """

    question_chars: int
    base_chars: int = 0
    context_chars: int = 0
    blend_chars: int = 0
    question_tokens: tuple[tuple[str, int], ...] = ()
    base_chars_of: tuple[tuple[str, int], ...] = ()
    longest: Longest | None = None
    longest_of: tuple[tuple[str, Longest], ...] = ()

    def with_tokens(self, tokens: Mapping[str, int]) -> PromptShape:
        """This shape with exact token counts of the question for the models in ``tokens``."""
        return replace(self, question_tokens=tuple(sorted(tokens.items())))

    def base_of(self, model: str) -> int:
        """Characters of the template around a question for ``model``."""
        return next((chars for name, chars in self.base_chars_of if name == model), self.base_chars)

    def longest_output(self, model: str) -> Longest | None:
        """How long an output of ``model`` may get; None if nobody says."""
        return next((most for name, most in self.longest_of if name == model), self.longest)

    @property
    def bases(self) -> tuple[object, ...]:
        """Lengths of all templates around a question, and the caps: what shapes that share figures must agree in."""
        return self.base_chars, self.base_chars_of, self.longest, self.longest_of

    def template_chars(self, n_predecessors: int) -> int:
        """What the context prompt (one predecessor) or the blend prompt (several) adds to the question's."""
        return (0, self.context_chars)[n_predecessors] if n_predecessors < 2 else self.blend_chars


def chars_per_token(figures: ModelFigures) -> float:
    """Calibrated characters per token of a model, or the default."""
    return figures.chars_per_token if figures.chars_per_token > 0 else CHARS_PER_TOKEN
