"""OpenSSH's `ssh`: over a ControlMaster (session and exec are the same there), or fresh (cold)."""

import shlex
import subprocess
import tempfile

import peer

BASE = [
    "ssh", "-F", "none", "-p", str(peer.PORT), "-l", peer.USER, "-i", peer.KEY,
    "-o", f"UserKnownHostsFile={peer.KNOWN}", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
]


def copy(control):
    """Starts `sftp` over the master, which has the connection."""
    get = peer.ROW == "file-get"
    line = f"get {peer.FILES}/source {peer.FILES}/ssh" if get else f"put {peer.FILES}/source {peer.FILES}/ssh"
    options = ["-o" + word for word in control if word != "-o"]
    command = ["sftp", "-q", "-b", "-", "-F", "none", "-P", str(peer.PORT), *options]
    subprocess.run(
        [*command, f"{peer.USER}@{peer.HOST}"], check=True, input=line, text=True,
        stdout=subprocess.DEVNULL,
    )


def main():
    if peer.ROW == "cold":
        return peer.serve(lambda: subprocess.run(BASE + [peer.HOST, "true"], check=True))
    with tempfile.TemporaryDirectory() as folder:
        control = ["-o", f"ControlPath={folder}/master"]
        if peer.ROW == "jump":
            by = shlex.join([*BASE, "-W", f"{peer.HOST}:{peer.PORT}", peer.HOST])
            control += ["-o", f"ProxyCommand={by}"]
        keep = ["-o", "ControlMaster=yes", "-o", "ControlPersist=no", "-N"]
        master = subprocess.Popen(BASE + control + keep + [peer.HOST], stdin=subprocess.DEVNULL)
        try:
            check = BASE + control + ["-O", "check", peer.HOST]
            while subprocess.run(check, capture_output=True).returncode:
                assert master.poll() is None, "the master ended"
            command = "echo hi" if peer.ROW == "session" else "true"
            if peer.ROW.startswith("file-"):
                return peer.serve(lambda: copy(control))
            count = 8 if peer.ROW == "channels" else 1

            def operation():
                started = [
                    subprocess.Popen(
                        BASE + control + [peer.HOST, command], stdout=subprocess.DEVNULL,
                        stdin=subprocess.DEVNULL,
                    )
                    for _ in range(count)
                ]
                assert not any([process.wait() for process in started]), "a command failed"

            peer.serve(operation)
        finally:
            master.terminate()
            master.wait()


main()
