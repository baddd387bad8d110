"""Hostile SSH servers, one port for each behaviour. `ssh_server.py HOST_KEY` prints a line
`NAME PORT` for each, then `ready`, then `connected NAME` for each connection. Whoever logs in, does
so with any key.
"""
import asyncio
import os
import struct
import sys

import asyncssh
from asyncssh.packet import Boolean, String, UInt32

VERSION = b"SSH-2.0-OpenSSH_9.9\r\n"


def packet(payload):
    """An SSH packet before any key is agreed on."""
    padding = 8 - (len(payload) + 5) % 8
    padding += 8 if padding < 4 else 0
    return struct.pack(">IB", len(payload) + padding + 1, padding) + payload + bytes(padding)


def kexinit(exchange=b"curve25519-sha256"):
    lists = [exchange, b"ssh-ed25519", b"aes128-ctr", b"aes128-ctr", b"hmac-sha2-256",
             b"hmac-sha2-256", b"none", b"none", b"", b""]
    return b"\x14" + os.urandom(16) + b"".join(struct.pack(">I", len(x)) + x for x in lists) + bytes(5)


async def endless(writer, first, piece):
    writer.write(first)
    while True:
        writer.write(piece)
        await writer.drain()


async def silent(writer):
    await asyncio.sleep(3600)


async def huge_group(writer):
    """A key exchange with a group of 16,384 bits, which takes seconds."""
    writer.write(VERSION + packet(kexinit(b"diffie-hellman-group-exchange-sha256")))
    await asyncio.sleep(0.2)
    prime = b"\0" + b"\xff" * 2048
    writer.write(packet(b"\x1f" + struct.pack(">I", len(prime)) + prime + struct.pack(">I", 1) + b"\2"))
    await asyncio.sleep(3600)


async def slow(writer):
    for byte in b"SSH-2.0-" + b"a" * 100000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.2)

RAW = {
    "banner": lambda w: endless(w, b"", b"a line before the version\r\n" * 100),
    "long-line": lambda w: endless(w, b"", b"a" * 4096),
    "version": lambda w: endless(w, b"SSH-2.0-", b"a" * 4096),
    "nul": lambda w: endless(w, b"", bytes(4096)),
    "silent": silent,
    "slow": slow,
    "huge-group": huge_group,
    "huge-packet": lambda w: endless(w, VERSION + struct.pack(">IB", 0x7FFFFFFF, 4), bytes(4096)),
    "large-packet": lambda w: endless(w, VERSION, struct.pack(">IB", 256 * 1024, 4) + bytes(256 * 1024)),
    "empty-packets": lambda w: endless(w, VERSION, bytes(4096)),
    "garbage": lambda w: endless(w, VERSION, os.urandom(4096)),
    "kexinit": lambda w: endless(w, VERSION, packet(kexinit()) * 10),
    "ignore": lambda w: endless(w, VERSION, packet(b"\x02" + struct.pack(">I", 1000) + bytes(1000)) * 10),
    "debug": lambda w: endless(w, VERSION + packet(kexinit()), packet(b"\x04\x01" + struct.pack(">I", 9)
                               + b"\x1b[2Jhello" + bytes(4)) * 100),
    "disconnect": lambda w: endless(w, VERSION, packet(b"\x01" + struct.pack(">II", 2, 30000) + b"\x1b" * 30000
                                    + bytes(4))),
}


class Open(asyncssh.SSHServer):
    """Lets every key in."""

    def begin_auth(self, username):
        return True

    def public_key_auth_supported(self):
        return True

    def validate_public_key(self, username, key):
        return True


class Prompts(asyncssh.SSHServer):
    """Asks without end."""

    def begin_auth(self, username):
        return True

    def kbdint_auth_supported(self):
        return True

    def get_kbdint_challenge(self, username, lang, submethods):
        return "", "x" * 20000, "", [("Password: ", False)] * 200

    def validate_kbdint_response(self, username, responses):
        return "", "again", "", [("Password: ", False)]


class Banners(Open):
    def connection_made(self, conn):
        self.conn = conn

    def begin_auth(self, username):
        for _ in range(300):
            self.conn.send_auth_banner("\x1b[2J" + "x" * 30000)
        return True


async def pour(process, stream, data):
    while True:
        stream.write(data)
        await stream.drain()


async def flood(process, *request):
    channel = process.channel
    while True:
        for _ in range(100):
            channel._send_request(*request)
        await asyncio.sleep(0)


async def windows(process):
    channel = process.channel
    while True:
        for _ in range(100):
            channel.send_packet(93, UInt32(0x7FFFFFFF))
        await asyncio.sleep(0)


async def globals_(process):
    connection = process.channel.get_connection()
    while True:
        for _ in range(100):
            connection.send_packet(80, String("keepalive@openssh.com"), Boolean(True))
        await asyncio.sleep(0)


async def channels(process):
    connection = process.channel.get_connection()
    number = 1000
    while True:
        for _ in range(100):
            number += 1
            connection.send_packet(90, String("forwarded-tcpip"), UInt32(number), UInt32(1 << 21),
                                   UInt32(1 << 15), String("x"), UInt32(1), String("y"), UInt32(2))
        await asyncio.sleep(0)


async def unasked(process):
    """Messages that nobody asked for, which a client may keep for ever."""
    connection = process.channel.get_connection()
    while True:
        for kind in (51, 53, 61, 81, 91, 99, 100, 192):
            connection.send_packet(kind, String("x" * 30000))
        await asyncio.sleep(0)


async def rekeys(process):
    connection = process.channel.get_connection()
    while True:
        connection._send_kexinit()
        await asyncio.sleep(0.001)


async def honest(process):
    """What a login is for: a test that sees this knows that its logins succeed."""
    process.stdout.write(b"an honest answer\n")
    process.exit(0)

LOGGED_IN = {
    "honest": honest,
    "stdout": lambda p: pour(p, p.stdout, b"x" * 60000),
    "stderr": lambda p: pour(p, p.stderr, b"x" * 60000),
    "escapes": lambda p: pour(p, p.stdout, b"\x1b]0;" + b"x" * 60000),
    "exit-status": lambda p: flood(p, b"exit-status", UInt32(0)),
    "exit-signal": lambda p: flood(p, b"exit-signal", String("x" * 30000), Boolean(False), String(""), String("")),
    "requests": lambda p: flood(p, b"x" * 1000),
    "windows": windows,
    "globals": globals_,
    "channels": channels,
    "rekeys": rekeys,
    "unasked": unasked,
}


def named(base, name):
    """A factory of servers that print each connection."""
    class Named(base):
        def connection_made(self, conn):
            print("connected", name, flush=True)
            super().connection_made(conn)
    return Named


async def main():
    key = sys.argv[1]
    for name, act in RAW.items():
        async def serve(reader, writer, act=act, name=name):
            print("connected", name, flush=True)
            async def read():
                while await reader.read(65536):
                    pass
            task = asyncio.ensure_future(read())
            try:
                await act(writer)
            except (OSError, asyncio.CancelledError):
                pass
            task.cancel()
            writer.close()
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        print(name, server.sockets[0].getsockname()[1])
    for name, act in LOGGED_IN.items():
        async def run(process, act=act):
            try:
                await act(process)
            except (OSError, asyncssh.Error, AttributeError):
                pass
        server = await asyncssh.listen("127.0.0.1", 0, server_factory=named(Open, name),
                                       server_host_keys=[key],
                                       process_factory=run, encoding=None)
        print(name, server.get_port())
    async def exchange(process):
        await rekeys(process)
    server = await asyncssh.listen("127.0.0.1", 0, server_factory=named(Open, "slow-rekeys"),
                                   server_host_keys=[key], process_factory=exchange, encoding=None,
                                   kex_algs=["diffie-hellman-group16-sha512"])
    print("slow-rekeys", server.get_port())
    for name, factory in (("prompts", Prompts), ("auth-banners", Banners)):
        server = await asyncssh.listen("127.0.0.1", 0, server_factory=named(factory, name),
                                       server_host_keys=[key])
        print(name, server.get_port())
    print("ready", flush=True)
    await asyncio.sleep(3600)

asyncio.run(main())
