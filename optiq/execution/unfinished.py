"""What is wrong with the end of a long output: it was cut, or it went round in circles."""

from __future__ import annotations

from optiq.execution.thinking_room import was_cut
from optiq.execution.trace import Call
from optiq.servers.protocol import LOOPED
from optiq.text.loops import loop_at_end


def why_unfinished(call: Call) -> str | None:
    """What a reader of the answer should know of its end, and what to do; None if it ended by itself."""
    reason = (call.finish_reason or "").lower()
    if reason == LOOPED:
        return (
            f"{call.model} repeated itself word for word and was ended after {_tokens(call)}; another model may not, "
            "and --no-stop-loops lets it go on"
        )
    if not was_cut(reason):
        return None
    if loop_at_end(call.output or ""):
        return f"{call.model} repeated itself word for word up to {_cap(call)}; another model may not"
    return f"the answer was cut at {_cap(call)}; set --max-output-tokens higher, or raise the budget"


def _tokens(call: Call) -> str:
    return "some tokens" if call.output_tokens is None else f"{call.output_tokens} tokens"


def _cap(call: Call) -> str:
    cap = call.max_output_tokens
    return "the server's limit" if cap is None else f"the cap of {cap} tokens"
