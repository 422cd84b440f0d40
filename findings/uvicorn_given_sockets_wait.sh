#!/usr/bin/env bash
# uvicorn 0.54.0 with --workers (or --fd, --reload, sockets=) answers 40 ms late on kept-alive connections.
# Expected: the number of workers does not change how long one answer takes.
# Seen: 44 ms instead of 0.2 ms for each answer after the first. asyncio turns Nagle's algorithm off only for sockets
#       that say that their protocol is TCP; uvicorn's own (Config.bind_socket) says 0, and head and body of an answer
#       are written apart: the second waits until the client, 40 ms later, acknowledges the first.
# Hurts: latencies behind a load balancer, benchmarks of servers with several workers.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check uvicorn==0.54.0 h11==0.16.0 click==8.5.1
"$folder/venv/bin/python" - <<'PYTHON'
import http.client, socket, statistics, threading, time

import uvicorn


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def milliseconds(opened):
    """The median of 20 answers on one connection."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    client, taken = http.client.HTTPConnection("127.0.0.1", opened.getsockname()[1]), []
    for _ in range(21):
        begun = time.perf_counter()
        client.request("POST", "/", b"x" * 100)
        client.getresponse().read()
        taken.append(1000 * (time.perf_counter() - begun))
    client.close()
    server.should_exit = True
    thread.join()
    return statistics.median(taken[1:])


def listening(*kind):
    opened = socket.socket(socket.AF_INET, *kind)
    opened.bind(("127.0.0.1", 0))
    return opened


own = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None).bind_socket()
print("protocol of uvicorn's own socket:", own.proto)
found = {
    "a socket without a protocol": milliseconds(listening(socket.SOCK_STREAM)),
    "uvicorn's own, as with --workers": milliseconds(own),
    "a socket that says TCP": milliseconds(listening(socket.SOCK_STREAM, socket.IPPROTO_TCP)),
}
for name, median in found.items():
    print(f"{name:36s} {median:6.1f} ms")
late, workers, said = found.values()
assert own.proto == 0, "uvicorn's own socket says its protocol"
assert late > said + 25 and workers > said + 25, "answers on such sockets are not late any more"
PYTHON
