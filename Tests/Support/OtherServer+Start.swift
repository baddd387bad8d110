// How each make of SSH server is set up and started.
import Foundation

/// The files of a server that is being started.
struct OtherServerFiles {
    let directory: TemporaryDirectory
    let user: String
    let password: String
    let publicKey: String

    typealias Started = (RunningProcess, UInt16, SSHKey)

    /// A server that listens on a port chosen here, which another program may take before it.
    private func listening(
        _ start: (UInt16) throws -> RunningProcess
    ) async throws -> (RunningProcess, UInt16) {
        for _ in 0..<10 {
            let port = try Ports.free()
            let process = try start(port)
            let isUp = await eventually { () -> Bool? in
                if let descriptor = try? Ports.connect(to: port) {
                    close(descriptor)
                    return true
                }
                return process.end == nil ? nil : false
            }
            if isUp == true, process.end == nil { return (process, port) }
            await process.stop()
            guard process.errors.contains("already in use") else {
                throw Unavailable("the server did not start: \(process.errors)\(process.output)")
            }
        }
        throw Unavailable("the server found no free port")
    }

    /// A server that prints `listening PORT`.
    private func announced(_ process: RunningProcess) async throws -> (RunningProcess, UInt16) {
        let line = try await process.line(containing: "listening ")
        guard let port = UInt16(line.dropFirst("listening ".count)) else {
            throw Unavailable("the server said: \(line)")
        }
        return (process, port)
    }

    private func program(_ name: String) throws -> String {
        guard let path = Repository.unpacked(name) ?? Repository.find(name) else {
            throw Unavailable("\(name) is not here: run ./test")
        }
        return path
    }

    /// Runs a program where all tools are those of busybox, and no SFTP server is.
    private func router() async throws -> (program: String, arguments: [String]) {
        let tools = try directory.folder("bin")
        let script = """
            cp "$1" "$2/busybox" && chmod 755 "$2" && cd "$2" || exit 1
            for a in $(./busybox --list); do [ -e $a ] || ln -s busybox $a; done
            rm stat realpath base64
            """
        try await RunningProcess.run(
            "/bin/sh", ["-c", script, "sh", program("busybox"), tools])
        let cover = """
            mount -t tmpfs none /usr/lib/openssh && mount --bind "$1" /usr/bin || exit 1
            shift; exec "$@"
            """
        return (try program("unshare"), ["-m", "/bin/sh", "-c", cover, "sh", tools])
    }

    func dropbear(isRouter: Bool) async throws -> Started {
        let host = directory.file("host")
        let made = try await RunningProcess.run(
            program("dropbearkey"), ["-t", "ed25519", "-f", host])
        guard let line = made.split(separator: "\n").first(where: { $0.hasPrefix("ssh-ed25519") })
        else { throw Unavailable("dropbearkey said: \(made)") }
        let path = try program("dropbear")
        let way = isRouter ? try await router() : nil
        let (process, port) = try await listening { port in
            try RunningProcess(
                way?.program ?? path,
                (way.map { $0.arguments + [path] } ?? []) + [
                    "-F", "-E", "-p", "127.0.0.1:\(port)", "-r", host, "-P",
                    directory.file("pid"),
                ])
        }
        return (process, port, SSHKey(path: host, publicLine: String(line)))
    }

    func tinyssh() async throws -> Started {
        let keys = directory.file("keys")
        try await RunningProcess.run(program("tinysshd-makekey"), [keys])
        let line = try await RunningProcess.run(program("tinysshd-printkey"), [keys])
        let files = try program("sftp-server")
        let process = try RunningProcess(
            program("python3"),
            [
                "\(Repository.root)/Tests/Support/python/inetd.py", program("tinysshd"),
                "-v", "-x", "sftp=\(files)", keys,
            ])
        let (_, port) = try await announced(process)
        return (
            process, port,
            SSHKey(path: keys, publicLine: line.trimmingCharacters(in: .whitespacesAndNewlines))
        )
    }

    func proftpd() async throws -> Started {
        let host = try await SSHKey.make(.ed25519, at: directory.file("host"))
        let public4716 = try await RunningProcess.run(
            program("ssh-keygen"), ["-e", "-m", "RFC4716", "-f", publicKey])
        let allowed = try directory.write(public4716, to: "allowed")
        let hash = try await RunningProcess.run(
            program("openssl"), ["passwd", "-6", password]
        ).trimmingCharacters(in: .newlines)
        let users = try directory.write(
            "\(user):\(hash):\(getuid()):\(getgid())::\(directory.path):/bin/false\n", to: "users")
        let path = try program("proftpd")
        let modules = "\(Repository.root)/.deps/servers/root/usr/lib/proftpd"
        let (process, port) = try await listening { port in
            let configuration = try directory.write(
                """
                ServerType standalone
                Port \(port)
                DefaultAddress 127.0.0.1
                SocketBindTight on
                UseIPv6 off
                User \(NSUserName())
                ServerName test
                RootLogin on
                ModulePath \(modules)
                LoadModule mod_xfer.c
                LoadModule mod_sftp.c
                PidFile \(directory.file("pid"))
                ScoreboardFile none
                AuthOrder mod_auth_file.c
                AuthUserFile \(users)
                RequireValidShell off
                WtmpLog off
                <Directory />
                  AllowOverwrite on
                  AllowStoreRestart on
                </Directory>
                SFTPEngine on
                SFTPLog \(directory.file("log"))
                SFTPHostKey \(host.path)
                SFTPAuthorizedUserKeys file:\(allowed)
                SFTPAuthMethods publickey password

                """, to: "conf")
            return try RunningProcess(path, ["-n", "-q", "-c", configuration])
        }
        return (process, port, host)
    }

    /// A server of one of the Python packages.
    func python(_ script: String) async throws -> Started {
        guard let python = Repository.python else {
            throw Unavailable("no Python clients: run ./test, which sets them up")
        }
        let host = try await SSHKey.make(.ed25519, at: directory.file("host"))
        let process = try RunningProcess(
            python,
            [
                "\(Repository.root)/Tests/Support/python/\(script).py", "--host-key", host.path,
                "--public-key", publicKey, "--user", user, "--password", password,
            ])
        let (_, port) = try await announced(process)
        return (process, port, host)
    }
}
