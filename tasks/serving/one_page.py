"""One page on this machine: on loopback, under an address that nobody guesses, with nothing else beside it."""

from __future__ import annotations

import gzip
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from optiq.errors import InputError

_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@contextmanager
def serving(text: str, port: int = 0) -> Iterator[tuple[str, Callable[[], None]]]:
    """Inside, the page answers at the address that comes first; the function that comes second waits for ever.

    Raises
    ------
    InputError
        if the port is taken.
    """
    path = f"/{secrets.token_urlsafe(16)}"
    page = text.encode()
    small = gzip.compress(page, 3)

    class Handler(BaseHTTPRequestHandler):
        """Answers with the page, to who knows the path and means this machine."""

        timeout = 30  # a connection that asks nothing would hold its thread for ever

        def do_GET(self) -> None:
            host = (self.headers.get("Host") or "").rpartition(":")[0]
            if self.path != path or host not in ("127.0.0.1", "localhost"):
                self.send_error(404)
                return
            zipped = "gzip" in (self.headers.get("Accept-Encoding") or "")
            body = small if zipped else page
            self.send_response(200)
            for name, value in {**_HEADERS, **({"Content-Encoding": "gzip"} if zipped else {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *told: Any) -> None:
            """Nobody reads it."""

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as fault:
        raise InputError(f"port {port} cannot be used: {fault.strerror}", "Give another, or none.") from None
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()

    def wait() -> None:
        while thread.is_alive():
            thread.join(0.2)

    try:
        yield f"http://127.0.0.1:{server.server_port}{path}", wait
    finally:
        server.shutdown()
        server.server_close()
