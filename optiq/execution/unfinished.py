"""What is wrong with the end of an answer: it was cut, or it went round in circles."""

from __future__ import annotations

from optiq.execution.asking import OF_MANY_LINES
from optiq.execution.thinking_room import was_cut
from optiq.execution.trace import Call
from optiq.questions.question import Kind
from optiq.scoring.outputs import final_statement, spoken
from optiq.servers.protocol import LOOPED
from optiq.text.loops import loop_at_end


def why_unfinished(call: Call, kind: Kind, answer: str, *, reasons: bool = False) -> str | None:
    """What a reader of the ``answer`` in the output should know of its end, and what to do.

    None if the output ended by itself, or went on after the answer: a fact, a figure and a letter are often followed by
    words that nobody asked for. An output that ``reasons`` first has no answer before it states one.
    """
    if not (kind in OF_MANY_LINES or _goes_up_to_the_end(call.output or "", kind, answer, reasons=reasons)):
        return None
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


def _goes_up_to_the_end(output: str, kind: Kind, answer: str, *, reasons: bool) -> bool:
    if kind is Kind.MULTI:
        return True  # more letters may have followed
    if reasons and final_statement(spoken(output)) is None:
        return True
    if kind is Kind.CHOICE:
        return len(answer) != 1
    # The last of several items: their marks are not in the answer.
    return _signs(output).endswith(_signs(answer.rpartition(", ")[2]))


def _signs(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _tokens(call: Call) -> str:
    return "some tokens" if call.output_tokens is None else f"{call.output_tokens} tokens"


def _cap(call: Call) -> str:
    cap = call.max_output_tokens
    return "the server's limit" if cap is None else f"the cap of {cap} tokens"
