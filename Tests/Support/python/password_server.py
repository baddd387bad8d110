"""An SSH server (asyncssh) that takes a key, a password or keyboard-interactive answers.

sshd itself can only check passwords of system accounts, and tests add none. Commands run in
/bin/sh; a request for a terminal gets bash on a real one; SFTP serves this machine's files.
Prints `listening PORT` when ready.
"""

import argparse
import asyncio
import os
import pty
import struct
import fcntl
import termios

import asyncssh


class Server(asyncssh.SSHServer):
    def __init__(self, options, key):
        self.user, self.password, self.interactive = options.user, options.password, options.interactive
        self.key = key

    def begin_auth(self, username):
        return True

    def public_key_auth_supported(self):
        return self.key is not None

    def validate_public_key(self, username, key):
        return username == self.user and key == self.key

    def password_auth_supported(self):
        return not self.interactive

    def validate_password(self, username, password):
        return username == self.user and password == self.password

    def kbdint_auth_supported(self):
        return self.interactive

    def get_kbdint_challenge(self, username, lang, submethods):
        return "", "", "", [("Password: ", False), ("Code: ", True)]

    def validate_kbdint_response(self, username, responses):
        return username == self.user and responses == [self.password, "123456"]


async def run_command(process):
    child = await asyncio.create_subprocess_shell(
        process.command, stdin=-1, stdout=-1, stderr=-1, start_new_session=True
    )

    async def typed():
        while data := await process.stdin.read(65536):
            child.stdin.write(data)
            await child.stdin.drain()
        child.stdin.close()

    async def pump(source, sink):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()

    # Not by asyncssh's redirect, which reads twice at once when a client's window fills (2.24).
    typing = asyncio.ensure_future(typed())
    await asyncio.gather(pump(child.stdout, process.stdout), pump(child.stderr, process.stderr))
    code = await child.wait()
    typing.cancel()
    await process.stdout.drain()
    process.exit(code if code >= 0 else 128 - code)


async def run_terminal(process):
    child, master = pty.fork()
    if child == 0:
        os.environ["TERM"] = process.term_type or "dumb"
        if process.command:
            os.execv("/bin/sh", ["sh", "-c", process.command])
        os.execv("/bin/bash", ["-bash"])

    def resize(width, height):
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", height or 24, width or 80, 0, 0))

    width, height, *_ = process.term_size
    resize(width, height)
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def readable():
        try:
            data = os.read(master, 65536)
        except OSError:
            data = b""
        if data:
            process.stdout.write(data)
        else:
            loop.remove_reader(master)
            ended.done() or ended.set_result(None)

    async def typed():
        while True:
            try:
                if not (data := await process.stdin.read(65536)):
                    return
            except asyncssh.TerminalSizeChanged as size:
                resize(size.width, size.height)
                continue
            os.write(master, data)

    loop.add_reader(master, readable)
    typing = asyncio.ensure_future(typed())
    await ended
    typing.cancel()
    _, status = os.waitpid(child, 0)
    process.exit(os.waitstatus_to_exitcode(status))


async def handle(process):
    try:
        await (run_terminal(process) if process.term_type else run_command(process))
    except asyncssh.BreakReceived:
        process.exit(130)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host-key", required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--password")
    parser.add_argument("--password-file")
    parser.add_argument("--public-key")
    parser.add_argument("--interactive", action="store_true")
    options = parser.parse_args()
    if options.password_file:
        with open(options.password_file) as file:
            options.password = file.read().strip()
    key = asyncssh.read_public_key(options.public_key) if options.public_key else None
    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: Server(options, key),
        sftp_factory=True,
        server_host_keys=[options.host_key],
        process_factory=handle,
        encoding=None,
        line_editor=False,
    )
    print("listening", listener.get_port(), flush=True)
    await listener.wait_closed()


asyncio.run(main())
