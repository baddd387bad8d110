"""The line protocol that every peer speaks, in any language.

Started as `peer ROW` with PEER_HOST, PEER_PORT, PEER_USER, PEER_KEY and PEER_KNOWN_HOSTS in its
environment. It connects, warms up and prints `ready`. Then, for every line `N` it reads, it does
the row's operation N times and prints one JSON array of N times in microseconds. At the end of
its input it exits. Rows: session (a command in an open shell), exec (one-shot on a warm
connection), jump (the same through a connection of the first host), channels (eight at once on a
warm connection), cold (connect, authenticate, one command, close), many (100 times cold at once), file-get and
file-put (PEER_FILES/source, 256 MiB, by SFTP on a warm connection).
"""

import json
import os
import sys
import time

HOST = os.environ.get("PEER_HOST", "127.0.0.1")
PORT = int(os.environ.get("PEER_PORT", "22"))
USER = os.environ.get("PEER_USER", "")
KEY = os.environ.get("PEER_KEY", "")
KNOWN = os.environ.get("PEER_KNOWN_HOSTS", "")
FILES = os.environ.get("PEER_FILES", "")
ROW = sys.argv[1] if len(sys.argv) > 1 else ""


def counts():
    """Says that this peer is ready, then yields the requested numbers, one per line."""
    print("ready", flush=True)
    for line in sys.stdin:
        yield int(line)


def answer(times):
    print(json.dumps([round(t * 1e6, 1) for t in times]), flush=True)


def serve(operation):
    """Serves a blocking operation."""
    for count in counts():
        times = []
        for _ in range(count):
            start = time.perf_counter()
            operation()
            times.append(time.perf_counter() - start)
        answer(times)


async def serve_async(operation):
    """Serves an asynchronous operation."""
    for count in counts():
        times = []
        for _ in range(count):
            start = time.perf_counter()
            await operation()
            times.append(time.perf_counter() - start)
        answer(times)
