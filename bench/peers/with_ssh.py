"""OpenSSH's `ssh`: over a ControlMaster (session and exec are the same there), or fresh (cold)."""

import shlex
import subprocess
import tempfile

import peer

BASE = [
    "ssh", "-F", "none", "-p", str(peer.PORT), "-l", peer.USER, "-i", peer.KEY,
    "-o", f"UserKnownHostsFile={peer.KNOWN}", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
]


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
