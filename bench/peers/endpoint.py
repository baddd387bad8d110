"""A tool call at a relay, by the standard library alone."""

import json
import os
import urllib.request


def call(tool, arguments, environment=os.environ):
    """The structured result of a tool; PEER_URL and PEER_TOKEN of `environment` name the relay."""
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
        environment["PEER_URL"], json.dumps(message).encode(), {
            "Content-Type": "application/json", "Accept": "application/json",
            "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": tool,
            "Authorization": "Bearer " + environment["PEER_TOKEN"],
        })
    result = json.loads(urllib.request.urlopen(request).read())["result"]
    assert not result.get("isError"), result
    return result["structuredContent"]
