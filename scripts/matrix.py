#!/usr/bin/env python3
"""Programs of another version beside this tree's: an agent of the one with a relay of the other, and
the reverse, each through a short walk (join, session, execute, file, restarts of both programs).

    scripts/matrix.py [REF]        default: the newest tag, or else the last merge before HEAD~60

The programs of REF are built in a folder of their own under the temporary folder, once. HOMELINE_OLD
and HOMELINE_NEW name folders with built programs in place of them."""

import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse

root = pathlib.Path(__file__).resolve().parent.parent
programs = ("homeline-relay", "homeline-agent")


def git(*words):
    return subprocess.run(
        ["git", "-C", root, *words], check=True, capture_output=True, text=True).stdout.strip()


def reference():
    if len(sys.argv) > 1:
        return sys.argv[1]
    tag = git("tag", "--sort=-creatordate").split("\n")[0]
    # A merge was built when it was made; a commit between two of them perhaps was not.
    return tag or git("rev-list", "--merges", "--first-parent", "-1", "HEAD~60")


def build(folder):
    """Builds the programs of a source folder; gives the folder with them."""
    for program in programs:
        subprocess.run(
            ["swift", "build", "--package-path", folder, "--product", program], check=True,
            stdout=sys.stderr)
    return pathlib.Path(subprocess.run(
        ["swift", "build", "--package-path", folder, "--show-bin-path"], check=True,
        capture_output=True, text=True).stdout.strip())


def old(commit):
    given = os.environ.get("HOMELINE_OLD")
    if given:
        return pathlib.Path(given)
    folder = pathlib.Path(tempfile.gettempdir()) / f"homeline-{commit[:12]}"
    if not (folder / "Package.swift").exists():
        folder.mkdir(exist_ok=True)
        archive = subprocess.Popen(["git", "-C", root, "archive", commit], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", folder], stdin=archive.stdout, check=True)
        if (root / ".deps").exists():
            (folder / ".deps").symlink_to(root / ".deps")
    return build(folder)


class Failure(Exception):
    pass


def until(what, question, limit=30):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        try:
            answer = question()
        except (OSError, http.client.HTTPException, Failure):
            answer = None
        if answer:
            return answer
        time.sleep(0.1)
    raise Failure(f"{what}: not within {limit} s")


class Walk:
    """One relay and one agent."""

    def __init__(self, relays, agents, folder):
        self.relays, self.agents, self.folder = relays, agents, pathlib.Path(folder)
        self.running, self.addresses = {}, ("127.0.0.1:0", "127.0.0.1:0")

    def admin(self, *words):
        done = subprocess.run(
            [self.relays / "homeline-relay", *words, "--data", self.folder / "relay"],
            capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"{words}: {done.stderr}")
        return done.stdout

    def start(self, name, program, *words):
        with open(self.folder / f"{name}.log", "a") as log:
            self.running[name] = subprocess.Popen(
                [program, *words], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={**os.environ, "HOME": str(self.folder)})

    def stop(self, name, number=signal.SIGTERM):
        process = self.running.pop(name)
        process.send_signal(number)
        code = process.wait(40)
        if number == signal.SIGTERM and code:
            raise Failure(f"{name} ended with {code}")

    def relay(self):
        mcp, tunnel = self.addresses
        self.start(
            "relay", self.relays / "homeline-relay", "serve", "--data", self.folder / "relay",
            "--mcp", mcp, "--tunnel", tunnel)
        status = until("the relay", lambda: json.loads(self.admin("status", "--json")))
        self.url = urllib.parse.urlsplit(status["mcp_url"])
        tunnel = urllib.parse.urlsplit(status["tunnel_url"])
        self.addresses = (f"127.0.0.1:{self.url.port}", f"127.0.0.1:{tunnel.port}")

    def agent(self):
        self.start("agent", self.agents / "homeline-agent", "run", "--data", self.folder / "agent")

    def call(self, tool, **arguments):
        params = {
            "name": tool, "arguments": arguments,
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        }
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=60)
        connection.request(
            "POST", self.url.path,
            json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}), {
                "Content-Type": "application/json",
                "Accept": "application/json, text/event-stream",
                "Authorization": f"Bearer {self.token}", "MCP-Protocol-Version": "2026-07-28",
                "Mcp-Method": "tools/call", "Mcp-Name": tool,
            })
        text = connection.getresponse().read().decode()
        connection.close()
        if text.startswith(("event:", "data:", ":")):
            text = [line for line in text.split("\n") if line.startswith("data:")][-1][5:]
        answer = json.loads(text)
        result = answer.get("result")
        if not result or result.get("isError"):
            raise Failure(f"{tool}: {text[:600]}")
        return result["structuredContent"]

    def online(self):
        until("the agent", lambda: any(
            agent["online"] for agent in self.call("agent_list")["agents"]))

    def expect(self, what, found, wanted):
        if found != wanted:
            raise Failure(f"{what}: {found!r} in place of {wanted!r}")
        print(f"    {what}")

    def run(self):
        self.relay()
        self.token = self.admin("tokens", "create", "walk", "--scopes", "admin").strip()
        words = self.admin("invite", "--name", "site").split()
        subprocess.run(
            [self.agents / "homeline-agent", "join", words[-1], "--data", self.folder / "agent"],
            check=True, capture_output=True)
        self.agent()
        self.online()
        print("    join")
        session = self.call("ssh_session_open", target="site/local")["session_id"]

        def command(code):
            return self.call("ssh_session_command", session_id=session, command=code)["output"]

        self.expect("session command", command("kept=1; echo $((6*7))"), "42\n")
        done = self.call("ssh_execute", target="site/local", command="echo one; exit 3")
        done = done["results"][0]
        self.expect("execute", (done["stdout"], done["exit_code"]), ("one\n", 3))
        self.call("ssh_session_command", session_id=session, command="sleep 0.3; echo late",
                  wait_s=0.05)
        time.sleep(0.6)
        read = self.call("ssh_session_read", session_id=session, wait_s=5)
        self.expect("read", "late" in read["output"], True)
        path = str(self.folder / "file")
        self.call("file_write", target="site/local", path=path, content="text\n")
        content = self.call("file_read", target="site/local", path=path)["content"]
        self.expect("file write and read", content, "text\n")
        self.expect("describe", self.call("agent_describe", agent="site")["agent"], "site")
        self.stop("relay")
        self.relay()
        self.online()
        self.expect("session after a restart of the relay", command("echo $kept"), "1\n")
        self.stop("relay", signal.SIGKILL)
        self.relay()
        # Earlier relays do not wait for an agent that is about to come back.
        self.online()
        self.expect("session after kill -9 of the relay", command("echo $kept"), "1\n")
        self.stop("agent")
        until("its absence", lambda: not self.call("agent_list", online=True)["agents"])
        self.agent()
        self.online()
        done = self.call("ssh_execute", target="site/local", command="echo again")["results"][0]
        self.expect("execute after a restart of the agent", done["stdout"], "again\n")
        self.stop("agent")
        self.stop("relay")


def main():
    commit = git("rev-parse", reference())
    former = old(commit)
    version = os.environ.get("HOMELINE_OLD") or commit[:9]
    present = pathlib.Path(os.environ.get("HOMELINE_NEW") or build(root))
    failed = False
    for name, relays, agents in [
        (f"old agent ({version}) + new relay", present, former),
        (f"new agent + old relay ({version})", former, present),
    ]:
        print(name, flush=True)
        folder = tempfile.mkdtemp(prefix="homeline-walk-")
        walk = Walk(relays, agents, folder)
        try:
            walk.run()
            shutil.rmtree(folder, ignore_errors=True)
        except (Failure, subprocess.SubprocessError, OSError) as error:
            failed = True
            print(f"    FAILED: {error}\n    logs: {folder}")
        finally:
            for process in walk.running.values():
                process.kill()
    sys.exit(failed)


main()
