"""The prompt sets that a run uses, with their examples."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from optiq.configuration import Settings
from optiq.errors import InputError
from optiq.prompts.prompt_set import PromptSet, draw_examples
from optiq.questions.question import Question
from warehouse.home import Home
from warehouse.labelled import labelled_questions


def check_examples(settings: Settings) -> None:
    """:class:`InputError` if examples are given, and neither the run nor a variant has few-shot prompts."""
    used = {settings.prompt, *(variant.prompt for variant in settings.variants)}
    if settings.examples is not None and "few-shot" not in used:
        raise InputError(
            f"examples are for few-shot prompts, not for {settings.prompt}",
            "Give --prompt few-shot, or leave the examples out.",
        )


def prompts_named(name: str, settings: Settings, home: Home) -> PromptSet:
    """A prompt set. Few-shot examples come from ``settings.examples``, else from what PerfDB knows.

    Raises
    ------
    InputError
        if few-shot has no labelled question to show.
    """
    if name != "few-shot":
        return PromptSet(name, system=settings.system or "")
    path = Path(settings.examples) if settings.examples is not None else home.perfdb
    modified_ns = path.stat().st_mtime_ns if path.exists() else 0
    return _few_shot(home, settings.examples, modified_ns, settings.seed, settings.system or "")


@lru_cache(maxsize=8)
def _few_shot(home: Home, file: str | None, modified_ns: int, seed: int, system: str) -> PromptSet:
    examples = draw_examples(_from_file(file) if file is not None else labelled_questions(home), seed)
    if not examples:
        raise InputError(
            f"few-shot prompts have no examples: {file or 'PerfDB'} holds no labelled question to show",
            "Give a labelled question file with --examples, or run optiq calibrate and optiq refresh first.",
        )
    return PromptSet("few-shot", examples, system)


def _from_file(file: str) -> list[Question]:
    from optiq.questions.question_file import read_questions

    return [question for question in read_questions(Path(file)).questions if question.reference is not None]
