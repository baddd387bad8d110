"""Measures what a stranger on the network costs a relay: each attack of stranger.py on one core,
while the relay's memory and CPU time are read, an agent comes in and `status` is asked.

attack.py PROGRAMS [--seconds S] [--only TEXT;TEXT] [--memory MIB] [--cpu PERCENT] [--join S]
[--status S]. Ends with 1 if a bound was missed, or if a stranger did nothing, so that nothing was
measured. Ends only what it started.

It runs in a network of its own (Linux, unshare), where every address of 198.18.0.0/15 is at hand: the
relay has 198.18.0.1, as has the agent, the stranger others. Where that is not possible it uses the
loopback addresses, which share no limits as a proxy may stand behind them: CPU time is not judged then.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TICK = os.sysconf("SC_CLK_TCK")


ADDRESS = "198.18.0.1"


def own_network(arguments):
    """Runs this program again in a network of its own; returns if that is not possible."""
    flag = "-n" if os.geteuid() == 0 else "-rn"
    ready = "ip link set lo up && ip route add local 198.18.0.0/15 dev lo"
    try:
        if subprocess.run(["unshare", flag, "sh", "-c", ready], capture_output=True).returncode == 0:
            os.execvp("unshare", ["unshare", flag, "sh", "-c", ready + ' && exec "$@"', "sh",
                                  sys.executable, __file__, "--inside", *arguments])
    except OSError:
        pass


class Relay:
    """A relay with one agent that has joined and does not run."""

    def __init__(self, programs, folder):
        self.relay, self.agent = f"{programs}/homeline-relay", f"{programs}/homeline-agent"
        self.folder, self.data = folder, f"{folder}/relay"
        self.log = open(f"{folder}/relay.log", "wb")
        self.process = subprocess.Popen(
            [self.relay, "serve", "--data", self.data, "--mcp", f"{ADDRESS}:0",
             "--tunnel", f"{ADDRESS}:0"],
            stdout=self.log, stderr=self.log)
        status = None
        for _ in range(200):
            status = self.status()
            if status:
                break
            time.sleep(0.05)
        self.mcp = int(status["mcp_url"].split(":")[2].split("/")[0])
        self.tunnel = int(status["tunnel_url"].split(":")[2])
        line = self.admin("invite", "--name", "site")
        word = next(word for word in line.split() if word.startswith("hl1."))
        subprocess.run([self.agent, "join", word, "--data", f"{folder}/site"], check=True,
                       stdout=subprocess.DEVNULL)

    def admin(self, *words, timeout=30):
        return subprocess.run([self.relay, *words, "--data", self.data], check=True, timeout=timeout,
                              capture_output=True, text=True).stdout

    def status(self):
        try:
            return json.loads(self.admin("status", "--json"))
        except (subprocess.SubprocessError, ValueError):
            return None

    def resident(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            for line in file:
                if line.startswith("VmRSS"):
                    return int(line.split()[1]) / 1024
        return 0

    def used(self):
        """CPU seconds, of the program and of the kernel for it."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def join(self, limit):
        """Seconds until the agent is online; nil if it did not come within `limit`."""
        start = time.monotonic()
        agent = subprocess.Popen([self.agent, "run", "--data", f"{self.folder}/site"],
                                 stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                                 env=dict(os.environ, HOME=self.folder))
        came = threading.Event()

        def read():
            for line in agent.stderr:
                if "connected" in line:
                    came.set()
        threading.Thread(target=read, daemon=True).start()
        came.wait(limit)
        took = time.monotonic() - start if came.is_set() else None
        agent.terminate()
        agent.wait()
        return took

    def stop(self):
        self.process.terminate()
        self.process.wait()


def measure(programs, name, given):
    with tempfile.TemporaryDirectory(prefix="homeline-attack-") as folder:
        relay = Relay(programs, folder)
        try:
            relay.join(20)
            time.sleep(0.3)
            before, most = relay.resident(), [0]
            core = max(os.sched_getaffinity(0))
            stranger = subprocess.Popen(
                [sys.executable, f"{HERE}/stranger.py", name, ADDRESS, str(relay.mcp), str(relay.tunnel),
                 str(given.seconds + given.join + given.status + 4)],
                stdout=subprocess.PIPE, stderr=sys.stderr, text=True,
                preexec_fn=lambda: os.sched_setaffinity(0, {core}))
            over = threading.Event()

            def watch():
                while not over.wait(0.02):
                    most[0] = max(most[0], relay.resident())
            watcher = threading.Thread(target=watch)
            watcher.start()
            begun = time.monotonic()
            time.sleep(0.3)
            used, start = relay.used(), time.monotonic()
            time.sleep(given.seconds)
            cpu = (relay.used() - used) / (time.monotonic() - start) * 100
            joined = relay.join(given.join + 3)
            start = time.monotonic()
            answered = relay.status() is not None
            status = time.monotonic() - start
            over.set()
            watcher.join()
            stranger.terminate()
            try:
                rate = int(stranger.communicate(timeout=10)[0]) / (time.monotonic() - begun)
            except (ValueError, subprocess.TimeoutExpired):
                stranger.kill()
                rate = 0
            return dict(rate=rate, memory=most[0] - before, cpu=cpu, join=joined,
                        status=status if answered else None)
        finally:
            relay.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--memory", type=float, default=32)
    parser.add_argument("--cpu", type=float, default=5)
    parser.add_argument("--join", type=float, default=2)
    parser.add_argument("--status", type=float, default=2)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    global ADDRESS
    if not given.inside:
        own_network(sys.argv[1:])
        ADDRESS, given.cpu = "127.0.0.1", float("inf")
    names = subprocess.run([sys.executable, f"{HERE}/stranger.py", "--list"], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    missed = 0
    print(f"{'attack':32} {'rate':>9} {'memory':>9} {'CPU':>7} {'join':>7} {'status':>7}", flush=True)
    for name in names:
        if not any(part in name for part in given.only.split(";")):
            continue
        got = measure(given.programs, name, given)
        bad = [what for what in ("memory", "cpu", "join", "status")
               if got[what] is None or got[what] > getattr(given, what)]
        if got["rate"] == 0:
            bad.append("no attack")
        missed += bool(bad)
        shown = [f"{got[what]:.2f} s" if got[what] is not None else "none" for what in ("join", "status")]
        print(f"{name:32} {got['rate']:7.0f}/s {got['memory']:5.1f} MiB {got['cpu']:5.1f} % {shown[0]:>7} {shown[1]:>7}  "
              + ("missed: " + ", ".join(bad) if bad else "held"), flush=True)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
