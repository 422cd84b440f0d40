"""Room for models that think before they answer: a cap that is enough for an answer is none for their thoughts.

Which models think is seen from their outputs. The first whose cap went into thoughts alone is asked again with room for
them, and the model has that room from then on.
"""

from __future__ import annotations

from dataclasses import replace
from threading import Lock

from optiq.execution.trace import Call
from optiq.servers.protocol import GenerateRequest, Generation

_CUT = {"length", "max_tokens", "max_output_tokens"}


class Thinkers:
    """The models of a run that were seen to think, over all threads."""

    def __init__(self) -> None:
        self._models: set[str] = set()
        self._lock = Lock()

    def knows(self, model: str) -> bool:
        """Whether the model was seen to think."""
        return model in self._models

    def saw(self, generation: Generation, name: str) -> None:
        """Look at an output of the model that plans call ``name``."""
        if generation.thinking or generation.thinking_tokens:
            with self._lock:
                self._models |= {generation.requested_model, name}

    def request(self, request: GenerateRequest) -> GenerateRequest:
        """``request`` with room if its model thinks."""
        if not request.thinking_room or request.max_output_tokens is None or not self.knows(request.model):
            return request
        most = request.max_output_tokens + request.thinking_room
        return replace(request, max_output_tokens=most, thinking_room=0)


def cut_in_thought(generation: Generation) -> bool:
    """Whether nothing but thoughts came, up to the cap."""
    thought = bool(generation.thinking or generation.thinking_tokens)
    return thought and not generation.text.strip() and was_cut(generation.finish_reason)


def was_cut(finish_reason: str | None) -> bool:
    """Whether an output ended at its cap."""
    return (finish_reason or "").lower() in _CUT


def why_empty(call: Call) -> str:
    """What is known of an output without an answer, and what to do."""
    cap = call.max_output_tokens
    thought = call.thinking is not None or call.thinking_tokens is not None
    if call.refusal:
        return f"the model refuses: {call.refusal}"
    if was_cut(call.finish_reason):
        used = "thinking used up" if thought else "the output was cut at"
        limit = "the server's limit" if cap is None else f"the cap of {cap} tokens"
        return (
            f"{used} {limit} (finish_reason {call.finish_reason}); "
            "set --max-output-tokens higher, or raise the budget of the question"
        )
    if "filter" in (call.finish_reason or "").lower():
        return f"a content filter held it back (finish_reason {call.finish_reason}); another model may answer"
    ended = (
        f"finish_reason {call.finish_reason}" if call.finish_reason else "the server gives no finish_reason"
    )
    if call.output:
        return f"its {len(call.output)} characters state none ({ended})"
    return f"{'it only thought' if thought else 'nothing was written'} ({ended}, cap of {cap} tokens)"
