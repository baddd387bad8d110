"""An SSH server with SFTP alone, of the kinds that sshd's own sftp-server is not.

`resolving` is asyncssh as it is; `lexical` is asyncssh with a REALPATH that follows no links, like
Go's pkg/sftp; `paramiko` is paramiko, whose REALPATH is lexical and whose lists show what links
lead to; `hostile` is asyncssh that lists names which no file can have, `endless` one that lists
`.` for ever, `modeless` one that reports no modes, `huge` one whose files have the size 2**64 - 1.
Prints `listening PORT` when ready, and then
`asked REQUEST PATH` for each request of asyncssh on a path.
"""

import argparse
import asyncio
import os
import posixpath
import socket
import threading

import asyncssh
import paramiko


class Server(asyncssh.SSHServer):
    def __init__(self, keys):
        self.keys = keys

    def begin_auth(self, username):
        return True

    def public_key_auth_supported(self):
        return True

    def validate_public_key(self, username, key):
        return key.export_public_key().split()[:2] in self.keys


def reported(request):
    def ask(self, path, *more):
        print("asked", request, path.decode(errors="replace"), flush=True)
        return getattr(asyncssh.SFTPServer, request)(self, path, *more)

    return ask


class Resolving(asyncssh.SFTPServer):
    realpath = reported("realpath")
    stat = reported("stat")
    lstat = reported("lstat")
    readlink = reported("readlink")
    open = reported("open")


class Lexical(Resolving):
    def realpath(self, path):
        print("asked realpath", path.decode(errors="replace"), flush=True)
        return posixpath.normpath(posixpath.join(os.getcwd().encode(), path))


class Hostile(Lexical):
    names = [b"", b"../../etc/passwd", b"/etc/shadow", b"a/b", b"nul\0.txt", b"bell\a", b"li\nne"]
    names += [b"esc\x1b[2J", b"del\x7f", b"c1\xc2\x9b", b".", b"..", b"x" * 5000, b"good"]

    async def scandir(self, path):
        for name in self.names:
            # Claims that each is a folder, so that a client enters it.
            is_file = name == b"good"
            attrs = asyncssh.SFTPAttrs(permissions=0o100644 if is_file else 0o040755, size=1)
            yield asyncssh.SFTPName(name, longname=b"-", attrs=attrs)


class Endless(Lexical):
    async def scandir(self, path):
        while True:
            attrs = asyncssh.SFTPAttrs(permissions=0o040755)
            yield asyncssh.SFTPName(b".", longname=b".", attrs=attrs)


class Modeless(Lexical):
    def lstat(self, path):
        return asyncssh.SFTPAttrs(size=os.lstat(path).st_size)


class Huge(Lexical):
    def stat(self, path):
        return asyncssh.SFTPAttrs(size=2**64 - 1, permissions=0o100644)

    lstat = fstat = stat


class Handle(paramiko.SFTPHandle):
    def stat(self):
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))

    def chattr(self, attr):
        paramiko.SFTPServer.set_file_attr(self.filename, attr)
        return paramiko.SFTP_OK


class Files(paramiko.SFTPServerInterface):
    """The machine's files, as paramiko's own example serves them."""

    def list_folder(self, path):
        def entries():
            for name in os.listdir(path):
                full = os.path.join(path, name)
                found = os.stat(full) if os.path.exists(full) else os.lstat(full)
                yield paramiko.SFTPAttributes.from_stat(found, name)

        return self.answer(lambda: list(entries()))

    def stat(self, path):
        return self.answer(lambda: paramiko.SFTPAttributes.from_stat(os.stat(path)))

    def lstat(self, path):
        return self.answer(lambda: paramiko.SFTPAttributes.from_stat(os.lstat(path)))

    def readlink(self, path):
        return self.answer(lambda: os.readlink(path))

    def mkdir(self, path, attr):
        return self.answer(lambda: os.mkdir(path) or paramiko.SFTP_OK)

    def remove(self, path):
        return self.answer(lambda: os.remove(path) or paramiko.SFTP_OK)

    def open(self, path, flags, attr):
        def opened():
            file = os.fdopen(os.open(path, flags, 0o644), "rb" if flags & 3 == 0 else "wb")
            handle = Handle(flags)
            handle.filename, handle.readfile, handle.writefile = path, file, file
            return handle

        return self.answer(opened)

    def answer(self, body):
        try:
            return body()
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)


class Door(paramiko.ServerInterface):
    def __init__(self, keys):
        self.keys = keys

    def check_auth_publickey(self, username, key):
        known = [key.get_name().encode(), key.get_base64().encode()] in self.keys
        return paramiko.AUTH_SUCCESSFUL if known else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username):
        return "publickey"

    def check_channel_request(self, kind, number):
        return paramiko.OPEN_SUCCEEDED


def serve_paramiko(host_key, keys):
    listener = socket.create_server(("127.0.0.1", 0))
    print("listening", listener.getsockname()[1], flush=True)
    key = paramiko.Ed25519Key.from_private_key_file(host_key)
    while True:
        client, _ = listener.accept()
        transport = paramiko.Transport(client)
        transport.add_server_key(key)
        transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Files)
        threading.Thread(
            target=lambda: transport.start_server(server=Door(keys)), daemon=True
        ).start()


async def serve_asyncssh(host_key, keys, files):
    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: Server(keys),
        server_host_keys=[host_key],
        sftp_factory=files,
        sftp_version=3,
    )
    print("listening", listener.get_port(), flush=True)
    await listener.wait_closed()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host-key", required=True)
    parser.add_argument("--public-key", required=True)
    parser.add_argument("--kind", required=True)
    options = parser.parse_args()
    with open(options.public_key, "rb") as file:
        known = [file.read().split()[:2]]
    if options.kind == "paramiko":
        serve_paramiko(options.host_key, known)
    else:
        kinds = {
            "resolving": Resolving,
            "lexical": Lexical,
            "hostile": Hostile,
            "endless": Endless,
            "modeless": Modeless,
            "huge": Huge,
        }
        asyncio.run(serve_asyncssh(options.host_key, known, kinds[options.kind]))


if __name__ == "__main__":
    main()
