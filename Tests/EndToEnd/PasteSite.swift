// A machine to paste lines at, for the tests of `install` and `uninstall`.
import Foundation
import JSON
import Support
import Testing

/// A machine to paste at, as far as one user sees it, and the relay of the line.
struct PasteSite {
    let relay: Installation
    let home: String
    let path: String

    /// The programs that a bare machine has.
    static let programs = [
        "sh", "curl", "sha256sum", "uname", "mktemp", "chmod", "rm", "wc", "sleep",
    ]

    static func start() async throws -> PasteSite {
        let relay = try await Installation.start()
        let agents = relay.data("relay") + "/agents"
        try FileManager.default.createDirectory(
            atPath: agents, withIntermediateDirectories: true)
        // The debug agent is long to copy, and its last act is to copy itself.
        try TemporaryDirectory.write(
            "#!/bin/sh\nexec \(Repository.program("homeline-agent")) \"$@\"\n",
            toFile: "\(agents)/homeline-agent-linux-\(machine)", mode: 0o644)
        let site = PasteSite(
            relay: relay, home: relay.directory.file("site"),
            path: relay.directory.file("bin"))
        try site.empty()
        return site
    }

    /// The machine without anything installed, and without `missing`.
    func empty(without missing: String? = nil) throws {
        let files = FileManager.default
        for folder in [home, path] {
            try? files.removeItem(atPath: folder)
            try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        for name in Self.programs where name != missing {
            let place = try #require(Repository.find(name))
            try files.createSymbolicLink(
                atPath: "\(path)/\(name)", withDestinationPath: place)
        }
    }

    /// A program of the machine that is a script.
    func write(_ name: String, _ script: String) throws {
        try? FileManager.default.removeItem(atPath: "\(path)/\(name)")
        try TemporaryDirectory.write(script, toFile: "\(path)/\(name)", mode: 0o755)
    }

    func line(_ words: String...) async throws -> String {
        try await RunningProcess.run(
            Repository.program("homeline-relay"),
            ["invite", "--pasted"] + words + ["--data", relay.data("relay")]
        ).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Runs a line as its user would; `apart`, with mounts of its own.
    func run(
        _ line: String, apart: Bool = false
    ) async throws -> (code: RunningProcess.End, text: String) {
        let words = ["/bin/sh", "-c", line]
        let shell = try RunningProcess(
            apart ? "/usr/bin/unshare" : words[0],
            apart ? ["-m"] + words : Array(words.dropFirst()),
            environment: ["HOME": home, "PATH": path, "XDG_STATE_HOME": "", "TMPDIR": home])
        let end = try await shell.finished(within: .seconds(30))
        return (end, shell.output + shell.errors)
    }

    func paste(_ line: String) async throws -> (code: RunningProcess.End, text: String) {
        try await run(line + " --user")
    }

    /// The installed program.
    var program: String { home + "/.local/bin/homeline-agent" }
    /// The agent's state.
    var state: String { home + "/.local/state/homeline/agent" }

    /// The process of the running agent, as its status file names it while it is connected.
    var agent: Int64? {
        guard let bytes = FileManager.default.contents(atPath: state + "/status"),
            let status = try? JSON(parsing: Array(bytes)), status["state"] == "connected"
        else { return nil }
        return status["process"]?.intValue
    }

    /// Ends the installed agent.
    func remove() async throws {
        _ = try await run("'\(program)' uninstall --user --purge")
        await relay.stop()
    }

    /// What there is below the home.
    var files: [String] {
        (FileManager.default.enumerator(atPath: home)?.compactMap { $0 as? String } ?? [])
            .sorted()
    }

    static let machine: String = {
        var name = utsname()
        uname(&name)
        return withUnsafeBytes(of: name.machine) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
    }()
}
