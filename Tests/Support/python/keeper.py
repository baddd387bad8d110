"""Calls ssh_session_command without a pause over one connection that it keeps, and opens another
only when an answer says that this one closes. Arguments: URL, token, session id. Ends with a line of
standard input; prints how many calls it made, and how many failed."""

import http.client
import json
import sys
import threading
import urllib.parse

url, token, session = sys.argv[1:]
place = urllib.parse.urlsplit(url)
connection = http.client.HTTPConnection(place.hostname, place.port, timeout=40)
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), over.set()), daemon=True).start()
calls, failed, opened = 0, 0, 0
while not over.is_set():
    calls += 1
    word = f"k{calls}"
    body = {
        "jsonrpc": "2.0", "id": calls, "method": "tools/call",
        "params": {
            "name": "ssh_session_command",
            "arguments": {"session_id": session, "command": f"echo {word}", "wait_s": 20},
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    }
    headers = {
        "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
        "Authorization": f"Bearer {token}", "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call", "Mcp-Name": "ssh_session_command",
    }
    opened += connection.sock is None
    try:
        connection.request("POST", place.path, json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read().decode()
        if response.status != 200 or f'"output":"{word}\\n"' not in text.replace(" ", ""):
            raise RuntimeError(f"{response.status} {text}")
    except Exception as error:
        failed += 1
        print(f"{word}: {error!r}", file=sys.stderr, flush=True)
        connection.close()
    if calls == 1:
        print("begun", flush=True)
print(f"{calls} calls over {opened} connections, {failed} failed", flush=True)
