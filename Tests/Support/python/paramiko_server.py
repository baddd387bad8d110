"""Paramiko as a server with commands and terminals of this machine, and files as files_server.py
has them. Lets one key or password in. Prints `listening PORT` when ready.
"""

import argparse
import fcntl
import os
import pty
import socket
import struct
import subprocess
import termios
import threading

import paramiko

from files_server import Files


class Door(paramiko.ServerInterface):
    """One connection."""

    def __init__(self):
        self.terminals = {}

    def get_allowed_auths(self, user):
        return "publickey,password"

    def check_auth_publickey(self, user, key):
        return self.judge(user, [key.get_name(), key.get_base64()] == public)

    def check_auth_password(self, user, password):
        return self.judge(user, password == options.password)

    def judge(self, user, right):
        right = right and user == options.user
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, number):
        if kind != "session":
            return paramiko.OPEN_FAILED_UNKNOWN_CHANNEL_TYPE
        return paramiko.OPEN_SUCCEEDED

    def check_channel_pty_request(self, channel, term, width, height, *more):
        self.terminals[channel.get_id()] = (term.decode(), width, height, pty.openpty())
        return True

    def check_channel_window_change_request(self, channel, width, height, *more):
        size(self.terminals[channel.get_id()][3][0], width, height)
        return True

    def check_channel_shell_request(self, channel):
        return self.start(channel, ["/bin/bash", "-l"])

    def check_channel_exec_request(self, channel, command):
        return self.start(channel, ["/bin/sh", "-c", command])

    def start(self, channel, words):
        terminal = self.terminals.get(channel.get_id())
        target = on_terminal if terminal else on_pipes
        run = threading.Thread(target=target, args=(channel, words, terminal), daemon=True)
        run.start()
        return True


def size(terminal, width, height):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))


def pump(read, write, end=lambda: None):
    def run():
        try:
            while data := read():
                write(data)
        except (OSError, ValueError):
            pass
        end()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def finish(channel, child, pumps):
    for one in pumps:
        one.join()
    channel.send_exit_status(child.wait())
    channel.close()


def on_pipes(channel, words, _):
    pipe = subprocess.PIPE
    child = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0)
    pump(lambda: channel.recv(32768), child.stdin.write, child.stdin.close)
    finish(channel, child, [
        pump(lambda: child.stdout.read(32768), channel.sendall),
        pump(lambda: child.stderr.read(32768), channel.sendall_stderr),
    ])


def on_terminal(channel, words, terminal):
    term, width, height, (master, slave) = terminal
    size(master, width, height)
    environment = dict(os.environ, TERM=term)
    child = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, env=environment,
                             start_new_session=True,
                             preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(slave)
    pump(lambda: channel.recv(32768), lambda data: os.write(master, data))
    finish(channel, child, [pump(lambda: os.read(master, 32768), channel.sendall)])
    os.close(master)


parser = argparse.ArgumentParser()
parser.add_argument("--host-key", required=True)
parser.add_argument("--public-key", required=True)
parser.add_argument("--user", required=True)
parser.add_argument("--password", required=True)
options = parser.parse_args()
with open(options.public_key) as file:
    public = file.read().split()[:2]
host_key = paramiko.Ed25519Key.from_private_key_file(options.host_key)
listener = socket.create_server(("127.0.0.1", 0))
print("listening", listener.getsockname()[1], flush=True)
kept = []
while True:
    client, _ = listener.accept()
    transport = paramiko.Transport(client)
    transport.add_server_key(host_key)
    transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Files)
    kept.append(transport)
    threading.Thread(
        target=lambda transport=transport: transport.start_server(server=Door()), daemon=True
    ).start()
