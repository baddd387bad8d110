"""Twisted Conch as its unix module has it: commands, terminals and SFTP as the user who runs it,
who must be root, as Conch sets the ids of each session. Lets one key or password in.
Prints `listening PORT` when ready.
"""

import argparse
import os
import warnings

warnings.filterwarnings("ignore")

from twisted.conch import unix
from twisted.conch.checkers import InMemorySSHKeyDB, SSHPublicKeyChecker
from twisted.conch.interfaces import ISFTPServer
from twisted.conch.ssh.factory import SSHFactory
from twisted.conch.ssh.keys import Key
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse as Passwords
from twisted.cred.portal import Portal
from twisted.internet import reactor
from twisted.python import components


class Files(unix.SFTPServerForUnixConchUser):
    """Conch's own, whose way to make a path absolute fails in Twisted 26.10."""

    def _absPath(self, path):
        return os.path.join(self.avatar.getHomeDir(), os.fsdecode(path))


parser = argparse.ArgumentParser()
parser.add_argument("--host-key", required=True)
parser.add_argument("--public-key", required=True)
parser.add_argument("--user", required=True)
parser.add_argument("--password", required=True)
options = parser.parse_args()

components.ALLOW_DUPLICATES = True  # replaces the one that unix registers
components.registerAdapter(Files, unix.UnixConchUser, ISFTPServer)
host, user = Key.fromFile(options.host_key), options.user.encode()
factory = SSHFactory()
factory.publicKeys = {host.sshType(): host.public()}
factory.privateKeys = {host.sshType(): host}
factory.portal = Portal(unix.UnixSSHRealm(), [
    SSHPublicKeyChecker(InMemorySSHKeyDB({user: [Key.fromFile(options.public_key)]})),
    Passwords(**{options.user: options.password.encode()}),
])
port = reactor.listenTCP(0, factory, interface="127.0.0.1")
print("listening", port.getHost().port, flush=True)
reactor.run()
