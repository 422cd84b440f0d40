"""Model servers: one protocol (``protocol.py``), one file per kind of server.

What is named here is imported when it is first used: a command that reads an address needs no server.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optiq.servers.opening import open_server
    from optiq.servers.protocol import GenerateRequest, Generation, ModelServer, ServedModel

__all__ = ["GenerateRequest", "Generation", "ModelServer", "ServedModel", "open_server"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "opening" if name == "open_server" else "protocol"
    return getattr(importlib.import_module(f"optiq.servers.{home}"), name)
