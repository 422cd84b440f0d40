"""The Prefect server that `optiq up` starts: Prefect's own, which answers to no other name than this machine's.

Loopback alone does not keep out a web page: its host name may come to mean 127.0.0.1 after it was loaded. So requests
under another host name, and what a page of another origin writes, are refused before Prefect sees them.
"""

from __future__ import annotations

import socket
import sys
from contextlib import suppress
from typing import Any

NAMES = ["127.0.0.1", "localhost"]


def application(port: int) -> Any:
    """Prefect's server behind the checks, as an ASGI application."""
    from prefect.server.api.server import create_app
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.responses import PlainTextResponse

    own = {f"http://{name}:{port}" for name in NAMES}
    checked = TrustedHostMiddleware(create_app(final=True), allowed_hosts=NAMES)

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        origins = [value.decode("latin-1") for name, value in scope.get("headers", ()) if name == b"origin"]
        if scope["type"] in ("http", "websocket") and any(origin not in own for origin in origins):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await PlainTextResponse("another origin", 403)(scope, receive, send)
            return
        await checked(scope, receive, send)

    return answer


def main(port: int, descriptor: int) -> None:
    """Serve until a signal comes, on the socket that was inherited as ``descriptor`` and listens on ``port``."""
    import uvicorn

    with socket.socket(fileno=descriptor) as listening:
        settings = uvicorn.Config(application(port), timeout_keep_alive=5, log_level="warning")
        with suppress(KeyboardInterrupt):  # how it is asked to end
            uvicorn.Server(settings).run(sockets=[listening])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
