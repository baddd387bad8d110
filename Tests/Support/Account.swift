// A throw-away user of this machine with a password, who may use sudo; for tests of what asks for
// one.
// Invariant: gone, with its home and its rule, when `remove` has run; needs root.
import Foundation

/// A user made for a test.
public final class Account: Sendable {
    /// Why none can be made here, as far as a look shows; nil: nothing is in the way.
    static let obstacle: String? = {
        if getuid() != 0 { return "needs root, to make a user" }
        for name in ["sudo", "useradd", "userdel", "chpasswd"]
        where Repository.find(name) == nil { return "\(name) is not installed" }
        return nil
    }()

    /// The user's name.
    public let name: String
    /// The user's password.
    public let password = "canary-\(UInt64.random(in: 0...UInt64.max))"
    private let rule: String

    /// Makes a user; `usesOwnTerminal`: sudo runs commands on a terminal of their own, and draws a
    /// star for each letter of a password.
    public init(usesOwnTerminal: Bool) async throws {
        name = "hl\(getpid())x\(UInt16.random(in: 0 ... .max))"
        rule = "/etc/sudoers.d/\(name)"
        try await Self.run("useradd", ["-m", "-s", "/bin/sh", name])
        try await Self.run("chpasswd", [], input: "\(name):\(password)")
        let stars = usesOwnTerminal ? ", pwfeedback" : ""
        let flag = usesOwnTerminal ? "" : "!"
        let text =
            "Defaults:\(name) \(flag)use_pty, passwd_tries=3\(stars)\n\(name) ALL=(ALL) ALL\n"
        try text.write(toFile: rule, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o440], ofItemAtPath: rule)
    }

    /// Removes the user.
    public func remove() async {
        unlink(rule)
        try? await Self.run("userdel", ["-r", "-f", name])
    }

    /// Lets a key log in where the user's own authorized_keys is asked.
    func authorize(_ key: SSHKey) throws {
        let folder = "/home/\(name)/.ssh"
        let files = FileManager.default
        try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let list = "\(folder)/authorized_keys"
        try (key.publicLine + "\n").write(toFile: list, atomically: true, encoding: .utf8)
        for (path, mode) in [(folder, 0o700), (list, 0o600)] {
            try files.setAttributes(
                [.posixPermissions: mode, .ownerAccountName: name], ofItemAtPath: path)
        }
    }

    /// Lets it read what a server of its own keeps in a folder, the keys apart.
    func mayRead(_ directory: TemporaryDirectory) throws {
        let files = FileManager.default
        try files.setAttributes([.posixPermissions: 0o711], ofItemAtPath: directory.path)
        for path in ["authorized_keys", "shell"].map(directory.file)
        where files.fileExists(atPath: path) {
            try files.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        }
        let home = directory.file("home")
        let own = [
            "", "/.zshrc", "/.local", "/.local/share", "/.local/share/fish", "/.cache",
            "/.cache/fish",
        ]
        for path in own.map({ home + $0 }) where files.fileExists(atPath: path) {
            try files.setAttributes([.ownerAccountName: name], ofItemAtPath: path)
        }
    }

    /// `input` is one line for its standard input.
    private static func run(
        _ program: String, _ arguments: [String], input: String = ""
    ) async throws {
        guard let path = Repository.find(program) else { throw Unavailable("no \(program)") }
        let child = try RunningProcess(
            "/bin/sh", ["-c", "head -n 1 | \"$@\"", "sh", path] + arguments)
        child.send(input + "\n")
        guard try await child.finished(within: .seconds(30)) == .exited(0) else {
            throw Unavailable("\(program): \(child.errors)")
        }
    }
}
