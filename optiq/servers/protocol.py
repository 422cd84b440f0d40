"""What every model server can do: list its models, generate, count tokens, say whether it is well.

Figures that a server did not give are ``None``, never 0 (a missing figure is not a small one).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from optiq.servers.replies import answer_and_thinking, word
from optiq.servers.usage import counted, none_or_counted, seconds


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that a server offers. ``parameters`` counts weights, ``size_bytes`` the file or memory."""

    name: str
    digest: str | None = None
    context_tokens: int | None = None
    parameters: int | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """What somebody lets a server be asked: so many calls in flight, so many calls and tokens in any minute.

    None: as many as it takes.
    """

    max_concurrency: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Fusion:
    """What a blend prompt is made of, for blenders with an input format of their own."""

    instruction: str
    question: str
    candidates: tuple[str, ...]


LOOPED = "repetition"
"""The finish reason of an output that was ended because it repeated itself, as vLLM calls it."""

LETTERS_ROOM = 32
"""Tokens that JSON around a few letters may take: in some grammars white space runs between its parts."""


FEATURES = ("tools", "images", "audio", "files", "json", "logprobs", "n")
"""What a conversation may need of a model beyond text."""


ANY_OBJECT = '{"type": "object"}'
"""The schema of any JSON object."""


class Listener(Protocol):
    """Told what a model answers in a conversation, in the form of OpenAI's chat API whatever the server speaks.

    ``streams``: pieces are wanted as they come, and :meth:`piece` is told of each; else :meth:`whole` of all at once.
    """

    streams: bool

    def piece(self, chunk: Mapping[str, Any]) -> None:
        """A piece came: ``choices`` with their ``delta``, or ``usage`` at the end."""
        ...

    def whole(self, body: Mapping[str, Any]) -> None:
        """The whole answer came: ``choices`` with their ``message``, and ``usage``."""
        ...


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a client of :mod:`optiq.endpoint` sent, in the form of OpenAI's chat API.

    ``messages`` are said as they stand. ``options`` are all other fields, passed on as they are; what they leave out
    is the server's own. ``capped``: the request's cap on the output holds though the client set none. ``answers`` are
    asked for at once; ``other_bytes`` are those of what a model reads beside the text, such as tools and pictures.
    """

    messages: tuple[Mapping[str, Any], ...]
    options: Mapping[str, Any]
    listener: Listener
    capped: bool = False
    answers: int = 1
    other_bytes: int = 0


class NobodyListens:
    """A :class:`Listener` of whom nothing is wanted but the answer of the call."""

    streams = False

    def piece(self, chunk: Mapping[str, Any]) -> None:
        """Nothing comes by pieces."""

    def whole(self, body: Mapping[str, Any]) -> None:
        """The generation holds what was said."""


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """One call of a model. ``prompt`` is plain text: the server wraps it in the model's own chat template.

    ``max_output_tokens`` None leaves the length to the server. ``seed`` None asks for none. ``letters`` asks
    the server to let nothing else out (several of them if ``several_letters``); one that cannot answers
    freely; ``letters_room``: so many tokens more it may ask for where it needs them to hold the output to letters.
    ``json_schema`` asks for JSON that fits it; a server that cannot answers freely.
    ``reasons``: the output may have many lines, with the answer on the last; ``many_lines``: the answer itself may
    have them. ``stop_loops``: an output that repeats itself word for word may be ended, with the finish reason
    :data:`LOOPED`; a server that does not see it, or would not know what the output took, goes on to the cap.
    ``thinking_room``: so many tokens more may be asked for where the model thinks first.
    ``fusion`` are the parts of the prompt of a blend node.
    With a ``conversation`` that is said instead of ``prompt``, which has its text for servers that know of none, and
    nothing of the above is asked for but the model, the time-out and, where it is ``capped``, the length.
    """

    model: str
    prompt: str
    max_output_tokens: int | None = None
    temperature: float = 0.0
    seed: int | None = 0
    stop: tuple[str, ...] = ()
    timeout_s: float = 120.0
    letters: tuple[str, ...] = ()
    several_letters: bool = False
    letters_room: int = 0
    json_schema: str | None = None
    reasons: bool = False
    many_lines: bool = False
    stop_loops: bool = False
    thinking_room: int = 0
    fusion: Fusion | None = None
    conversation: Conversation | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Generation:
    """What a call returned.

    ``latency_s`` is the measured wall time of the call (None only in a replay without it), ``load_s`` the
    part of it that went into loading the model, ``prompt_s`` and ``output_s`` the server's own figures for
    reading and writing tokens; ``queue_s`` the part in which it did nothing for the call by its own figures: its queue
    and the way there (None: it does not tell). The executor leaves of that what other calls of its own took
    (:meth:`~optiq.execution.limits.CallLimits.queued_s`).
    ``cached_tokens`` of the ``prompt_tokens`` came from the server's prompt cache: ``prompt_s`` is the time of the
    others only. None: the server does not say.
    ``answered_model`` is the name that the server says answered; it may differ from ``requested_model``.
    ``constrained`` says whether the output was held to the letters asked for (None: nothing was asked),
    ``energy_j`` is a measured figure (:mod:`optiq.servers.energy`), never an estimate.
    ``thinking`` is what the model thought before it answered, no part of ``text``; ``output_tokens`` have its tokens,
    ``thinking_tokens`` of them if the server counts them apart. ``refusal`` are the words of one that is no answer.

    ``logprob_mean`` and ``logprob_least`` are of the tokens of ``text``, natural logarithms.

    Whatever a server sent, what stands here can be stored: texts are text, counts are counts, or unknown.
    """

    text: str
    requested_model: str
    answered_model: str
    server: str
    latency_s: float | None
    started_at: datetime
    digest: str | None = None
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    load_s: float | None = None
    prompt_s: float | None = None
    output_s: float | None = None
    queue_s: float | None = None
    finish_reason: str | None = None
    constrained: bool | None = None
    energy_j: float | None = None
    thinking: str | None = None
    thinking_tokens: int | None = None
    refusal: str | None = None
    logprob_mean: float | None = None
    logprob_least: float | None = None

    def __post_init__(self) -> None:
        text, thinking = answer_and_thinking(self.text, {"thinking": self.thinking})
        told: dict[str, Any] = {
            "text": text,
            "thinking": thinking or None,
            "answered_model": word(self.answered_model) or self.requested_model,
            **{name: word(getattr(self, name)) for name in ("digest", "finish_reason", "refusal")},
            **{name: counted(getattr(self, name)) for name in _COUNTS},
            "cached_tokens": none_or_counted(self.cached_tokens),
            **{
                name: seconds(getattr(self, name), 1)
                for name in ("load_s", "prompt_s", "output_s", "queue_s")
            },
        }
        for name, value in told.items():
            object.__setattr__(self, name, value)


_COUNTS = ("prompt_tokens", "output_tokens", "thinking_tokens")


@runtime_checkable
class ModelServer(Protocol):
    """A place where models answer.

    ``model_slots`` calls of one model and ``slots`` calls in all are worth having in flight at once. A server that has
    ``first_slots`` too answers elsewhere: how many calls it takes is found by trying, from so many up to
    ``model_slots`` (None: we were told). It may have ``allowed`` (an :class:`Allowed`: what somebody has set) and
    ``told_limits`` (:class:`~optiq.servers.told_limits.ToldLimits`: what it says itself) as well.
    ``resident_models`` stay in memory at once (None: all): more of them in turns would be loaded each time.
    ``counts_tokens`` says whether :meth:`count_tokens` can tell, ``on_this_machine`` whether its models run here,
    so that their energy can be measured.
    Faults are :class:`~optiq.errors.ServerError`; those that may pass are its ``TransientServerError``.
    A server never retries: the executor does.
    """

    name: str
    model_slots: int
    slots: int
    resident_models: int | None
    counts_tokens: bool
    on_this_machine: bool

    def list_models(self) -> list[ServedModel]:
        """The models on offer, sorted by name. :class:`ServerError` if the server does not answer."""
        ...

    async def generate(self, request: GenerateRequest) -> Generation:
        """One completion. :class:`ModelNotServed`, ``TransientServerError`` or ``ServerError`` on a fault."""
        ...

    def count_tokens(self, model: str, text: str) -> int | None:
        """Tokens that ``text`` takes as a prompt of ``model``, template included; None if it cannot say."""
        ...

    def identity(self, model: str) -> str:
        """What stands for the weights and the template of ``model``.

        Equal identity means equal weights, not equal texts: with several slots at once even greedy texts of some models
        differ from run to run. The first text that came is the one that is kept.
        """
        ...

    def health(self) -> str | None:
        """None if the server answers, else one line that says what is wrong."""
        ...

    def describe(self) -> str:
        """One line for people: which server, where, how many models. Holds no secret."""
        ...

    async def disconnect(self) -> None:
        """Give back connections that belong to the running event loop. The server stays usable."""
        ...

    def close(self) -> None:
        """Give back everything. May be called twice; the server is not used afterwards."""
        ...


OPTIONAL = ("first_slots", "allowed", "told_limits", "pass_on", "features")
"""What a server may have beside the protocol.

``async pass_on(path, body, timeout_s)`` gives an :class:`~optiq.servers.http.HttpAnswer` in OpenAI's form to a request
that no plan is made for; with a fourth argument, a function of a line, each line of the stream goes to it as it comes.
``async features(model)`` gives all of the :data:`FEATURES` that the model has, or None where nothing is known. A
server that would pass one over in silence must say so here, as nobody else can.
"""
