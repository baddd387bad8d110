"""A forward to an echo server of this process: by `ssh -L` or `ssh -R`, or by a forward of homeline.

…-open: connect, one byte there and back, close. …-echo: one byte there and back on an open
connection. …-bulk: 64 MiB from the server.
"""

import os
import socket
import subprocess
import sys
import threading

import peer
import place
from endpoint import call

BULK = 64 << 20


def serve_echo(listener):
    """Sends back what comes; a `b` first asks for the bulk."""

    def one(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            while data := connection.recv(1 << 16):
                if data == b"b":
                    block = bytes(1 << 20)
                    for _ in range(BULK >> 20):
                        connection.sendall(block)
                else:
                    connection.sendall(data)

    while True:
        threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()


def forward_by_ssh(port, flag):
    near = place.free_port()
    process = subprocess.Popen(
        [
            "ssh", "-F", "none", "-p", str(peer.PORT), "-l", peer.USER, "-i", peer.KEY,
            "-o", f"UserKnownHostsFile={peer.KNOWN}", "-o", "IdentitiesOnly=yes",
            "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes",
            "-N", flag, f"127.0.0.1:{near}:127.0.0.1:{port}", peer.HOST,
        ], stdin=subprocess.DEVNULL)
    while True:
        try:
            socket.create_connection(("127.0.0.1", near)).close()
            return near, process
        except OSError:
            assert process.poll() is None, "ssh ended"


def main():
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    threading.Thread(target=serve_echo, args=(listener,), daemon=True).start()
    port, process = listener.getsockname()[1], None
    kind = sys.argv[2]
    if kind in ("-L", "-R"):
        near, process = forward_by_ssh(port, kind)
    elif kind == "remote":
        opened = call("forward_open", {
            "target": os.environ["PEER_TARGET"], "kind": "remote", "listen": "127.0.0.1:0",
            "to": f"127.0.0.1:{port}"})
        near = int(opened["listen"].rpartition(":")[2])
    else:
        opened = call("forward_open", {
            "target": os.environ["PEER_TARGET"], "to": f"127.0.0.1:{port}", "at": kind})
        near = int(opened["listen"].rpartition(":")[2])

    def connect():
        connection = socket.create_connection(("127.0.0.1", near))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def echo(connection):
        connection.sendall(b"x")
        assert connection.recv(1) == b"x", "the connection ended"

    def once():
        with connect() as connection:
            echo(connection)

    def bulk(connection):
        connection.sendall(b"b")
        buffer, left = bytearray(1 << 20), BULK
        while left:
            count = connection.recv_into(buffer, min(left, len(buffer)))
            assert count, "the connection ended"
            left -= count

    try:
        if peer.ROW.endswith("-open"):
            return peer.serve(once)
        kept = connect()
        echo(kept)
        peer.serve(lambda: (echo if peer.ROW.endswith("-echo") else bulk)(kept))
    finally:
        if process:
            process.terminate()


main()
