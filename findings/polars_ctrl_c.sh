#!/usr/bin/env bash
# polars 2.1.0: once a frame was collected, Ctrl-C no longer wakes a main thread that waits without a limit.
# Expected: queue.get() and lock.acquire() of the main thread raise KeyboardInterrupt when SIGINT comes, as they do
#           without Polars (Python 3.2 and later).
# Seen: after polars was imported and used the process sleeps on; with a timeout of a year it is woken at once.
# Hurts: command lines that run work in a thread and wait for its result: nothing but kill ends them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "polars==2.1.0"
cat > "$folder/wait.py" <<'PYTHON'
import os, queue, signal, sys, threading
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
if "polars" in sys.argv:
    import polars
    polars.LazyFrame({"x": [1]}).collect()
threading.Timer(1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
threading.Timer(5, lambda: (print("sleeps on", flush=True), os._exit(0))).start()
try:
    queue.SimpleQueue().get(timeout=3e7 if "limit" in sys.argv else None)
except KeyboardInterrupt:
    print("woken", flush=True)
    os._exit(0)
PYTHON
for what in "" polars "polars limit"; do
  seen=$("$folder/venv/bin/python" "$folder/wait.py" $what)
  echo "waits ${what:-without polars}: $seen"
  [ "$seen" = "$([ "$what" = polars ] && echo "sleeps on" || echo woken)" ]
done
