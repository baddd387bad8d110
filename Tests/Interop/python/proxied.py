"""A relay behind a reverse proxy, as public clients reach it: TLS and HTTP/2 or 1.1 to the proxy.

Prints one JSON object of what it saw and when; Tests/Interop/ProxyTests.swift asserts on it. Every
name leads to 127.0.0.1 here, as no resolver knows the relay's.
"""

import argparse
import asyncio
import json
import socket
import ssl
import time
import warnings

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

warnings.filterwarnings("ignore")

resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: resolve("127.0.0.1", *rest, **more)

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
BOTH = "application/json, text/event-stream"
# Says something at once, so that the first progress comes after the relay's first question (1 s).
STEPS = "for i in 1 2 3 4 5 6; do echo step $i; sleep 0.6; done"


def post(method, params, name=None, **headers):
    """The body and headers of a request of the newest revision."""
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}}
    headers |= {"Content-Type": "application/json", "Accept": headers.get("Accept", BOTH)}
    headers |= {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method}
    if name:
        headers["Mcp-Name"] = name
    return {"json": message, "headers": headers}


class Visit:
    def __init__(self, options):
        self.options = options
        self.url = options.url
        self.trust = ssl.create_default_context(cafile=options.certificate)

    def http(self):
        second = self.options.http == "2"
        return httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {self.options.token}"},
            verify=self.trust, http2=second, http1=not second, timeout=httpx2.Timeout(30),
        )

    async def client(self, mode):
        """The public client: what it agreed on, lists, and sees of a call while it runs."""
        began, seen = 0.0, []

        async def progress(value, total, message):
            seen.append([round(time.monotonic() - began, 3), message])

        async with self.http() as http:
            server = streamable_http_client(self.url, http_client=http)
            async with Client(server, mode=mode, read_timeout_seconds=30) as client:
                tools = (await client.list_tools()).tools
                began = time.monotonic()
                result = await client.call_tool(
                    "ssh_execute", {"target": self.options.target, "command": STEPS},
                    progress_callback=progress,
                )
                return {
                    "version": client.protocol_version,
                    "tools": len(tools),
                    "progress": seen,
                    "took": round(time.monotonic() - began, 3),
                    "stdout": result.structured_content["results"][0]["stdout"],
                }

    async def slash(self):
        """The endpoint with a slash behind its path, as some clients write it."""
        async with self.http() as http:
            answer = await http.post(self.url + "/", **post("tools/list", {}))
            return {"status": answer.status_code, "http": answer.http_version}

    async def long(self):
        """A body as long as the relay takes; proxies have limits of their own."""
        text = "x" * 3_000_000
        arguments = {"target": self.options.target, "command": "wc -c", "stdin": text}
        call = post("tools/call", {"name": "ssh_execute", "arguments": arguments}, "ssh_execute")
        async with self.http() as http:
            answer = await http.post(self.url, **call)
        try:
            content = answer.json()["result"]["structuredContent"]
            return {"status": answer.status_code, "stdout": content["results"][0]["stdout"].strip()}
        except ValueError:
            return {"status": answer.status_code, "text": answer.text[:300]}

    async def stream(self):
        """A session's own stream: how soon it opens; a second one ends the first."""
        async with self.http() as http:
            handshake = {"protocolVersion": "2025-11-25", "capabilities": {}}
            handshake["clientInfo"] = {"name": "tests", "version": "1"}
            message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": handshake}
            kind = {"Content-Type": "application/json", "Accept": BOTH}
            answer = await http.post(self.url, json=message, headers=kind)
            session = {"Mcp-Session-Id": answer.headers["mcp-session-id"]}
            events = session | {"Accept": "text/event-stream"}
            began = time.monotonic()
            async with http.stream("GET", self.url, headers=events) as first:
                opened = round(time.monotonic() - began, 3)
                async with http.stream("GET", self.url, headers=events) as second:
                    async for _ in first.aiter_raw():
                        pass
                    ended = round(time.monotonic() - began, 3)
                statuses = [first.status_code, second.status_code]
            deleted = await http.delete(self.url, headers=session)
            return {
                "statuses": statuses, "opened": opened, "ended": ended,
                "deleted": deleted.status_code,
            }

    async def leaving(self):
        """A client that goes away while its call waits; the test looks at the relay meanwhile."""
        arguments = {"target": self.options.target, "command": "sleep 60", "wait_s": 45}
        call = post("tools/call", {"name": "ssh_execute", "arguments": arguments}, "ssh_execute")
        async with self.http() as http:
            waiting = asyncio.create_task(http.post(self.url, **call))
            calls = 0
            for _ in range(200):
                # One that is there twice is the call that waits.
                before, calls = calls, await self.calls(http)
                if before and calls:
                    break
                await asyncio.sleep(0.05)
            waiting.cancel()
        began = time.monotonic()
        async with self.http() as http:
            while await self.calls(http) > 0 and time.monotonic() - began < 30:
                await asyncio.sleep(0.05)
        return {"before": calls, "ended": round(time.monotonic() - began, 3)}

    async def calls(self, http):
        """How many calls are open at the agent, but for the one that asks."""
        uri = "homeline://stats"
        answer = await http.post(self.url, **post("resources/read", {"uri": uri}, uri))
        stats = json.loads(answer.json()["result"]["contents"][0]["text"])
        name = self.options.target.partition("/")[0]
        own = next(agent for agent in stats["agents"] if agent["agent"] == name)
        return own["tunnel"]["calls"]

    async def refused(self):
        """A foreign page, a wrong token: what reaches the client."""
        report = {}
        async with self.http() as http:
            call = post("tools/list", {})
            for name, header in (
                ("origin", {"Origin": "https://evil.example"}),
                ("token", {"Authorization": "Bearer wrong"}),
            ):
                answer = await http.post(
                    self.url, json=call["json"], headers=call["headers"] | header
                )
                report[name] = {"status": answer.status_code, "text": answer.text}
                report[name]["challenge"] = answer.headers.get("www-authenticate")
        return report

    async def host(self):
        """What the relay says to a name that it was not started with."""
        async with self.http() as http:
            answer = await http.post(self.url, **post("tools/list", {}, Host="other.example"))
            return {"status": answer.status_code, "text": answer.text}


async def main():
    parser = argparse.ArgumentParser()
    for name in ("url", "token", "certificate", "target", "http"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("steps", nargs="+")
    options = parser.parse_args()
    visit, report = Visit(options), {}

    async def step(name):
        part, _, mode = name.partition(":")
        work = getattr(visit, part)
        report[name] = await (work(mode) if mode else work())

    await asyncio.gather(*(step(name) for name in options.steps if name != "leaving"))
    if "leaving" in options.steps:
        await step("leaving")
    print(json.dumps(report))


asyncio.run(asyncio.wait_for(main(), 90))
