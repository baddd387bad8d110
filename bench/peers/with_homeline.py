"""Homeline through its MCP endpoint: the same rows, each a tools/call on one kept connection.

PEER_URL and PEER_TOKEN name the endpoint, PEER_TARGET the target; a cold row goes through the
targets PEER_COLD0, PEER_COLD1, … of the ssh_config, each a link of its own.
"""

import itertools
import json
import os
import socket
from urllib.parse import urlparse

import peer

URL = urlparse(os.environ["PEER_URL"])
TARGET = os.environ["PEER_TARGET"]
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Caller:
    def __init__(self):
        self.socket = socket.create_connection((URL.hostname, URL.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def request(self, tool, arguments):
        params = {"name": tool, "arguments": arguments, "_meta": META}
        body = json.dumps(
            {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        ).encode()
        head = (
            f"POST {URL.path} HTTP/1.1\r\nHost: {URL.netloc}\r\n"
            f"Authorization: Bearer {os.environ['PEER_TOKEN']}\r\n"
            "Content-Type: application/json\r\nAccept: application/json\r\n"
            f"MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: {tool}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def send(self, request):
        self.socket.sendall(request)
        while (split := self.rest.find(b"\r\n\r\n")) < 0:
            self.more()
        head = self.rest[:split].lower()
        size = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        while len(self.rest) < split + 4 + size:
            self.more()
        body = self.rest[split + 4 : split + 4 + size]
        self.rest = self.rest[split + 4 + size :]
        return body

    def more(self):
        data = self.socket.recv(1 << 16)
        assert data, "the relay closed the connection"
        self.rest += data

    def call(self, tool, **arguments):
        answer = json.loads(self.send(self.request(tool, arguments)))
        result = answer.get("result", {})
        assert result.get("isError") is False or "structuredContent" in result, answer
        assert not result.get("isError"), answer
        return result["structuredContent"]


def main():
    caller = Caller()
    if peer.ROW == "session":
        opened = caller.call("ssh_session_open", target=TARGET)
        arguments = {"session_id": opened["session_id"], "command": "echo hi"}
        assert caller.call("ssh_session_command", **arguments)["exit_code"] == 0
        request = caller.request("ssh_session_command", arguments)
        return peer.serve(lambda: caller.send(request))
    if peer.ROW == "exec":
        arguments = {"target": TARGET, "command": "true"}
        assert caller.call("ssh_execute", **arguments)["succeeded"] == 1
        request = caller.request("ssh_execute", arguments)
        return peer.serve(lambda: caller.send(request))
    agent = TARGET.split("/")[0]
    fresh = (f"{agent}/cold{number}" for number in itertools.count())

    def cold():
        assert caller.call("ssh_execute", target=next(fresh), command="true")["succeeded"] == 1

    peer.serve(cold)


main()
