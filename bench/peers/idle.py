"""What unused links cost: memory per link, its growth, and the agent's CPU time.

    idle.py PROGRAMS [--links N] [--seconds S]

Opens N links (200) to one sshd under as many names, leaves them unused for S seconds (60) and
prints the figures. The agent closes links that are unused for ten minutes: S is at most 570.
"""

import argparse
import http.client
import json
import os
import sys
import time
import urllib.parse

import place

PER_LINK, CPU = 130, 1.0  # the budgets in KiB and per cent


def call(environment, tool, arguments):
    """The structured result of a tool."""
    url = urllib.parse.urlparse(environment["PEER_URL"])
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=120)
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    connection.request(
        "POST", url.path,
        json.dumps({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": tool, "arguments": arguments, "_meta": meta},
        }),
        {
            "Authorization": "Bearer " + environment["PEER_TOKEN"],
            "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": tool,
        },
    )
    return json.loads(connection.getresponse().read())["result"]["structuredContent"]


def resident(process):
    """KiB of memory."""
    with open(f"/proc/{process}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def processor(process):
    """Seconds of CPU time."""
    with open(f"/proc/{process}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    parser.add_argument("--links", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    with place.Place(options.programs) as here:
        agent = here.running[-1].pid

        def use(names):
            arguments = {"targets": names, "command": "true", "wait_s": 50}
            answer = call(here.environment, "ssh_execute", arguments)
            assert answer["succeeded"] == len(names), answer

        def links():
            return call(here.environment, "agent_describe", {"agent": "site"})["pool"]["links"]

        names = [f"site/many{number}" for number in range(options.links)]
        call(here.environment, "target_list", {"agent": "site"})
        use(names[:50])  # what the first links cost is the program's own, too
        before = resident(agent)
        for start in range(50, len(names), 50):
            use(names[start : start + 50])
        time.sleep(3)
        opened, count = resident(agent), links()
        used = processor(agent)
        time.sleep(options.seconds)
        share = 100 * (processor(agent) - used) / options.seconds
        growth, left = resident(agent) - opened, links()
    per_link = (opened - before) / (count - 50)
    print(f"{count} links: {per_link:.0f} KiB each (budget {PER_LINK}), {left} left after")
    print(f"{options.seconds} s idle: {growth:+d} KiB, {share:.2f} % CPU (budget {CPU})")
    return 0 if per_link <= PER_LINK and share < CPU and left == count else 1


if __name__ == "__main__":
    sys.exit(main())
