"""Where the peers are measured: a real sshd, a relay and a joined agent on this machine."""

import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

SHELLS = ["bash", "dash", "zsh", "fish"]  # each gets a port of the sshd, and a target
# Names of the one sshd; each gets its own link, in the rows `cold` and `many` (100 hosts at once).
COLD, MANY = 60, 400
FAR = 20  # ms, the round trip to the same sshd through PEER_FAR_PORT


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Place:
    """A relay and an agent of the programs, and an sshd: its own one, or that of `beside`."""

    def __init__(self, programs, beside=None):
        self.programs = programs
        self.beside = beside
        self.folder = tempfile.mkdtemp(prefix="homeline-bench-")
        self.running = []
        self.files = None
        self.environment = dict(os.environ)

    def __enter__(self):
        try:
            if self.beside:
                self.ssh_config, self.known_hosts = self.beside.ssh_config, self.beside.known_hosts
                self.environment |= self.beside.environment
            else:
                self.start_sshd()
            if self.programs:
                self.start_homeline()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for process in reversed(self.running):
            process.terminate()
        for process in self.running:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.files:
            shutil.rmtree(self.files, ignore_errors=True)

    def file(self, name, text=None):
        path = os.path.join(self.folder, name)
        if text is not None:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(text)
        return path

    def start(self, command, ready):
        log = open(self.file(f"log{len(self.running)}", ""), "w")
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.running.append(process)
        for _ in range(400):
            if ready():
                return
            if process.poll() is not None:
                break
            time.sleep(0.05)
        raise SystemExit(f"{command[0]} did not start: {open(log.name).read()[-2000:]}")

    def start_sshd(self):
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        for name in ("host", "key"):
            subprocess.run(
                ["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", self.file(name)], check=True
            )
        port, far = free_port(), free_port()
        public = open(self.file("key.pub")).read()
        host = " ".join(open(self.file("host.pub")).read().split()[:2])
        known = self.known_hosts = self.file(
            "known_hosts", f"[127.0.0.1]:{port},[127.0.0.1]:{far},cold*,many*,jumped,shell-* {host}\n"
        )
        shells = {name: free_port() for name in SHELLS if shutil.which(name)}
        self.file(".zshrc", "")  # or zsh asks its first-run questions
        config = self.file(
            "sshd_config",
            f"Port {port}\nListenAddress 127.0.0.1\nPidFile none\nHostKey {self.file('host')}\n"
            f"AuthorizedKeysFile {self.file('authorized_keys', public)}\nStrictModes no\n"
            "UsePAM no\nPermitRootLogin yes\nMaxStartups 500:30:1000\nPrintMotd no\n"
            # An empty home: else the shell's start-up files would be most of every figure.
            f"SetEnv HOME={self.folder}\nSubsystem sftp internal-sftp\n"
            + "".join(f"Port {number}\n" for number in shells.values())
            + "".join(self.shell_match(name, number) for name, number in shells.items()),
        )
        user = getpass.getuser()
        sshd = shutil.which("sshd", path="/usr/sbin:/sbin:" + os.environ.get("PATH", ""))

        def answers():
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                return False

        self.start([sshd, "-D", "-e", "-f", config], answers)
        delay = os.path.join(os.path.dirname(os.path.abspath(__file__)), "delay.py")
        self.start([sys.executable, delay, str(far), str(port), str(FAR)], lambda: True)
        # In memory, so that no disk is measured; 256 MiB that no compression shrinks.
        memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
        self.files = tempfile.mkdtemp(prefix="homeline-bench-", dir=memory)
        with open(os.path.join(self.files, "source"), "wb") as source:
            for _ in range(256):
                source.write(os.urandom(1 << 20))
        self.environment |= {
            "PEER_FILES": self.files,
            "PEER_HOST": "127.0.0.1", "PEER_PORT": str(port), "PEER_FAR_PORT": str(far),
            "PEER_USER": user,
            "PEER_KEY": self.file("key"), "PEER_KNOWN_HOSTS": known,
        }
        # With its own host key alias, a name is a separate target.
        names = ["bench"] + [f"cold{number}" for number in range(COLD)]
        names += [f"many{number}" for number in range(MANY)]
        self.ssh_config = self.file(
            "ssh_config",
            "".join(f"Host {name}\n HostKeyAlias {name}\n" for name in names[1:])
            + "".join(
                f"Host shell-{name}\n HostKeyAlias shell-{name}\n Port {number}\n"
                for name, number in shells.items()
            )
            + "Host jumped\n HostKeyAlias jumped\n ProxyJump bench\n"
            + f"Host {' '.join(names)} jumped shell-*\n HostName 127.0.0.1\n Port {port}\n User {user}\n"
            f" IdentityFile {self.file('key')}\n IdentitiesOnly yes\n UserKnownHostsFile {known}\n",
        )

    def shell_match(self, name, port):
        """The lines that run one shell for every login on one port."""
        shell = shutil.which(name)
        script = self.file(
            f"shell-{name}",
            f"case $SSH_ORIGINAL_COMMAND in '') exec {shell} -l ;; esac\n"
            f'exec {shell} -c "$SSH_ORIGINAL_COMMAND"\n',
        )
        return f"Match LocalPort {port}\n ForceCommand /bin/sh {script}\n"

    def run(self, name, *words):
        command = [os.path.join(self.programs, name), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def start_homeline(self):
        relay = self.file("relay")
        status = {}

        def up():
            try:
                status.update(json.loads(self.run("homeline-relay", "status", "--data", relay, "--json")))
                return "mcp_url" in status
            except (subprocess.CalledProcessError, ValueError):
                return False

        loopback = ["--mcp", "127.0.0.1:0", "--tunnel", "127.0.0.1:0", "--requests-per-second", "0"]
        program = os.path.join(self.programs, "homeline-relay")
        self.start([program, "serve", "--data", relay, *loopback], up)
        token = self.run(
            "homeline-relay", "tokens", "create", "bench", "--scopes", "admin", "--data", relay
        )
        self.environment |= {
            "PEER_URL": status["mcp_url"], "PEER_TOKEN": token, "PEER_TARGET": "site/bench",
        }
        self.start_agent("site")

    def start_agent(self, name):
        """Joins an agent and waits until it is online."""
        relay, agent = self.file("relay"), self.file(f"agent-{name}")
        line = self.run("homeline-relay", "invite", "--name", name, "--data", relay)
        self.run("homeline-agent", "join", line.split()[-1], "--data", agent)
        with open(os.path.join(agent, "agent.conf"), "a") as file:
            file.write(f"SshConfig {self.ssh_config}\nKnownHosts {self.known_hosts}\n")

        def online():
            agents = json.loads(self.run("homeline-relay", "agents", "--data", relay, "--json"))
            return any(one["agent"] == name and one["online"] for one in agents["agents"])

        program = os.path.join(self.programs, "homeline-agent")
        self.start([program, "run", "--data", agent], online)
