"""A forward to an echo server of this process: by `ssh -L`, or by a forward of homeline.

forward-open: connect, one byte there and back, close. forward-echo: one byte there and back on an
open connection. forward-bulk: 64 MiB from the server.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import urllib.request

import peer
import place

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


def call(tool, arguments):
    """A tool of the relay."""
    message = {
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {
            "name": tool, "arguments": arguments,
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    }
    request = urllib.request.Request(
        os.environ["PEER_URL"], json.dumps(message).encode(), {
            "Content-Type": "application/json", "Accept": "application/json",
            "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": tool,
            "Authorization": "Bearer " + os.environ["PEER_TOKEN"],
        })
    result = json.loads(urllib.request.urlopen(request).read())["result"]
    assert not result.get("isError"), result
    return result["structuredContent"]


def forward_by_ssh(port):
    near = place.free_port()
    process = subprocess.Popen(
        [
            "ssh", "-F", "none", "-p", str(peer.PORT), "-l", peer.USER, "-i", peer.KEY,
            "-o", f"UserKnownHostsFile={peer.KNOWN}", "-o", "IdentitiesOnly=yes",
            "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes",
            "-N", "-L", f"127.0.0.1:{near}:127.0.0.1:{port}", peer.HOST,
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
    if sys.argv[2] == "ssh":
        near, process = forward_by_ssh(port)
    else:
        opened = call("forward_open", {
            "target": os.environ["PEER_TARGET"], "to": f"127.0.0.1:{port}", "at": sys.argv[2]})
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
        if peer.ROW == "forward-open":
            return peer.serve(once)
        kept = connect()
        echo(kept)
        peer.serve(lambda: (echo if peer.ROW == "forward-echo" else bulk)(kept))
    finally:
        if process:
            process.terminate()


main()
