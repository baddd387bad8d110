"""An SSH server (asyncssh) that asks for a password or a keyboard-interactive answer.

sshd itself can only check passwords of system accounts, and tests add none. Commands run in
/bin/sh; a request for a terminal gets bash on a real one. Prints `listening PORT` when ready.
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
    def __init__(self, user, password, interactive):
        self.user, self.password, self.interactive = user, password, interactive

    def begin_auth(self, username):
        return True

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
    await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
    code = await child.wait()
    await process.stdout.drain()
    process.exit(code if code >= 0 else 128 - code)


async def run_terminal(process):
    child, master = pty.fork()
    if child == 0:
        os.environ["TERM"] = process.term_type or "dumb"
        os.execv("/bin/bash", ["-bash"])
    width, height, *_ = process.term_size
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", height or 24, width or 80, 0, 0))
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
        while data := await process.stdin.read(65536):
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
    parser.add_argument("--interactive", action="store_true")
    options = parser.parse_args()
    if options.password_file:
        with open(options.password_file) as file:
            options.password = file.read().strip()
    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: Server(options.user, options.password, options.interactive),
        server_host_keys=[options.host_key],
        process_factory=handle,
        encoding=None,
        line_editor=False,
    )
    print("listening", listener.get_port(), flush=True)
    await listener.wait_closed()


asyncio.run(main())
