"""What a fleet costs its relay: thousands of simulated agents (`homeline-bench fleet`) on one relay.

    scale.py PROGRAMS [--agents N] [--seconds S] [--check]

Joins N agents (10,000), then measures memory per idle tunnel, the keep-alive's share of a core over
S seconds (60), calls to random agents, the time to full service after the relay was killed and
started again, and what memory is left when the fleet has gone. --check fails beyond a budget.
"""

import argparse
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

import place
from idle import processor, resident

# KiB, per cent of a core, milliseconds, seconds; see docs/scale.md.
MEMORY, KEEPALIVE, CALL, RESTART = 36, 1.5, 2.0, 20.0


class Relay(place.Place):
    """A relay that can be killed and started again on its ports."""

    def start_sshd(self):
        pass

    def start_homeline(self):
        self.ports = {"--mcp": place.free_port(), "--tunnel": place.free_port()}
        self.serve()
        self.token = self.run("homeline-relay", "tokens", "create", "scale", "--data", self.file("relay"))
        self.environment |= {"PEER_URL": self.url, "PEER_TOKEN": self.token}

    def serve(self):
        words = [word for name, port in self.ports.items() for word in (name, f"127.0.0.1:{port}")]
        program = os.path.join(self.programs, "homeline-relay")
        self.start([program, "serve", "--data", self.file("relay"), *words], self.up)
        self.relay = self.running[-1]

    def up(self):
        try:
            text = self.run("homeline-relay", "status", "--data", self.file("relay"), "--json")
            self.url = json.loads(text).get("mcp_url")
            return self.url is not None
        except (subprocess.CalledProcessError, ValueError):
            return False


class Fleet:
    """The simulated agents, and what they last reported."""

    def __init__(self, programs, invitation, count):
        command = [os.path.join(programs, "homeline-bench"), "fleet", invitation, str(count)]
        self.count, self.state = count, {"online": 0}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.state = json.loads(line)

    def wait(self, limit):
        """Seconds until all are connected."""
        start = time.monotonic()
        while self.state["online"] < self.count:
            if time.monotonic() - start > limit or self.process.poll() is not None:
                raise SystemExit(f"only {self.state} of {self.count} after {limit} s")
            time.sleep(0.05)
        return time.monotonic() - start

    def close(self):
        self.process.kill()
        self.process.wait()


class Client:
    """An MCP client with one connection."""

    def __init__(self, here):
        url = urllib.parse.urlparse(here.environment["PEER_URL"])
        self.path = url.path
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
        self.headers = {
            "Authorization": "Bearer " + here.token, "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/call",
        }

    def call(self, tool, arguments):
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        body = json.dumps({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": tool, "arguments": arguments, "_meta": meta},
        })
        self.connection.request("POST", self.path, body, self.headers | {"Mcp-Name": tool})
        result = json.loads(self.connection.getresponse().read())["result"]
        assert not result.get("isError"), result
        return result["structuredContent"]


def calls(here, names, seconds):
    """Milliseconds of calls to random agents, one after another, in order."""
    client, times, end = Client(here), [], time.monotonic() + seconds
    while time.monotonic() < end:
        name = random.choice(names)
        start = time.perf_counter()
        client.call("target_list", {"agent": name})
        times.append(1000 * (time.perf_counter() - start))
    return sorted(times)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    rows = []

    def row(what, value, unit, budget=None):
        held = budget is None or value <= budget
        rows.append(held)
        limit = "" if budget is None else f"{budget:g}"
        print(f"{what:58} {value:10.2f} {unit:4} {limit:>6} {'' if held else 'ABOVE'}", flush=True)

    count = options.agents
    with Relay(options.programs) as here:
        relay = here.relay.pid
        empty = resident(relay)
        words = ("--uses", str(count), "--name", "site", "--data", here.file("relay"))
        invitation = here.run("homeline-relay", "invite", *words).split()[-1]
        fleet = Fleet(options.programs, invitation, count)
        try:
            print(f"{'':58} {'figure':>10} {'':4} {'budget':>6}")
            row(f"{count} agents join", fleet.wait(300), "s")
            time.sleep(20)
            row("relay memory for each idle tunnel", (resident(relay) - empty) / count, "KiB", MEMORY)
            used = processor(relay)
            time.sleep(options.seconds)
            share = 100 * (processor(relay) - used) / options.seconds
            row("keep-alive, of one core", share, "%", KEEPALIVE)
            names = [f"site-{number}" for number in range(1, count + 1)]
            times = calls(here, names, 20)
            row("call to a random agent, p50", times[len(times) // 2], "ms")
            row("call to a random agent, p99", times[int(len(times) * 0.99)], "ms", CALL)
            here.relay.send_signal(signal.SIGKILL)
            here.relay.wait()
            time.sleep(3)
            here.serve()
            row("relay killed: from its start to service for all", fleet.wait(120), "s", RESTART)
            row("dials refused in all this time", fleet.state["refusals"], "")
            print(f"memory of the relay started anew: {resident(here.relay.pid) / 1024:.0f} MiB")
            relay = here.relay.pid
            full = resident(relay)
        finally:
            fleet.close()
        time.sleep(70)  # the relay looks once a minute
        left = resident(relay)
        row("of that memory, left when the fleet has gone", 100 * left / full, "%")
    return 0 if all(rows) or not options.check else 1


if __name__ == "__main__":
    sys.exit(main())
