"""A file through Homeline to a client: from the target into the relay's drop-box by `file_transfer`,
and from there by HTTP, as a person does it with `curl`."""

import os
import subprocess

import endpoint
import peer


def copy():
    sent = endpoint.call("file_transfer", {
        "target": os.environ["PEER_TARGET"], "path": f"{peer.FILES}/source", "to_target": "relay",
        "wait_s": 50,
    })
    subprocess.run(["curl", "-sSf", "-o", f"{peer.FILES}/relay", sent["url"]], check=True)
    endpoint.call("file_drop", {"action": "delete", "name": "source"})


peer.serve(copy)
