"""Listens on a loopback port and gives each connection to a program as its standard streams, as
inetd does: `inetd.py PROGRAM ARGUMENT...`. Prints `listening PORT` when ready.
"""

import os
import signal
import socket
import sys

listener = socket.create_server(("127.0.0.1", 0))
print("listening", listener.getsockname()[1], flush=True)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
while True:
    connection, _ = listener.accept()
    if os.fork() == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(connection.fileno(), 0)
        os.dup2(connection.fileno(), 1)
        os.execv(sys.argv[1], sys.argv[1:])
    connection.close()
