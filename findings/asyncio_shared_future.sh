#!/usr/bin/env bash
# asyncio.wrap_future (Python 3.11 to 3.13): one waiter that gives up cancels the work for all others.
# Expected: cancelling a task that awaits a shared result ends that task; the result goes on, as a thread that waits with
#           Future.result(timeout) and gives up harms nobody.
# Seen: the cancellation goes through to the concurrent future while it has not begun, and every other task that waits
#       for the same future is cancelled too, without having been asked to.
# Hurts: caches that let equal questions wait for one call: a single client that hangs up takes the answer from all.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio, concurrent.futures, platform

async def wait(shared):
    return await asyncio.wrap_future(shared)

async def main():
    shared = concurrent.futures.Future()
    one, other = asyncio.create_task(wait(shared)), asyncio.create_task(wait(shared))
    await asyncio.sleep(0)
    one.cancel()
    await asyncio.wait([one, other], timeout=5)
    return shared.cancelled(), other.done() and other.cancelled()

seen = asyncio.run(main())
print("Python", platform.python_version(), "shared future cancelled, other waiter cancelled:", seen)
assert seen == (True, True)
PYTHON
