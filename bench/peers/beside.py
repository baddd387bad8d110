"""Measures what a session notices of a bulk transfer: the time that `echo hi` takes in a session
while a file goes from one agent's host to the other's, against its quiet time.

    beside.py PROGRAMS [--calls N] [--check]

PROGRAMS is the folder of the release build (homeline-relay, homeline-agent). The session is on the
transfer's own SSH link, on another link of the sending agent, or on the receiving agent. The same
is measured with OpenSSH: a command in a shell over `ssh`, while `scp -3` copies. With --check the
exit code is 1 when the median of a session of ours is more than 5 ms above its quiet median.
The last columns say which share of the time each program worked, and had work but waited for a
processor: where there are fewer processors than busy programs, that wait is part of the delay.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import time

import endpoint
from place import Place

LIMIT = 5.0  # ms
SIZE = 3 << 30  # bytes of the file: more than is copied while one row is measured


class Usage:
    """What processes have worked and waited since this was made (Linux' schedstat)."""

    def __init__(self, processes):
        self.processes, self.began = processes, time.monotonic()
        self.before = self.read()

    def read(self):
        """For each process: (seconds on a processor, seconds waiting for one), all threads."""
        figures = []
        for process in self.processes:
            ran = waited = 0
            for thread in os.listdir(f"/proc/{process.pid}/task"):
                with open(f"/proc/{process.pid}/task/{thread}/schedstat") as file:
                    one, other, _ = map(int, file.read().split())
                ran, waited = ran + one, waited + other
            figures.append((ran / 1e9, waited / 1e9))
        return figures

    def __str__(self):
        passed = time.monotonic() - self.began
        return "  ".join(
            f"{(ran - ran0) / passed:4.0%} {(waited - waited0) / passed:4.0%}"
            for (ran, waited), (ran0, waited0) in zip(self.read(), self.before)
        )


class Shell:
    """A shell over OpenSSH, on a connection of its own."""

    def __init__(self, place):
        env = place.environment
        self.process = subprocess.Popen(
            [
                "ssh", "-F", "none", "-T", "-p", env["PEER_PORT"], "-l", env["PEER_USER"],
                "-i", env["PEER_KEY"], "-o", f"UserKnownHostsFile={env['PEER_KNOWN_HOSTS']}",
                "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", env["PEER_HOST"], "sh",
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
        )
        self.echo()

    def echo(self):
        self.process.stdin.write(b"echo hi\n")
        assert self.process.stdout.readline() == b"hi\n", "the shell ended"

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


@contextlib.contextmanager
def transfer(place, source):
    """A transfer between the agents' hosts while the block runs."""
    started = endpoint.call(
        "file_transfer",
        {"target": "site/bench", "path": source, "to_target": "other/bench",
         "to_path": source + ".copy", "wait_s": 0, "verify": False},
        place.environment,
    )
    time.sleep(0.7)
    try:
        yield
    finally:
        report = endpoint.call(
            "ssh_command_cancel", {"command_id": started["command_id"]}, place.environment)
        assert report["state"] != "done", "the transfer was done before the measurement"


@contextlib.contextmanager
def copy(place, source):
    """`scp -3` between two connections to the host while the block runs."""
    env = place.environment
    host = f"scp://{env['PEER_USER']}@{env['PEER_HOST']}:{env['PEER_PORT']}/"
    process = subprocess.Popen(
        [
            "scp", "-3", "-q", "-F", "none", "-i", env["PEER_KEY"],
            "-o", f"UserKnownHostsFile={env['PEER_KNOWN_HOSTS']}", "-o", "IdentitiesOnly=yes",
            host + source, host + source + ".scp",
        ],
        stdin=subprocess.DEVNULL,
    )
    time.sleep(0.7)
    try:
        yield
        assert process.poll() is None, "scp ended before the measurement"
    finally:
        process.terminate()
        process.wait()


def times(operation, count):
    result = []
    for _ in range(count):
        start = time.perf_counter()
        operation()
        result.append((time.perf_counter() - start) * 1000)
        time.sleep(0.005)
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    missed = []
    with Place(options.programs) as place:
        place.start_agent("other")
        source = os.path.join(place.files, "bulk")
        with open(os.path.join(place.files, "source"), "rb") as file:
            random = file.read()
        with open(source, "wb") as file:
            for _ in range(SIZE // len(random)):
                file.write(random)
        programs = place.running[2:]  # the relay and the agents
        print(f"{'echo hi in a session':34} quiet  beside     p95  worked and waited: relay, agents")

        def measure(name, operation, company, budget):
            times(operation, 20)
            quiet = times(operation, options.calls)
            with company(place, source):
                usage = Usage(programs)
                beside = times(operation, options.calls)
                figures = str(usage)
            before, after = statistics.median(quiet), statistics.median(beside)
            p95 = sorted(beside)[int(len(beside) * 0.95)]
            held = after - before <= LIMIT
            verdict = ("held" if held else "MISSED") if budget else "peer"
            if budget and not held:
                missed.append(name)
            print(f"{name:30} {before:6.2f} {after:7.2f} {p95:7.2f} ms   {figures}  {verdict}",
                  flush=True)

        for name, target in [
            ("on the transfer's link", "site/bench"), ("on another link", "site/cold0"),
            ("on the receiving agent", "other/cold0"),
        ]:
            session = endpoint.call(
                "ssh_session_open", {"target": target}, place.environment)["session_id"]
            measure(
                name,
                lambda: endpoint.call(
                    "ssh_session_command", {"session_id": session, "command": "echo hi"},
                    place.environment),
                transfer, True)
        shell = Shell(place)
        measure("ssh, beside scp -3", shell.echo, copy, False)
        shell.close()
    if missed:
        print("\nNot held: " + "; ".join(missed), file=sys.stderr)
    return 1 if missed and options.check else 0


sys.exit(main())
