"""Requests of MCP to a relay, by the standard library alone."""

import json
import os
import urllib.request

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


def ask(method, params, environment=os.environ):
    """The result of a request; PEER_URL and PEER_TOKEN of `environment` name the relay."""
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params | {"_meta": META}}
    headers = {
        "Content-Type": "application/json", "Accept": "application/json",
        "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method,
        "Authorization": "Bearer " + environment["PEER_TOKEN"],
    }
    if "name" in params:
        headers["Mcp-Name"] = params["name"]
    request = urllib.request.Request(
        environment["PEER_URL"], json.dumps(message).encode(), headers)
    return json.loads(urllib.request.urlopen(request).read())["result"]


def call(tool, arguments, environment=os.environ):
    """The structured result of a tool."""
    result = ask("tools/call", {"name": tool, "arguments": arguments}, environment)
    assert not result.get("isError"), result
    return result["structuredContent"]
