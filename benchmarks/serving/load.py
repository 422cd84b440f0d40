"""A lean client: many connections that each ask one thing after the other, in a process of its own.

    python -m benchmarks.serving.load URL --model optiq --clients 32 --seconds 10

prints one JSON object. Written on sockets, so that what is measured is the server and not the client.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


async def one_client(
    host: str,
    port: int,
    path: str,
    model: str,
    key: str,
    number: int,
    until: float,
    most: int,
    found: dict[str, Any],
    over: Path | None = None,
) -> None:
    """Ask until the time is up, or ``most`` questions were asked by all clients together."""
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    asked = 0
    while time.perf_counter() < until and found["asked"] < most and not (over and over.exists()):
        asked += 1
        found["asked"] += 1
        question = f"Which city has number {number:03d}-{asked:06d} in the list?"
        body = json.dumps(
            {"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": question}]}
        ).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        started = time.perf_counter()
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection(host, port)
            assert reader is not None
            writer.write(head.encode() + body)
            status, reply = await read_reply(reader)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            found["statuses"]["broken"] += 1
            if writer is not None:
                writer.close()
            writer = None
            await asyncio.sleep(0.05)
            continue
        found["statuses"][str(status)] += 1
        if status == 200:
            found["seconds"].append(time.perf_counter() - started)
            if (name := (reply.get("optiq") or {}).get("execution_id")) is not None:
                found["executions"].append(name)
                found["cost_usd"] += (reply["optiq"]["observed"] or {}).get("cost_usd") or 0.0
        elif status in (429, 503):
            await asyncio.sleep(0.05)
    if writer is not None:
        writer.close()


async def read_reply(reader: asyncio.StreamReader) -> tuple[int, Any]:
    """Status and body of an HTTP/1.1 answer."""
    line = await reader.readline()
    if not line:
        raise asyncio.IncompleteReadError(line, None)
    status, length, chunked = int(line.split()[1]), 0, False
    while (header := await reader.readline()) not in (b"\r\n", b""):
        name, _, value = header.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        chunked = chunked or (name.lower() == b"transfer-encoding" and b"chunked" in value.lower())
    if chunked:
        data = b""
        while size := int(await reader.readline(), 16):
            data += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        data = await reader.readexactly(length)
    return status, json.loads(data or b"{}")


async def load(
    url: str,
    model: str,
    clients: int,
    seconds: float,
    key: str = "none",
    most: int = 1 << 60,
    over: Path | None = None,
) -> dict[str, Any]:
    """What ``clients`` saw: statuses, seconds of each answer, ids of executions."""
    parts = urlsplit(url)
    found: dict[str, Any] = {
        "asked": 0,
        "statuses": Counter(),
        "seconds": [],
        "executions": [],
        "cost_usd": 0.0,
    }
    path = f"{parts.path.rstrip('/')}/chat/completions"
    started = time.perf_counter()
    until = started + seconds
    each = (parts.hostname or "", parts.port or 80, path, model, key)
    await asyncio.gather(*(one_client(*each, n, until, most, found, over) for n in range(clients)))
    return {**found, "wall_s": time.perf_counter() - started}


def main() -> None:
    """Print what the clients saw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--model", default="optiq")
    parser.add_argument("--key", default="none")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--most", type=int, default=1 << 60)
    parser.add_argument("--until", type=Path, help="end when this file is there")
    given = parser.parse_args()
    print(
        json.dumps(
            asyncio.run(
                load(given.url, given.model, given.clients, given.seconds, given.key, given.most, given.until)
            )
        )
    )


if __name__ == "__main__":
    main()
