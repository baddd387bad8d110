"""The `mcp` Python package as the server: the same tools are listed, and called without any work."""

import os
import subprocess
import sys
import threading
import time
import urllib.request

import mcp_types as types
import uvicorn
from mcp.server.lowlevel import Server

import endpoint
import peer
import place

listed = endpoint.ask("tools/list", {})["tools"]
tools = [types.Tool.model_validate(one) for one in listed]


async def list_tools(context, params):
    return types.ListToolsResult(tools=tools)


async def call_tool(context, params):
    return types.CallToolResult(
        content=[types.TextContent(type="text", text="{}")], structured_content={})


def main():
    port = place.free_port()
    server = Server("peer", on_list_tools=list_tools, on_call_tool=call_tool)
    app = server.streamable_http_app(json_response=True, stateless_http=True)
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", access_log=False)
    threading.Thread(target=uvicorn.Server(config).run, daemon=True).start()
    address = f"http://127.0.0.1:{port}/mcp"
    for _ in range(100):
        try:
            urllib.request.urlopen(address)
        except urllib.error.HTTPError:
            break
        except OSError:
            time.sleep(0.05)
    # The client is the one that asks the relay.
    sys.exit(subprocess.call([sys.argv[2], peer.ROW], env=os.environ | {"PEER_URL": address}))


main()
