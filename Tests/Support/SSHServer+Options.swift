// What a test asks of its sshd, and the sshd_config it becomes.
// A chosen shell runs through ForceCommand, with a private empty home, so that dotfiles of the
// machine cannot change a test; without one the user's own login shell runs as sshd starts it.
import Foundation

/// A shell that sessions run in.
public enum Shell: String, CaseIterable, Sendable {
    case bash, dash, zsh, mksh, fish, tcsh
    /// BusyBox's ash.
    case ash

    /// The four that protocol P must hold in first.
    public static let first: [Shell] = [.bash, .dash, .ash, .zsh]

    /// The command that starts it, without arguments; nil where it is not installed.
    public var command: String? {
        if self == .ash { return Repository.find("busybox").map { "\($0) ash" } }
        return Repository.find(rawValue)
    }
}

extension SSHServer {
    /// What a server offers; the defaults are those of sshd.
    public struct Options: Sendable {
        /// Which OpenSSH serves.
        public var release = OpenSSH.chosen
        /// Kinds of host key.
        public var hostKeys: [KeyKind] = [.ed25519]
        /// The kind of the key that may log in.
        public var userKey: KeyKind = .ed25519
        /// Encrypts the user's key when not empty.
        public var passphrase = ""
        /// The shell of all sessions; nil runs the user's login shell in its own home.
        public var shell: Shell?
        /// Who logs in, which needs root; nil: the user who runs the tests.
        public var account: Account?
        /// Asks users through a PAM service of its own; nil: not through PAM.
        public var pam: PAMService?
        /// The home of sessions with a chosen shell; nil: an empty one of their own.
        public var home: String?
        /// More variables of such sessions.
        public var environment: [String: String] = [:]
        /// More sshd_config keywords (`Ciphers`, `MACs`, `MaxSessions`, …); they win.
        public var settings: [String: String] = [:]

        /// Sessions have an empty /proc; needs root, and a chosen shell.
        public var hidesProcesses = false

        /// Options with a shell and more sshd_config keywords.
        public init(
            shell: Shell? = nil, settings: [String: String] = [:], release: OpenSSH = .chosen
        ) {
            (self.shell, self.settings, self.release) = (shell, settings, release)
        }

        /// Ciphers and MACs of a hardened server: AEAD and encrypt-then-MAC alone.
        public static let hardened = [
            "Ciphers": "chacha20-poly1305@openssh.com,aes256-gcm@openssh.com",
            "MACs": "hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com",
        ]

        /// The server's program; nil where it is not here.
        var program: String? { pam?.program ?? release.program("sshd") }
        /// The release that serves: a PAM service has the machine's own.
        private var serving: OpenSSH { pam == nil ? release : .installed }

        /// The version of the OpenSSH that serves, as (major, minor).
        func version() async throws -> (Int, Int) {
            guard let ssh = serving.program("ssh") else { return (0, 0) }
            let child = try RunningProcess(ssh, ["-V"])
            try await child.finished()
            let numbers = (child.errors + child.output).drop { !$0.isNumber }
                .prefix { $0.isNumber || $0 == "." }.split(separator: ".").compactMap { Int($0) }
            return (numbers.first ?? 0, numbers.dropFirst().first ?? 0)
        }

        func configuration(in directory: TemporaryDirectory, port: UInt16, version: (Int, Int))
            throws -> String
        {
            // sshd runs the wrapper by the login shell, which would read the user's start-up files
            let home = shell == nil ? "" : " HOME=\(self.home ?? directory.file("home"))"
            var lines: [(String, String)] = [
                ("Port", "\(port)"), ("ListenAddress", "127.0.0.1"), ("PidFile", "none"),
                ("AuthorizedKeysFile", directory.file("authorized_keys")), ("StrictModes", "no"),
                ("UsePAM", "no"), ("PasswordAuthentication", "no"), ("PermitRootLogin", "yes"),
                ("KbdInteractiveAuthentication", "no"), ("LogLevel", "VERBOSE"), ("UseDNS", "no"),
                ("MaxStartups", "500:30:1000"), ("PrintMotd", "no"), ("PrintLastLog", "no"),
                ("SetEnv", "HOMELINE_TEST_MARK=\(directory.path) \(Self.run)\(home)"),
                ("Subsystem", "sftp \(Self.sftpServer)"),
            ]
            if serving == .debian13, let session = serving.program("sshd-session") {
                let login = serving.program("sshd-auth") ?? session
                lines += [("SshdSessionPath", session), ("SshdAuthPath", login)]
            }
            if version >= (9, 8) { lines.append(("PerSourcePenalties", "no")) }
            if let shell {
                lines.append(("ForceCommand", "/bin/sh \(try wrapper(shell, in: directory))"))
            }
            if let pam {
                // Before OpenSSH 9.8 the service has the name that sshd is started by.
                if version >= (9, 8) { lines.append(("PAMServiceName", pam.name)) }
                lines.removeAll { ["UsePAM", "KbdInteractiveAuthentication"].contains($0.0) }
                lines += [("UsePAM", "yes"), ("KbdInteractiveAuthentication", "yes")]
            }
            lines.removeAll { settings[$0.0] != nil }
            lines += hostKeys.map { ("HostKey", directory.file("host_\($0.rawValue)")) }
            lines += settings.map { ($0, $1) }
            return lines.map { "\($0) \($1)\n" }.joined()
        }

        /// A script that runs `shell` for a session or the command asked for, in a private home.
        ///
        /// It is read, not executed: a child being started elsewhere may hold it open for writing.
        private func wrapper(_ shell: Shell, in directory: TemporaryDirectory) throws -> String {
            guard let command = shell.command else {
                throw Unavailable("\(shell) is not installed: run ./test, which installs it")
            }
            let own = try directory.folder("home")
            try directory.write("", to: "home/.zshrc")  // or zsh asks its first-run questions
            // or fish 3, and then fish 4, makes its completions in the first minute
            try directory.folder("home/.local/share/fish/generated_completions")
            try directory.folder("home/.cache/fish/generated_completions")
            let login = shell == .tcsh ? "" : " -l"
            let more = environment.sorted { $0.key < $1.key }.map { " \($0)=\($1)" }.joined()
            let path = directory.file("shell")
            let hiding =
                hidesProcesses
                ? """
                [ "$HOMELINE_HIDDEN" ] || exec env HOMELINE_HIDDEN=1 \
                unshare -m /bin/sh -c 'mount -t tmpfs none /proc && exec /bin/sh \(path)'

                """ : ""
            return try directory.write(
                hiding + """
                    export HOME=\(home ?? own) SHELL=\(command.split(separator: " ").first ?? "")\(more)
                    cd
                    case $SSH_ORIGINAL_COMMAND in
                    \(Self.sftpServer)) exec \(Self.sftpServer) ;;
                    '') exec \(command)\(login) ;;
                    *) exec \(command) -c "$SSH_ORIGINAL_COMMAND" ;;
                    esac

                    """, to: "shell")
        }

        /// The mark of the whole run, by which scripts/tests.sh ends what a crash left behind.
        private static let run =
            "HOMELINE_TEST_RUN="
            + (ProcessInfo.processInfo.environment["HOMELINE_TEST_RUN"] ?? "none")

        private static let sftpServer =
            ["/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server"]
            .first { FileManager.default.isExecutableFile(atPath: $0) } ?? "internal-sftp"
    }
}
