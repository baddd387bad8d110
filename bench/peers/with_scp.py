"""OpenSSH's `scp`, fresh for each file, as people use it."""

import subprocess

import peer

BASE = [
    "scp", "-q", "-F", "none", "-P", str(peer.PORT), "-i", peer.KEY,
    "-o", f"UserKnownHostsFile={peer.KNOWN}", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
]
there = f"{peer.USER}@{peer.HOST}:{peer.FILES}/"


def copy():
    names = (
        [there + "source", f"{peer.FILES}/scp"] if "get" in peer.ROW
        else [f"{peer.FILES}/source", there + "scp"]
    )
    subprocess.run(BASE + names, check=True)


peer.serve(copy)
