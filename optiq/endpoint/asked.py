"""What a client asked for, whatever the dialect: messages, options for the model, limits, and what it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from optiq.endpoint.refusals import Refusal
from optiq.errors import InputError
from optiq.questions.metric import LIMITS
from optiq.questions.question import Budget
from optiq.questions.question_cells import schema_in
from optiq.servers.conversing import CAPS, plain_text
from optiq.servers.usage import part

OURS = "optiq"
"""The field of a request with our own wishes, and the first part of the names of what is planned."""

STORES = ("no", "hash", "yes")
_WISHES = (*LIMITS, "topic", "store")
_OUR_HEADER = "x-optiq-"
_HEADERS = {f"{_OUR_HEADER}{name.replace('_', '-')}": name for name in _WISHES}

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
"""Who may have said a message."""

ANYBODY = ("tools", "json", "logprobs", "n")
"""Features that a model is taken to have where nobody says otherwise: a server refuses by itself what it lacks."""

_PARTS = {"text": "", "image_url": "images", "input_audio": "audio", "file": "files", "refusal": ""}


@dataclass(frozen=True)
class Asked:
    """One request. ``model`` is the name asked for; ``options`` are all fields that go to a model as they are.

    ``usage`` says whether a stream is to end with counts. ``needs`` are features of a model
    (:data:`~optiq.servers.protocol.FEATURES`); ``store`` None: as the server is set.
    """

    model: str
    messages: tuple[Mapping[str, Any], ...]
    options: Mapping[str, Any]
    stream: bool = False
    usage: bool = False
    budget: Budget = field(default_factory=Budget)
    topic: str | None = None
    store: str | None = None
    needs: tuple[str, ...] = ()

    @property
    def cap(self) -> int | None:
        """The most tokens that the client wants."""
        given = (self.options.get(name) for name in CAPS)
        return next((cap for cap in given if cap is not None), None)


def read_asked(
    body: Mapping[str, Any],
    messages: Any,
    options: Mapping[str, Any],
    headers: Mapping[str, str],
    *,
    stream: bool = False,
    usage: bool = False,
) -> Asked:
    """A checked request from what a dialect found in ``body``.

    Raises
    ------
    Refusal
        (400) naming the field that cannot be used.
    """
    model = body.get("model")
    if model is None or model == "":
        raise Refusal(400, "the request names no model", "Give model, such as optiq.", param="model")
    if not isinstance(model, str):
        raise Refusal(400, f"model is {str(model)[:80]!r}", "Give the name of a model.", param="model")
    checked = _messages(messages)
    for name, least in _WHOLE.items():
        whole_number(options, name, least)
    for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty"):
        value = options.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise Refusal(400, f"{name} is {str(value)[:80]!r}", "Give a number.", param=name)
    _check_form(options.get("response_format"))
    budget, topic, store = wishes(body.get(OURS), headers)
    needs = needs_of(checked, options)
    return Asked(model, checked, options, stream, usage, budget, topic, store, needs)


_WHOLE: dict[str, int | None] = {**dict.fromkeys((*CAPS, "n"), 1), "top_logprobs": 0, "seed": None}
"""Options that are whole numbers, and the least that each may be: a cap of 0 is no answer, and not every one."""


def whole_number(
    given: Mapping[str, Any], name: str, least: int | None = None, besides: tuple[int, ...] = ()
) -> None:
    """A :class:`Refusal` if ``given`` has something else for ``name`` than a whole number, from ``least`` up.

    ``besides`` are lower ones that have a meaning of their own.
    """
    value = given.get(name)
    if value is None:
        return
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and (least is None or value >= least or value in besides):
        return
    wanted = "a whole number" if least is None else f"a whole number of at least {least}"
    own = f", or {' or '.join(map(str, besides))}" if besides else ""
    raise Refusal(400, f"{name} is {str(value)[:80]!r}", f"Give {wanted}{own}.", param=name)


def _check_form(shape: Any) -> None:
    """A :class:`Refusal` for a form of the answer that says none: some servers would answer as if nobody had asked."""
    kind = part(shape, "type")
    if shape is not None and not isinstance(kind, str):
        raise Refusal(
            400,
            f"response_format is {str(shape)[:80]!r}",
            'Give an object with a type, such as {"type": "json_object"}.',
            param="response_format",
        )
    if kind == "json_schema":
        check_schema(part(shape, "json_schema", "schema"), "response_format")


def check_schema(given: Any, where: str) -> None:
    """A :class:`Refusal` for what is no JSON schema (2020-12): servers hold to none of it, and do not say so."""
    try:
        said = None if isinstance(given, Mapping) and schema_in(given) else "has no schema"
        if said is None and (astray := _leads_nowhere(given)):
            said = f"has a schema with {astray[:80]!r}, which is no part of it"
    except InputError as fault:
        said = f"has what is no JSON schema: {fault.message}"
    except RecursionError:
        said = "has a schema that is too deep"
    if said is not None:
        remedy = 'Such as {"type": "object", "properties": {"name": {"type": "string"}}}.'
        raise Refusal(400, f"{where} {said}", remedy, param=where)


def _leads_nowhere(schema: Mapping[str, Any]) -> str | None:
    """A reference in a schema to what it does not hold, or a part with a name of its own; None if there is none.

    Nobody fetches anything for a client, and of such schemas some servers keep nothing.
    """
    parts: list[Any] = [schema]
    while parts:
        one = parts.pop()
        if isinstance(one, list):
            parts += one
        if not isinstance(one, Mapping):
            continue
        parts += one.values()
        if one is not schema and isinstance(one.get("$id"), str):
            return str(one["$id"])
        for name in ("$ref", "$dynamicRef"):
            to = one.get(name)
            if isinstance(to, str) and to != "#" and not _held(schema, to):
                return to
    return None


def _held(schema: Mapping[str, Any], to: str) -> bool:
    """Whether a JSON pointer such as ``#/$defs/name`` leads to a part of the schema."""
    start, *steps = to.split("/")
    found: Any = schema
    for step in steps:
        key = unquote(step).replace("~1", "/").replace("~0", "~")
        found = part(found, int(key) if isinstance(found, list) and key.isdecimal() else key)
    return start == "#" and isinstance(found, Mapping | bool)


def check_role(role: str, where: str) -> None:
    """A :class:`Refusal` if nobody has this role: a model would be told of somebody whom it does not know."""
    if role not in ROLES:
        raise Refusal(
            400, f"{where}.role is {role[:80]!r}", f"Give one of {', '.join(ROLES)}.", param=f"{where}.role"
        )


def refuse(body: Mapping[str, Any], names: Iterable[str], why: str, remedy: str) -> None:
    """A :class:`Refusal` if ``body`` has one of the fields ``names``, of which ``why`` says what they are."""
    if found := next((name for name in names if body.get(name)), None):
        raise Refusal(400, f"{found} {why}", remedy, param=found)


def switch(body: Mapping[str, Any], name: str, otherwise: bool) -> bool:
    """A field that is true or false."""
    value = body.get(name)
    if value is None:
        return otherwise
    if not isinstance(value, bool):
        raise Refusal(400, f"{name} is {str(value)[:80]!r}", "Give true or false.", param=name)
    return value


def _messages(given: Any) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(given, list) or not given:
        raise Refusal(
            400,
            "messages is empty" if given in ([], None) else "messages is no list",
            'Give at least one, such as [{"role": "user", "content": "…"}].',
            param="messages",
        )
    for at, one in enumerate(given):
        where = f"messages[{at}]"
        if not isinstance(one, Mapping) or not isinstance(one.get("role"), str):
            raise Refusal(400, f"{where} is no message with a role", "Give role and content.", param=where)
        check_role(one["role"], where)
        content = one.get("content")
        if not (content is None or isinstance(content, str)) and not (
            isinstance(content, list) and all(isinstance(part(piece, "type"), str) for piece in content)
        ):
            raise Refusal(
                400,
                f"{where}.content is neither text nor a list of parts",
                "Give text, or parts with a type.",
                param=f"{where}.content",
            )
    return tuple(given)


def no_limits(body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """A :class:`Refusal` if a request that goes to a model server unplanned has limits: nobody would keep them."""
    if wishes(body.get(OURS), headers)[0] != Budget():
        raise Refusal(
            400,
            "limits are of what is planned, and this goes to a model server as it is",
            "Leave them out; a limit of a key counts it too.",
            param=OURS,
        )


def wishes(given: Any, headers: Mapping[str, str]) -> tuple[Budget, str | None, str | None]:
    """Limits, topic and what is stored, by field and by header: the field wins. A :class:`Refusal` for others."""
    names = (str(name).lower() for name in headers)
    if strange := next((n for n in names if n.startswith(_OUR_HEADER) and n not in _HEADERS), None):
        raise Refusal(
            400,
            f"the header {strange[:80]!r} is none of ours",
            f"Known are {', '.join(_HEADERS)}.",
            param=strange,
        )
    if given is not None and not isinstance(given, Mapping):
        raise Refusal(400, f"{OURS} is no object", f"Known are {', '.join(_WISHES)}.", param=OURS)
    told: dict[str, Any] = {name: headers[header] for header, name in _HEADERS.items() if header in headers}
    told |= {name: value for name, value in (given or {}).items() if value is not None}
    if unknown := [name for name in told if name not in _WISHES]:
        raise Refusal(
            400,
            f"{OURS} has {unknown[0]!r}, which is no limit",
            f"Known are {', '.join(_WISHES)}.",
            param=OURS,
        )
    try:
        budget = Budget(**{name: told[name] for name in LIMITS if name in told})
    except InputError as fault:
        raise Refusal(400, fault.message, fault.remedy, param=OURS) from None
    topic, store = told.get("topic"), told.get("store")
    if topic is not None and not isinstance(topic, str):
        raise Refusal(400, f"topic is {str(topic)[:80]!r}", "Give the name of a topic.", param=OURS)
    if store is not None and store not in STORES:
        raise Refusal(400, f"store is {str(store)[:80]!r}", f"Give one of {', '.join(STORES)}.", param=OURS)
    return budget, topic, store


def needs_of(messages: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> tuple[str, ...]:
    """The features that a request needs."""
    found = set()
    if any(options.get(name) for name in ("tools", "functions")):
        found.add("tools")
    if part(options.get("response_format"), "type") in ("json_schema", "json_object") or options.get(
        "format"
    ):
        found.add("json")
    if options.get("logprobs") or options.get("top_logprobs"):
        found.add("logprobs")
    if isinstance(options.get("n"), int) and options["n"] > 1:
        found.add("n")
    if options.get("audio") or "audio" in (options.get("modalities") or ()):
        found.add("audio")
    for message in messages:
        if message.get("tool_calls") or message.get("role") in ("tool", "function"):
            found.add("tools")
        if message.get("images"):
            found.add("images")
        content = message.get("content")
        for piece in content if isinstance(content, list) else ():
            if need := _PARTS.get(piece["type"], piece["type"]):
                found.add(need)
    return tuple(sorted(found))


VIEW_CHARS, BEFORE_CHARS = 4000, 1000
"""Characters that planning looks at: of the question, and of what the user said before it."""


def last_asked(messages: Sequence[Mapping[str, Any]]) -> int:
    """The place of the last message of the user; of the last one where the user said nothing."""
    return max(
        (at for at, one in enumerate(messages) if one.get("role") == "user"), default=len(messages) - 1
    )


def view(messages: Sequence[Mapping[str, Any]]) -> str:
    """What planning looks at: the last message of the user, and the end of what was said by the user before.

    How long the whole conversation is counts for what plans cost; what it is about is said by its end.
    """
    last = last_asked(messages)
    asked = plain_text(messages[last].get("content")).strip()
    if len(asked) > VIEW_CHARS:  # long material comes with its question before or after it
        asked = f"{asked[: VIEW_CHARS // 2]}\n{asked[-VIEW_CHARS // 2 :]}"
    before = [plain_text(one.get("content")) for one in messages[:last] if one.get("role") == "user"]
    earlier = "\n".join(text.strip() for text in before if text.strip())[-BEFORE_CHARS:]
    return f"{earlier}\n{asked}" if earlier else asked


def length(messages: Sequence[Mapping[str, Any]]) -> int:
    """Characters of a whole conversation."""
    return sum(len(plain_text(one.get("content"))) for one in messages)
