"""What fits in the context of a model, told from the text alone: servers that cut a prompt do not say so."""

from __future__ import annotations

import re

from optiq.errors import RequestRefused

TEMPLATE_TOKENS = 128
"""Room for the chat template around a prompt."""
_PLAIN_CONTEXT = 2048
"""Every version of Ollama gives a model so much unasked."""
LONGEST_CONTEXT = 131_072
"""Ollama is asked for no longer one where it does not say what a model can."""
_FEW = 256  # a count below may be that of what no cache held
_CERTAIN = 0.9  # of the words: some vocabularies have a few tokens of several words
_WORD = re.compile(r"\S+")
_PLAIN = re.compile(r"[A-Za-z]+(?: [A-Za-z]+)*")


def least_tokens(text: str) -> int:
    """So many tokens ``text`` has in any vocabulary: one for each word, as none spans a blank."""
    return int(_CERTAIN * sum(1 for _ in _WORD.finditer(text)))


def most_tokens(text: str) -> int:
    """So many it hardly exceeds: half its words of plain letters, and a token for every other byte."""
    plain = sum(map(len, _PLAIN.findall(text)))
    return len(text.encode("utf-8", "replace")) - plain // 2


def check_context(who: str, model: str, prompt: str, context_tokens: int | None, remedy: str = "") -> None:
    """:class:`RequestRefused` if ``prompt`` cannot fit in the context of ``model``, before anybody is called."""
    if context_tokens is None or len(prompt) < 2 * context_tokens:
        return
    least = least_tokens(prompt)
    if least >= context_tokens:
        raise RequestRefused(
            f"the prompt is too long for {model} at {who}: {least} or more tokens, a context of {context_tokens}",
            remedy or "Shorten the question, or take a model with a longer context.",
        )


def context_for(prompt: str, output_tokens: int, before: int | None, most: int | None) -> int | None:
    """The context to ask Ollama for; None where what it gives by itself is enough.

    ``before`` is what the model was given so far: another context makes it load again, so it only grows, and by
    doubling. ``most`` is as long as it may get.
    """
    need = most_tokens(prompt) + output_tokens + TEMPLATE_TOKENS
    if before is None and need <= _PLAIN_CONTEXT:
        return None
    wanted = max(before or 0, 4096)
    while wanted < need:
        wanted *= 2
    return wanted if most is None else min(wanted, most)


def why_cut(prompt: str, prompt_tokens: int | None) -> str | None:
    """What is wrong if the server read so few tokens of ``prompt`` that it must have cut it."""
    if prompt_tokens is None or prompt_tokens < _FEW or len(prompt) < 2 * prompt_tokens:
        return None
    least = least_tokens(prompt)
    if prompt_tokens + TEMPLATE_TOKENS >= least:
        return None
    return (
        f"the server cut the prompt: it read {prompt_tokens} tokens of at least {least}. Give the model a longer "
        "context at the server (Ollama: num_ctx or OLLAMA_CONTEXT_LENGTH), or shorten the question."
    )
