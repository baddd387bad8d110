"""A TCP proxy that delivers each byte a fixed time after it came: a long way without a limit of rate.

    delay.py PORT TARGET_PORT MILLISECONDS

Both ports are on 127.0.0.1; MILLISECONDS is the round trip, half of it in each direction.
"""

import queue
import socket
import sys
import threading
import time

PIECE = 1 << 18
AHEAD = 256  # pieces on their way, 64 MiB: more than any peer's window


def carry(source, sink, delay):
    """Reads from one socket, and writes to the other after the delay."""
    way = queue.Queue(AHEAD)

    def deliver():
        while True:
            due, data = way.get()
            time.sleep(max(0, due - time.monotonic()))
            try:
                if not data:
                    return sink.shutdown(socket.SHUT_WR)
                sink.sendall(data)
            except OSError:
                return source.close()

    threading.Thread(target=deliver, daemon=True).start()
    data = b"-"
    while data:
        try:
            data = source.recv(PIECE)
        except OSError:
            data = b""
        way.put((time.monotonic() + delay, data))


def main():
    port, target, milliseconds = map(int, sys.argv[1:])
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    while True:
        near = listener.accept()[0]
        far = socket.create_connection(("127.0.0.1", target))
        for one in (near, far):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for pair in ((near, far), (far, near)):
            threading.Thread(target=carry, args=(*pair, milliseconds / 2000), daemon=True).start()


main()
