"""Measures every peer in interleaved rounds and prints one table of medians and ratios.

    table.py PROGRAMS [--rounds N] [--rows session,exec,cold,tunnel] [--json FILE]

PROGRAMS is the folder of the built programs. Each peer is a process that speaks the line protocol
of peer.py, so that all are warm and each round asks one after the other on the same machine state.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys

import place

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS = {
    # row: (title, operations per round, peers in order; the first is Homeline)
    "session": ("command in an open session", 100, ["homeline", "bare", "ssh", "asyncssh", "paramiko"]),
    "exec": ("one-shot exec, warm link", 20, ["homeline", "bare", "ssh", "asyncssh", "paramiko"]),
    "cold": ("connect + auth + exec", 4, ["homeline", "bare", "ssh", "asyncssh", "paramiko"]),
    "tunnel1": ("tunnel call, 1 in flight", 2000, ["tunnel"]),
    "tunnel64": ("tunnel call, 64 in flight", 20000, ["tunnel"]),
}
BUDGETS = {
    # (row, peer): (least ratio peer/homeline, words)
    ("session", "bare"): (1 / 3, "<= 3x bare libssh2"),
    ("session", "ssh"): (5.0, ">= 5x faster than ssh"),
    ("exec", "ssh"): (2.0, ">= 2x faster than ssh"),
    ("exec", "asyncssh"): (1.2, ">= 1.2x faster than asyncssh"),
    ("cold", "asyncssh"): (2.0, ">= 2x faster than asyncssh"),
    ("cold", "ssh"): (4.0, ">= 4x faster than fresh ssh"),
}


class Peer:
    def __init__(self, name, row, programs, environment):
        self.name, self.times = name, []
        bench = os.path.join(programs, "homeline-bench")
        script = os.path.join(HERE, f"with_{name}.py")
        if name in ("bare", "tunnel"):
            command = [bench, row]
        elif name == "homeline" and bench_knows(bench, f"mcp-{row}"):
            command = [bench, f"mcp-{row}"]
        else:
            command = [sys.executable, script, row]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.read("ready")

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


def bench_knows(bench, row):
    """Whether homeline-bench lists the row (`homeline-bench rows` prints one name a line)."""
    try:
        done = subprocess.run([bench, "rows"], capture_output=True, text=True, timeout=10)
        return row in done.stdout.split()
    except (OSError, subprocess.TimeoutExpired):
        return False


def measure(row, rounds, programs, environment):
    title, count, names = ROWS[row]
    peers = []
    for name in names:
        known = name not in ("bare", "tunnel") or bench_knows(os.path.join(programs, "homeline-bench"), row)
        try:
            if known:
                peers.append(Peer(name, row, programs, environment))
        except (RuntimeError, OSError) as error:
            print(f"  {title}: left out: {error}", file=sys.stderr)
    try:
        for peer in peers:
            peer.round(max(1, count // 10))
            peer.times.clear()
        for _ in range(rounds):
            for peer in peers:
                peer.round(count)
    finally:
        for peer in peers:
            peer.close()
    return {peer.name: peer.times for peer in peers}


def quantile(times, share):
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def show(row, results):
    print(f"\n{ROWS[row][0]}")
    ours = statistics.median(results["homeline"]) if results.get("homeline") else None
    for name, times in results.items():
        median = statistics.median(times)
        line = f"  {name:10} {median / 1000:9.3f} ms   p90 {quantile(times, 0.9) / 1000:9.3f} ms"
        if ours and name != "homeline":
            ratio = median / ours
            line += f"   {ratio:6.2f}x ours"
            if (row, name) in BUDGETS:
                least, words = BUDGETS[row, name]
                line += f"   budget {words}: {'held' if ratio >= least else 'MISSED'}"
        if row == "tunnel1":
            line += f"   budget p50 <= 60 us: {'held' if median <= 60 else 'MISSED'}"
        if row == "tunnel64":
            rate = 1e6 / statistics.mean(times)
            line += f"   {rate:,.0f}/s   budget >= 60,000/s: {'held' if rate >= 60000 else 'MISSED'}"
        print(line, flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--json")
    options = parser.parse_args()
    everything = {}
    print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.release()}; medians, lower is better")
    with place.Place(options.programs) as here:
        for row in options.rows.split(","):
            everything[row] = measure(row, options.rounds, options.programs, here.environment)
            show(row, everything[row])
    if options.json:
        with open(options.json, "w") as file:
            json.dump(everything, file)


main()
