"""Measures what others notice of a hostile agent and a hostile client: the time that another
principal's `agent_describe` of another agent takes beside each attack, against its quiet time.

    fairness.py PROGRAMS [--calls N] [--only TEXT] [--limit MS] [--check]

PROGRAMS is the folder of the release build (homeline-relay, homeline-agent, homeline-bench). The
hostile ones run at low priority, so that on a small machine the figure is the relay's and not the
scheduler's. With --check the exit code is 1 when an attack delays a call by more than the limit.
It ends only what it started.
"""
import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from multiprocessing import Process

MIB = 1 << 20


def request(port, token, tool, arguments, method="tools/call"):
    """The bytes of a call; `arguments` is JSON text."""
    meta = (b'"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
            b'"io.modelcontextprotocol/clientCapabilities":{}}')
    params = b'"name":"%s","arguments":%s,' % (tool.encode(), arguments) if tool else b""
    body = (b'{"jsonrpc":"2.0","id":1,"method":"%s","params":{%s%s}}'
            % (method.encode(), params, meta))
    head = (
        f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
        f"MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\n")
    if tool:
        head += f"Mcp-Name: {tool}\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


class Client:
    """One connection, whose replies are read to their end."""

    def __init__(self, port):
        self.port, self.socket, self.buffer = port, None, bytearray()

    def send(self, data):
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.buffer.clear()
        self.socket.sendall(data)

    def more(self):
        piece = self.socket.recv(1 << 18)
        if not piece:
            raise ConnectionError("closed")
        self.buffer += piece

    def reply(self):
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            self.more()
        head = bytes(self.buffer[:end]).lower()
        del self.buffer[:end + 4]
        if b"content-length: " in head:
            length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            kept = bytes(self.buffer[:min(length, 2000)])
            while length > len(self.buffer):
                length -= len(self.buffer)
                self.buffer.clear()
                self.more()
                kept = kept or bytes(self.buffer[:2000])
            del self.buffer[:length]
        else:
            while not self.buffer.endswith(b"0\r\n\r\n"):
                if len(self.buffer) > MIB:
                    del self.buffer[:-5]
                self.more()
            kept = bytes(self.buffer[:2000])
            self.buffer.clear()
        if b"connection: close" in head:
            self.close()
        return head[9:12], kept

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None


def attack(port, data, replies, pause):
    """Repeats a request, or a pipeline of them, until the process is ended."""
    os.nice(10)
    client = Client(port)
    while True:
        try:
            client.send(data)
            for _ in range(replies):
                client.reply()
        except OSError:
            client.close()
        time.sleep(pause)


def fill(size, piece, opening=b"[", closing=b"]", comma=b","):
    count = (size - 2) // (len(piece) + len(comma))
    return opening + comma.join([piece] * count) + closing


def attacks(port, token):
    """Each attack: its name, the hostile agent's kind of reply, and the requests."""
    def call(tool, arguments, **more):
        return request(port, token, tool, arguments, **more)

    bad = b'{"agent":"bad"}'
    file = b'{"target":"bad/local","path":"/x"}'
    for kind in ["members", "entries", "strings", "lists", "nested", "escapes", "blob"]:
        yield f"agent: {kind}, agent_describe", kind, [(call("agent_describe", bad), 1)] * 4
        yield f"agent: {kind}, target_list", kind, [(call("target_list", b"{}"), 1)] * 4
        yield f"agent: {kind}, file_read", kind, [(call("file_read", file), 1)] * 4
        yield f"agent: {kind}, ssh_session_list", kind, [(call("ssh_session_list", b"{}"), 1)] * 4
    room = 4 * MIB - 2000
    write = b'{"target":"bad/local","path":"/x","content":'
    deep = b"[" * 100 + b"]" * 100
    for name, value in [
        ("nested lists", fill(room, deep)), ("small values", fill(room, b"1")),
        ("empty lists", fill(room, b"[]")),
        ("members", b"{%s}" % b",".join(b'"a%d":1' % n for n in range(400_000))),
        ("escapes", fill(room, b"\\u0001", b'"', b'"', b"")),
        ("plain text", fill(room, b"x" * 64, b'"', b'"', b"")),
    ]:
        data = call("file_write", write + value + b"}")
        yield f"client: 4 MiB of {name}", "empty", [(data, 1)] * 4
    small = call("agent_list", b"{}")
    yield "client: 100,000 calls in a pipeline", "empty", [(small * 100_000, 100_000)] * 2
    tools = call(None, b"", method="tools/list")
    yield "client: the longest list", "empty", [(tools * 50, 50)] * 4


class Place:
    """A relay, the agent `good`, and the hostile agent `bad`."""

    def __init__(self, programs, folder):
        self.programs, self.folder, self.processes = programs, folder, []
        self.data, self.kind = f"{folder}/relay", f"{folder}/kind"
        self.log = open(f"{folder}/log", "wb")
        self.set("empty")
        self.start("homeline-relay", "serve", "--data", self.data, "--mcp", "127.0.0.1:0",
                   "--tunnel", "127.0.0.1:0")
        self.until(lambda: "mcp_url" in self.run(
            "homeline-relay", "status", "--json", "--data", self.data))
        status = json.loads(self.run("homeline-relay", "status", "--json", "--data", self.data))
        self.port = int(status["mcp_url"].split(":")[2].split("/")[0])
        self.run("homeline-agent", "join", self.invite("good"), "--data", f"{folder}/good")
        self.start("homeline-agent", "run", "--data", f"{folder}/good")
        self.start("homeline-bench", "hostile-agent", self.invite("bad"), self.kind, low=True)
        self.until(lambda: self.run("homeline-relay", "agents", "--json", "--data", self.data)
                   .replace(" ", "").count('"online":true') == 2)

    def run(self, program, *words):
        done = subprocess.run([f"{self.programs}/{program}", *words], capture_output=True,
                              text=True, timeout=30)
        return done.stdout

    def start(self, program, *words, low=False):
        self.processes.append(subprocess.Popen(
            [f"{self.programs}/{program}", *words], stdout=self.log, stderr=self.log,
            preexec_fn=(lambda: os.nice(10)) if low else None))

    def invite(self, name):
        text = self.run("homeline-relay", "invite", "--name", name, "--data", self.data)
        return next(word for word in text.split() if word.startswith("hl1."))

    def token(self, name):
        return self.run("homeline-relay", "tokens", "create", name, "--scopes", "admin",
                        "--data", self.data).strip()

    def set(self, kind):
        with open(self.kind, "w") as file:
            file.write(kind + "\n")

    @staticmethod
    def until(condition):
        for _ in range(200):
            if condition():
                return
            time.sleep(0.05)
        raise RuntimeError("the relay or an agent does not come up")

    def resident(self):
        with open(f"/proc/{self.processes[0].pid}/status") as file:
            return next(int(line.split()[1]) // 1024 for line in file if "VmRSS" in line)

    def close(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait(10)


def probe(client, data, count):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        client.send(data)
        status, body = client.reply()
        times.append((time.perf_counter() - start) * 1000)
        if status != b"200" or b'"isError":true' in body:
            raise RuntimeError(f"the other principal's call failed: {status} {body[:300]}")
        time.sleep(0.002)
    return times


def show(name, times, quiet, limit, resident):
    top = max(times)
    held = top - quiet <= limit
    print(f"{name:40} {statistics.median(times):8.2f} {sorted(times)[int(len(times) * .99)]:8.2f}"
          f" {top:8.2f} ms   {'held' if held else 'MISSED'}   {resident} MiB", flush=True)
    return held


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--only", default="")
    parser.add_argument("--limit", type=float, default=50)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        place = Place(os.path.abspath(options.programs), folder)
        try:
            other, hostile = place.token("other"), place.token("hostile")
            client = Client(place.port)
            data = request(place.port, other, "agent_describe", b'{"agent":"good"}')
            probe(client, data, 20)
            quiet = statistics.median(probe(client, data, options.calls))
            print(f"{'agent_describe of another agent':40}   median      p99      max")
            print(f"{'quiet':40} {quiet:8.2f}", flush=True)
            for name, kind, requests in attacks(place.port, hostile):
                if options.only not in name:
                    continue
                place.set(kind)
                crowd = [Process(target=attack, args=(place.port, *one, 0), daemon=True)
                         for one in requests]
                for one in crowd:
                    one.start()
                try:
                    time.sleep(1)
                    times = probe(client, data, options.calls)
                finally:
                    for one in crowd:
                        one.kill()
                        one.join()
                if not show(name, times, quiet, options.limit, place.resident()):
                    missed.append(name)
                probe(client, data, 3)
        finally:
            place.close()
    if missed:
        print("\nNot held: " + "; ".join(missed), file=sys.stderr)
    return 1 if missed and options.check else 0


sys.exit(main())
