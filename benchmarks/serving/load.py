"""A lean client: many connections that each ask one thing after the other, in a process of its own.

    python -m benchmarks.serving.load URL --model optiq --clients 32 --seconds 10

prints one JSON object. Written on sockets, so that what is measured is the server and not the client.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Place:
    """Whom to ask, and what was seen there: seconds of each answer, statuses, ids of executions."""

    url: str
    model: str
    key: str
    found: dict[str, Any] = field(
        default_factory=lambda: {
            "asked": 0,
            "statuses": Counter(),
            "seconds": [],
            "executions": [],
            "cost_usd": 0.0,
        }
    )
    idle: list[Connection] = field(default_factory=list)

    async def ask(self, question: str, started: float) -> None:
        """Ask on an idle connection, or a new one; the answer took from ``started`` on."""
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port or 80
        messages = [{"role": "user", "content": question}]
        body = json.dumps({"model": self.model, "max_tokens": 50, "messages": messages}).encode()
        head = (
            f"POST {parts.path.rstrip('/')}/chat/completions HTTP/1.1\r\nHost: {host}:{port}\r\n"
            f"Content-Type: application/json\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        found = self.found
        found["asked"] += 1
        connection = None
        try:
            connection = self.idle.pop() if self.idle else await asyncio.open_connection(host, port)
            connection[1].write(head.encode() + body)
            status, reply = await read_reply(connection[0])
        except (OSError, asyncio.IncompleteReadError, ValueError):
            found["statuses"]["broken"] += 1
            if connection is not None:
                connection[1].close()
            await asyncio.sleep(0.05)
            return
        self.idle.append(connection)
        found["statuses"][str(status)] += 1
        if status == 200:
            found["seconds"].append(time.perf_counter() - started)
            if (name := (reply.get("optiq") or {}).get("execution_id")) is not None:
                found["executions"].append(name)
                found["cost_usd"] += (reply["optiq"]["observed"] or {}).get("cost_usd") or 0.0
        elif status in (429, 503):
            await asyncio.sleep(0.05)


async def one_client(place: Place, number: int, until: float, most: int, over: Path | None) -> None:
    """Ask until the time is up, or ``most`` questions were asked by all clients together."""
    asked = 0
    while time.perf_counter() < until and place.found["asked"] < most and not (over and over.exists()):
        asked += 1
        started = time.perf_counter()
        await place.ask(a_question(f"{number:03d}-{asked:06d}"), started)


async def at_a_rate(place: Place, per_second: float, until: float) -> None:
    """Ask so often, at random moments, whoever still waits; waiting to be sent counts."""
    draw, due, running = random.Random(0), time.perf_counter(), set()
    while (due := due + draw.expovariate(per_second)) < until:
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        number = place.found["asked"]
        running.add(asyncio.ensure_future(place.ask(a_question(f"{number:06d}"), due)))
    await asyncio.gather(*running)


def a_question(name: str) -> str:
    """Some are short and some are long: 50 to 550 characters."""
    more = random.Random(name).randrange(84)
    return f"Which city has number {name} in the list?{' Tell.' * more}"


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


async def load(given: argparse.Namespace) -> dict[str, Any]:
    """What the clients saw."""
    place = Place(given.url, given.model, given.key)
    started = time.perf_counter()
    until = started + given.seconds
    if given.rate:
        await at_a_rate(place, given.rate, until)
    else:
        clients = range(given.clients)
        await asyncio.gather(*(one_client(place, n, until, given.most, given.until) for n in clients))
    wall_s = time.perf_counter() - started
    for _, writer in place.idle:
        writer.close()
    return {**place.found, "wall_s": wall_s}


def main() -> None:
    """Print what the clients saw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--model", default="optiq")
    parser.add_argument("--key", default="none")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--rate", type=float, help="so many questions a second instead, whoever still waits")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--most", type=int, default=1 << 60)
    parser.add_argument("--until", type=Path, help="end when this file is there")
    given = parser.parse_args()
    print(json.dumps(asyncio.run(load(given))))


if __name__ == "__main__":
    main()
