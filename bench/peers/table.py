"""Measures every peer in interleaved rounds and prints one table: medians, p95, ratios, budgets.

    table.py PROGRAMS [--rounds N] [--rows ROW,…] [--json FILE] [--before PROGRAMS] [--check]

ROW: session, shells, mcp-list, mcp-agents, flood-NAME (see ROWS), exec, jump, channels, cold, many, forward-NAME,
remote-NAME, file-get, file-put (with -far: 20 ms away), file-relay, tunnel1 or tunnel64.

PROGRAMS is the folder of the built programs; with --before those of another build are measured in
the same rounds, and a row that is more than 5 % slower than in that build counts as missed. Each
peer is a process that speaks the line protocol of peer.py, so that all are warm and each round
runs them one after the other in the same state of the machine.
With --check the exit code is 1 when a budget is missed or a peer it needs is absent.
"""

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys

import place

HERE = os.path.dirname(os.path.abspath(__file__))
FAR = "-far"  # ends the name of a row that goes to the same sshd through a way of 20 ms
ROWS = {
    # row: (title, operations per round, {peer: row of homeline-bench, or None for Python})
    "session": (
        "`echo hi` in an open session", 100,
        {"homeline": "mcp-session", "bare": "marks-session", "bare, one mark": "session",
         "ssh": None, "asyncssh": None, "paramiko": None},
    ),
    "shells": (
        "`echo hi` in a session, by shell", 50,
        {name: f"mcp-shell-{name}" for name in place.SHELLS},
    ),
    # a row each, so that only one flood runs at a time
    **{
        f"flood-{name}": (
            f"`echo hi` beside a flood: {name}", 100, {"homeline": f"mcp-flood-{name}"},
        )
        for name in ("lines", "drawn", "screens", "random")
    },
    **{
        f"mcp-{name}": (f"MCP, kept alive: {title}", 200, {"homeline": f"mcp-{name}", "mcp": None})
        for name, title in (("list", "tools/list"), ("agents", "agent_list"))
    },
    "exec": (
        "one-shot `true`, warm link", 20,
        {"homeline": "mcp-exec", "module SSH": "link-exec", "bare": "exec", "ssh": None,
         "asyncssh": None, "paramiko": None},
    ),
    "jump": (
        "one-shot `true` over one jump, warm", 20,
        {"homeline": "mcp-jump", "ssh": None, "asyncssh": None, "paramiko": None},
    ),
    "channels": (
        "8 one-shot `true` at once, one warm link", 5,
        {"homeline": "mcp-channels", "ssh": None, "asyncssh": None, "paramiko": None},
    ),
    "cold": (
        "connect + login + `true`", 4,
        {"homeline": "mcp-cold", "module SSH": "link-cold", "bare": "cold", "ssh": None,
         "asyncssh": None, "paramiko": None},
    ),
    "many": (
        "connect + login + `true`, 100 hosts at once", 1,
        {"homeline": "mcp-many", "asyncssh": None},
    ),
    **{
        f"{row}-{name}": (f"{words}: {title}", count, peers)
        for row, words, peers in (
            ("forward", "forward", {"homeline": "agent", "at the relay": "relay", "ssh": "-L"}),
            ("remote", "remote forward", {"homeline": "remote", "ssh": "-R"}),
        )
        for name, title, count in (
            ("open", "connect, 1 byte, close", 50), ("echo", "1 byte there and back", 200),
            ("bulk", "64 MiB", 2),
        )
    },
    **{
        f"file-{way}": (
            f"256 MiB by SFTP, {way}", 1,
            {"homeline": f"link-file-{way}", "ssh": None, "scp": None, "asyncssh": None,
             "paramiko": None},
        )
        for way in ("get", "put")
    },
    **{
        f"file-{way}{FAR}": (
            f"the same at a round trip of {place.FAR} ms, {way}", 1,
            {"homeline": f"link-file-{way}", "ssh": None, "scp": None, "asyncssh": None},
        )
        for way in ("get", "put")
    },
    "file-relay": (
        "256 MiB through relay and tunnel, to curl", 1,
        {"homeline": None, "at the agent": "link-file-get"},
    ),
    "tunnel1": ("tunnel call, 1 in flight", 2000, {"homeline": "tunnel1", "in wss": "tunnel1-wss"}),
    "tunnel64": ("tunnel call, 64 in flight", 20000, {"homeline": "tunnel64", "in wss": "tunnel64-wss"}),
}
BUDGETS = {
    # (row, peer): (least ratio peer/homeline, words)
    ("session", "bare"): (1 / 3, "<= 3x bare libssh2"),
    ("session", "ssh"): (5.0, ">= 5x faster than ssh"),
    ("exec", "ssh"): (2.0, ">= 2x faster than ssh"),
    ("exec", "asyncssh"): (1.2, ">= 1.2x faster than asyncssh"),
    ("cold", "asyncssh"): (2.0, ">= 2x faster than asyncssh"),
    ("many", "asyncssh"): (1.5, ">= 1.5x faster than asyncssh's gather"),
    **{
        (f"{row}-{name}", "ssh"): (least, f"{words} ssh {flag}")
        for row, flag in (("forward", "-L"), ("remote", "-R"))
        for name, least, words in (
            ("open", 1 / 1.3, "<= 1.3x"), ("echo", 1 / 1.3, "<= 1.3x"),
            ("bulk", 0.8, ">= 0.8x the rate of"),
        )
    },
    ("file-get", "ssh"): (1.0, ">= as fast as sftp"),
    ("file-put", "ssh"): (1.0, ">= as fast as sftp"),
    ("mcp-list", "mcp"): (10, ">= 10x faster than the mcp package"),
    ("file-get-far", "scp"): (2.5, ">= 2.5x faster than scp"),
    ("file-put-far", "scp"): (2.5, ">= 2.5x faster than scp"),
    ("file-relay", "at the agent"): (0.7, ">= 0.7x the agent's rate"),
    ("cold", "ssh"): (4.0, ">= 4x faster than fresh ssh"),
}
BEFORE = ", before"  # ends the name of a peer of the other build
SLOWER = 1.05  # a row may take this much of the time that the other build takes
missed = []


class Peer:
    def __init__(self, name, row, programs, environment):
        self.name, self.times = name, []
        own = ROWS[row][2][name.removesuffix(BEFORE)]
        kind = row.removesuffix(FAR)
        if kind != row:
            environment = environment | {"PEER_PORT": environment["PEER_FAR_PORT"]}
        if row.startswith(("forward", "remote")):
            command = [sys.executable, os.path.join(HERE, "with_forward.py"), row, own]
        elif own:
            command = [os.path.join(programs, "homeline-bench"), own]
        else:
            script = "relay" if row == "file-relay" else name
            command = [sys.executable, os.path.join(HERE, f"with_{script}.py"), kind]
            if name == "mcp":
                command.append(os.path.join(programs, "homeline-bench"))
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            self.read("ready")
        except RuntimeError:
            self.close()
            raise

    def read(self, expected=None):
        line = self.process.stdout.readline().strip()
        if not line or (expected and line != expected):
            raise RuntimeError(f"{self.name} said {line!r}")
        return line

    def round(self, count):
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        self.times += json.loads(self.read())

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def measure(row, rounds, here, before):
    title, count, names = ROWS[row]
    builds = [(name, here) for name in names]
    if before:
        builds += [(name + BEFORE, before) for name, own in names.items() if own]
    peers = []
    for name, build in builds:
        try:
            peers.append(Peer(name, row, build.programs, build.environment))
        except (RuntimeError, OSError) as error:
            print(f"  {title}: left out: {error}", file=sys.stderr)
            missed.append(f"{row}: {name} is absent")
    def ask(peer, count):
        """Asks for a round; a peer that fails is left out from then on."""
        try:
            peer.round(count)
        except (RuntimeError, OSError, ValueError) as error:
            print(f"  {title}: {error}", file=sys.stderr)
            missed.append(f"{row}: {peer.name} failed")
            peers.remove(peer)
            peer.close()

    try:
        for peer in list(peers):
            ask(peer, max(1, count // 10))
            peer.times.clear()
        # A round of `many` opens 100 links that stay open, so there are only three and the warm-up.
        for number in range(min(rounds, 3) if row == "many" else rounds):
            # The order rotates, so that no peer always follows the same one.
            turn = number % len(peers) if peers else 0
            for peer in peers[turn:] + peers[:turn]:
                ask(peer, count)
    finally:
        for peer in peers:
            peer.close()
    return {peer.name: peer.times for peer in peers}


def quantile(times, share):
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def verdict(holds, row, words):
    if not holds:
        missed.append(f"{row}: {words}")
    return f"   {'held' if holds else 'MISSED'}: {words}"


def show(row, results):
    print(f"\n{ROWS[row][0]:32}     median        p95   to ours")
    ours = statistics.median(results["homeline"]) if results.get("homeline") else None
    for name, times in results.items():
        median = statistics.median(times)
        line = f"  {name:30} {median / 1000:7.3f} ms {quantile(times, 0.95) / 1000:7.3f} ms"
        if ours and name != "homeline":
            line += f"   {median / ours:6.2f}x"
            if name == "homeline" + BEFORE:
                share = ours / median
                line += verdict(share <= SLOWER, row, f"<= {SLOWER}x before ({share:.3f})")
            elif (row, name) in BUDGETS:
                least, words = BUDGETS[row, name]
                line += verdict(median / ours >= least, row, words)
        if row.startswith("mcp-"):
            line += f"   p99 {quantile(times, 0.99) / 1000:.2f} ms, {1e6 / statistics.mean(times):,.0f}/s"
        if row.startswith("flood"):
            p99 = quantile(times, 0.99) / 1000
            line += verdict(p99 <= 50, row, f"p99 <= 50 ms ({p99:.1f})")
        if row.startswith("file-"):
            line += f"   {256e6 / median:6.0f} MiB/s"
        if row == "shells":
            line += f"   {1e6 / statistics.mean(times):8,.0f}/s"
        if row == "tunnel1" and name == "homeline":
            line += verdict(median <= 60, row, "p50 <= 60 us")
        if row == "tunnel64":
            rate = 64e6 / statistics.mean(times)
            line += f"   {rate:,.0f}/s"
            if name == "homeline":
                line += verdict(rate >= 60000, row, ">= 60,000/s")
        print(line, flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--json", help="write all times there")
    parser.add_argument("--before", metavar="PROGRAMS", help="compare with this build")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a budget is missed")
    options = parser.parse_args()
    everything = {}
    print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.release()}; lower is better")
    with contextlib.ExitStack() as places:
        here = places.enter_context(place.Place(options.programs))
        # One sshd for both builds: two of them differ by more than the builds.
        before = (
            places.enter_context(place.Place(options.before, here)) if options.before else None
        )
        for row in options.rows.split(","):
            everything[row] = measure(row, options.rounds, here, before)
            show(row, everything[row])
    if options.json:
        with open(options.json, "w") as file:
            json.dump(everything, file)
    if missed:
        print("\nNot held: " + "; ".join(missed), file=sys.stderr)
    return 1 if missed and options.check else 0


sys.exit(main())
