"""Which role a model call is made for, when all that goes over the wire is the name of a model.

In this order: what the agent says (:func:`role`, or the address of the proxy); the name of a role in place of that of a
model; the name itself, where the agent still has the object that it was given (:class:`RoleModel`: as it is written
into the request, or as an argument or attribute on the way to it); the one role that has this model; the one role whose
model the agent has looked up since it last called. Else nobody knows, and it is not guessed.
"""

from __future__ import annotations

import contextvars
import inspect
import json
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import wraps
from types import FrameType
from typing import Any

_said: contextvars.ContextVar[str | None] = contextvars.ContextVar("optiq_selection_role", default=None)


@contextmanager
def role(name: str) -> Iterator[None]:
    """Model calls inside are made for the role ``name``, and its model is put in the place of theirs."""
    before = _said.set(name)
    try:
        yield
    finally:
        _said.reset(before)


def said_role() -> str | None:
    """What :func:`role` says here."""
    return _said.get()


class RoleModel(str):
    """The name of a model as an agent is given it: a string like any other, that knows the role it was given for."""

    role: str

    def __new__(cls, model: str, role: str) -> RoleModel:
        made = super().__new__(cls, model)
        made.role = role
        return made

    def __str__(self) -> str:
        return self

    def __copy__(self) -> RoleModel:
        return self

    def __deepcopy__(self, memo: object) -> RoleModel:
        return self

    def __reduce__(self) -> tuple[type[RoleModel], tuple[str, str]]:
        return RoleModel, (str.__str__(self), self.role)

    def __radd__(self, before: str) -> RoleModel:
        return RoleModel(str.__add__(before, self), self.role)


def _still_of_its_role(name: str) -> Callable[..., Any]:
    original = getattr(str, name)

    @wraps(original)
    def changed(self: RoleModel, *arguments: Any, **named: Any) -> Any:
        made = original(self, *arguments, **named)
        if isinstance(made, str):
            return RoleModel(made, self.role)
        return type(made)(RoleModel(part, self.role) for part in made)

    return changed


for _name in (
    "strip",
    "lower",
    "replace",
    "removeprefix",
    "removesuffix",
    "split",
    "rsplit",
    "partition",
    "rpartition",
):
    setattr(RoleModel, _name, _still_of_its_role(_name))


_looked_up: contextvars.ContextVar[tuple[frozenset[str], bool]] = contextvars.ContextVar(
    "optiq_selection_looked_up", default=(frozenset(), False)
)


class RoleModels(dict[str, Any]):
    """The models of an agent by role; it notes which was looked up since the last call, in this task or thread."""

    def __getitem__(self, name: str) -> Any:
        roles, called = _looked_up.get()
        _looked_up.set((frozenset((name,)) if called else roles | {name}, False))
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default


@dataclass
class RoleMemory:
    """What the requests and clients of one run say of their roles."""

    written: dict[int, deque[str]] = field(default_factory=dict)
    clients: dict[int, tuple[weakref.ref[Any], str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wrote(self, text: str, role: str) -> None:
        """A request with this text was written for ``role``."""
        with self._lock:
            self.written.setdefault(hash(text.encode()), deque()).append(role)

    def role_of(self, content: bytes) -> str | None:
        """The role that a request was written for: those with one text in their order."""
        if not self.written:
            return None
        with self._lock:
            roles = self.written.get(hash(content))
            if not roles:
                return None
            return roles.popleft() if len(roles) > 1 else roles[0]


def attributed(
    asked: str, content: bytes, assignment: Mapping[str, str], memory: RoleMemory, candidates: frozenset[str]
) -> str | None:
    """The role that a call is made for, which asks for the model ``asked``; None if nobody can tell."""
    found = said_role()
    if found is not None and found in assignment:
        return found
    if asked in assignment:
        return asked
    if (found := memory.role_of(content)) in assignment:
        return found
    owners = [name for name, model in assignment.items() if same_model(asked, model)]
    if len(owners) != 1 and (owners or any(same_model(asked, model) for model in candidates)):
        found = _on_the_way(asked, memory)
        if found is None and owners:
            looked_up, _ = _looked_up.get()
            only = looked_up.intersection(owners)
            found = next(iter(only)) if len(looked_up) == len(only) == 1 else None
        owners = [] if found is None else [found]
    _looked_up.set((_looked_up.get()[0], True))
    return owners[0] if owners else None


def same_model(wire: str, model: str) -> bool:
    """Whether the name on the wire is that of ``model``, which may have its provider before it."""
    return wire == model or model.endswith(f"/{wire}") or wire.endswith(f"/{model}")


def wire_name(asked: str, model: str, candidates: frozenset[str]) -> str:
    """How ``model`` is called where ``asked`` is: without its provider if that was left out there as well."""
    if same_model(asked, model):
        return asked
    whole = next((name for name in candidates if name.endswith(f"/{asked}")), None)
    prefix = "" if whole is None else whole.removesuffix(asked)
    return model.removeprefix(prefix)


def only_role(command: object) -> str | None:
    """The role whose model is the only one among the arguments of a command."""
    given = command if isinstance(command, list | tuple) else (command,)
    roles = {name.role for name in given if type(name) is RoleModel}
    return roles.pop() if len(roles) == 1 else None


_NAMES = ("model", "model_name", "model_id", "_model")
_MOST_FRAMES = 150


def _on_the_way(asked: str, memory: RoleMemory) -> str | None:
    """The role of the first object that knows one, among the arguments and clients of whoever makes this call.

    Frameworks that make plain strings of all leave it to the functions of the agent that called them: an argument of
    any name, or a part ``model`` of one (the JSON that is sent, say).
    """
    frames = list(_frames())
    for frame in frames:
        names = frame.f_code.co_varnames
        told = "model" in names or "self" in names or "kwargs" in names
        if told and (found := _in_frame(frame.f_locals, asked, memory)) is not None:
            return found
    for frame in frames:
        given = {name.role for name in _models_given(frame) if same_model(asked, str(name))}
        if len(given) == 1:
            return given.pop()
    return None


def _frames() -> Iterator[FrameType]:
    """Who makes this call, and who called that."""
    frame: FrameType | None = sys._getframe(2)
    for _ in range(_MOST_FRAMES):
        if frame is None:
            return
        yield frame
        frame = frame.f_back


def _models_given(frame: FrameType) -> Iterator[RoleModel]:
    """The models among the arguments of a function, and one step into those that are dicts."""
    code = frame.f_code
    named = bool(code.co_flags & inspect.CO_VARKEYWORDS) + bool(code.co_flags & inspect.CO_VARARGS)
    count = code.co_argcount + code.co_kwonlyargcount
    if not count + named:
        return
    seen = frame.f_locals
    given = [seen.get(name) for name in code.co_varnames[: count + named]]
    for value in given:
        if type(value) is RoleModel:
            yield value
        elif type(value) is dict:
            for sent in (value, value.get("json"), value.get("data")):
                name = sent.get("model") if type(sent) is dict else None
                if type(name) is RoleModel:
                    yield name


def _in_frame(seen: Mapping[str, Any], asked: str, memory: RoleMemory) -> str | None:
    given = [seen.get("model")]
    if isinstance(named := seen.get("kwargs"), dict):
        given += [named.get("model")]
    if (owner := seen.get("self")) is not None:
        known = memory.clients.get(id(owner))
        if known is not None and known[0]() is owner:
            return known[1]
        inner = getattr(owner, "__dict__", None)
        if isinstance(inner, dict):
            given += [inner.get(name) for name in _NAMES]
    for name in given:
        if type(name) is RoleModel and same_model(asked, str(name)):
            return name.role
    return None


def noting_written(memory: Callable[[], RoleMemory | None]) -> Callable[[Any], Any]:
    """For :meth:`json.JSONEncoder.encode`, which all JSON of the standard library is written by."""

    def wrapped(original: Any) -> Any:
        @wraps(original)
        def encode(self: json.JSONEncoder, value: Any) -> str:
            text: str = original(self, value)
            name = value.get("model") if type(value) is dict else None
            if type(name) is RoleModel and (found := memory()) is not None:
                found.wrote(text, name.role)
            return text

        return encode

    return wrapped


def noting_clients(memory: Callable[[], RoleMemory | None]) -> Callable[[Any], Any]:
    """For the constructor of pydantic's models, which make plain strings of all: LangChain's clients are such."""

    def wrapped(original: Any) -> Any:
        @wraps(original)
        def initialise(self: Any, /, **data: Any) -> None:
            original(self, **data)
            for name in _NAMES:
                given = data.get(name)
                if type(given) is RoleModel and (found := memory()) is not None:
                    with suppress(TypeError):  # not everything can be referred to weakly
                        found.clients[id(self)] = (weakref.ref(self), given.role)

        initialise.__pydantic_base_init__ = True  # type: ignore[attr-defined]
        return initialise

    return wrapped
