"""paramiko: a terminal with bash and a marker, `exec_command`, a fresh connection."""

import paramiko

import peer


def connect(by=None):
    client = paramiko.SSHClient()
    client.load_host_keys(peer.KNOWN)
    client.connect(
        peer.HOST, peer.PORT, peer.USER, key_filename=peer.KEY, allow_agent=False,
        look_for_keys=False, sock=by,
    )
    return client


def run(client, count=1):
    for _, out, _ in [client.exec_command("true") for _ in range(count)]:
        out.read()
        assert out.channel.recv_exit_status() == 0


def cold():
    client = connect()
    run(client)
    client.close()


def session(client):
    shell = client.invoke_shell(term="dumb")

    def until(end):
        seen = b""
        while not seen.endswith(end):
            seen += shell.recv(65536)

    def operation():
        shell.sendall(b"echo hi; printf '\\033]end;%s\\a' $?\n")
        until(b"\x07")

    shell.sendall(b"PS1=; stty -echo; printf '\\033]end;%s\\a' $?\n")
    until(b"end;0\x07")
    operation()
    return operation


if peer.ROW == "cold":
    peer.serve(cold)
else:
    link = connect()
    if peer.ROW == "exec":
        peer.serve(lambda: run(link))
    elif peer.ROW.startswith("file-"):
        files = link.open_sftp()
        copy = files.get if peer.ROW == "file-get" else files.put
        peer.serve(lambda: copy(f"{peer.FILES}/source", f"{peer.FILES}/paramiko"))
    elif peer.ROW == "channels":
        peer.serve(lambda: run(link, 8))
    elif peer.ROW == "jump":
        place = (peer.HOST, peer.PORT)
        inner = connect(link.get_transport().open_channel("direct-tcpip", place, place))
        peer.serve(lambda: run(inner))
        inner.close()
    else:
        peer.serve(session(link))
    link.close()
