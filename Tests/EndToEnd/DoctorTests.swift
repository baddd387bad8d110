// `doctor` of both programs, run as a person does beside a relay and an agent that run: a healthy
// site, and for each check a real fault, with the line and the exit code that it gives.
import Foundation
import JSON
import Support
import Testing

@Suite(.serialized) struct DoctorTests {
    /// What a doctor printed.
    struct Findings {
        let exit: RunningProcess.End
        let json: JSON

        /// The first check of a name that has the verdict, or else the first of the name.
        func line(_ name: String, _ verdict: String) -> JSON? {
            let all = (json["checks"]?.arrayValue ?? []).filter { $0["name"] == .string(name) }
            return all.first { $0["verdict"] == .string(verdict) } ?? all.first
        }
    }

    /// A change that a check must find.
    struct Fault: Sendable, CustomTestStringConvertible {
        let name: String
        var verdict = "fault"
        /// What came has these words; none: whatever the system says.
        let words: String
        let advice: String
        var exit: Int32 = 0
        /// What the program is given beside `--data`, after the change.
        var change: @Sendable (Scene) async throws -> Void

        var testDescription: String { "\(name): \(words)" }
    }

    /// What one row may change: a copy of the folder, the words and variables of one run.
    final class Scene: Sendable {
        let home: Installation
        let folder: TemporaryDirectory
        let more = Box<[String]>([])
        let environment = Box(["SSH_AUTH_SOCK": "", "HTTPS_PROXY": "", "ALL_PROXY": ""])
        let kept = Box<[any Sendable]>([])
        /// The most files that the program may open.
        let files = Box<Int?>(nil)

        init(_ home: Installation, copying name: String) throws {
            self.home = home
            folder = try TemporaryDirectory("doctor")
            try FileManager.default.createDirectory(
                atPath: data, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            // The socket of a relay that runs stays where it is.
            let names = try FileManager.default.contentsOfDirectory(atPath: home.data(name))
            for file in names where !file.hasSuffix(".sock") {
                try FileManager.default.copyItem(
                    atPath: home.data(name) + "/" + file, toPath: data + "/" + file)
            }
        }

        var data: String { folder.file("data") }

        func write(_ text: String, _ path: String) throws { try folder.write(text, to: path) }

        /// Changes a member of relay.json.
        func relay(_ member: String, _ value: String) throws {
            let path = data + "/relay.json"
            var json =
                try JSON(parsing: Array(try Data(contentsOf: URL(filePath: path))))
                .objectValue ?? [:]
            json[member] = .string(value)
            try write("\(JSON.object(json))", "data/relay.json")
        }

        func run(_ program: String) async throws -> Findings {
            let limit = files.withLock { $0 }.map { "ulimit -n \($0); " } ?? ""
            let process = try RunningProcess(
                "/bin/sh",
                ["-c", limit + "exec \"$0\" \"$@\"", Repository.program(program), "doctor"]
                    + ["--json", "--data", data] + more.withLock { $0 },
                environment: environment.withLock { $0 })
            let end = try await process.finished(within: .seconds(30))
            return Findings(exit: end, json: try JSON(parsing: process.output))
        }
    }

    /// A relay, and the agents `site`, which runs, `idle`, which does not, and `gone`, which was
    /// revoked.
    private static let shared = Task {
        let home = try await Installation.start()
        for name in ["site", "idle", "gone"] {
            try await home.join(
                name,
                settings: "SshConfig \(try home.directory.write("Host db\n", to: "config"))\n"
                    + "KnownHosts \(try home.directory.write("", to: "known"))\n")
        }
        let caller = try await home.caller()
        try await home.startAgent(
            "site", caller: caller, errors: home.directory.file("site.log"))
        _ = try await home.relay("agents", "revoke", "gone", "--json")
        return home
    }

    /// The names of a folder's files, and the size and time of each; those of a database that is in
    /// use change by themselves, and its index (`-shm`) belongs to whoever reads it.
    private static func files(of folder: String, inUse: Bool = false) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder).sorted().map { path in
            if path.hasSuffix("-shm") || inUse && path.hasPrefix("relay.db") { return path }
            let facts = try FileManager.default.attributesOfItem(atPath: folder + "/" + path)
            return "\(path) \(facts[.size] ?? 0) \(facts[.modificationDate] ?? "")"
        }
    }

    @Test func `a healthy site: all is well, nothing changes, and the running agent serves on`()
        async throws
    {
        let home = try await Self.shared.value
        for (program, name) in [("homeline-agent", "site"), ("homeline-relay", "relay")] {
            let before = try Self.files(of: home.data(name), inUse: true)
            let process = try RunningProcess(
                Repository.program(program), ["doctor", "--data", home.data(name)],
                environment: ["SSH_AUTH_SOCK": "", "HTTPS_PROXY": "", "ALL_PROXY": ""])
            #expect(try await process.finished() == .exited(0), "\(process.output)")
            // How much room the tester's machine has is its own affair.
            let lines = process.output.split(separator: "\n").dropLast().filter { line in
                !["temporary ", "disk ", "open-files "].contains { line.dropFirst(6).hasPrefix($0) }
            }
            #expect(lines.count >= 10)
            #expect(lines.allSatisfy { $0.hasPrefix("ok    ") }, "\(process.output)")
            #expect(!process.output.contains("PRIVATE"))
            #expect(try Self.files(of: home.data(name), inUse: true) == before)
        }
        let log = try String(contentsOfFile: home.directory.file("site.log"), encoding: .utf8)
        #expect(log.contains("connected to") && !log.contains("disconnected"), "\(log)")
    }

    private func check(_ fault: Fault, _ program: String, _ scene: Scene) async throws {
        try await fault.change(scene)
        let before = try Self.files(of: scene.data)
        let start = ContinuousClock.now
        let findings = try await scene.run(program)
        let line = findings.line(fault.name, fault.verdict)
        #expect(line?["verdict"] == .string(fault.verdict), "\(findings.json)")
        let came = line?["came"]?.stringValue ?? ""
        #expect(fault.words.isEmpty || came.contains(fault.words), "\(line ?? [:])")
        #expect(line?["advice"]?.stringValue?.contains(fault.advice) == true, "\(line ?? [:])")
        #expect(findings.exit == .exited(fault.exit), "\(findings.json)")
        #expect(!"\(findings.json)".contains("sesame"))
        #expect(ContinuousClock.now - start < .seconds(30))
        #expect(try Self.files(of: scene.data) == before)
    }

    @Test(arguments: agentFaults)
    func `an agent's doctor names`(_ fault: Fault) async throws {
        try await check(
            fault, "homeline-agent", Scene(try await Self.shared.value, copying: "idle"))
    }

    @Test(arguments: relayFaults)
    func `a relay's doctor names`(_ fault: Fault) async throws {
        // A copy of its folder is one on which no relay runs.
        try await check(
            fault, "homeline-relay", Scene(try await Self.shared.value, copying: "relay"))
    }

    @Test(arguments: [
        ("gone", "fault", "refused (revoked)", "join again", Int32(77)),
        ("site", "warning", "none runs on this folder", "a copy of the folder runs elsewhere", 0),
    ])
    func `the relay's verdict on a revoked agent, and on a copy of one that runs`(
        _ name: String, _ verdict: String, _ words: String, _ advice: String, _ exit: Int32
    ) async throws {
        let scene = try Scene(try await Self.shared.value, copying: name)
        let fault = Fault(
            name: "hello", verdict: verdict, words: words, advice: advice, exit: exit
        ) { _ in }
        try await check(fault, "homeline-agent", scene)
    }

    @Test(arguments: [
        ("--public-url", "public-url", "nothing listens there", "--public-url"),
        ("--tunnel-url", "tunnel-url", "nothing listens there", "--tunnel-url"),
    ])
    func `a running relay's doctor names a URL that leads elsewhere`(
        _ flag: String, _ name: String, _ words: String, _ advice: String
    ) async throws {
        let home = try await Self.shared.value
        let port = try Ports.free()
        let scheme = flag == "--public-url" ? "http" : "tls"
        let process = try RunningProcess(
            Repository.program("homeline-relay"),
            [
                "doctor", "--json", "--data", home.data("relay"), flag,
                "\(scheme)://127.0.0.1:\(port)",
            ])
        #expect(try await process.finished() == .exited(69), "\(process.output)")
        let line = Findings(exit: .exited(69), json: try JSON(parsing: process.output))
            .line(name, "fault")
        #expect(line?["came"]?.stringValue?.contains(words) == true, "\(process.output)")
        #expect(line?["advice"]?.stringValue?.contains(advice) == true, "\(process.output)")
    }

    @Test(.needs(.root, .mounts)) func `a full disk for what output needs is a fault`() async throws
    {
        let home = try await Self.shared.value
        let script = """
            mkdir -p "$1/small" && mount -t tmpfs -o size=2m none "$1/small"
            head -c 1500000 /dev/zero >"$1/small/filled"
            TMPDIR="$1/small" exec "$0" doctor --data "$2"
            """
        let folder = try TemporaryDirectory("full")
        let process = try RunningProcess(
            "/usr/bin/unshare",
            [
                "-m", "sh", "-c", script, Repository.program("homeline-agent"), folder.path,
                home.data("idle"),
            ])
        #expect(try await process.finished() == .exited(74), "\(process.output)")
        let line = process.output.split(separator: "\n").first { $0.contains("temporary") }
        #expect(line?.hasPrefix("FAIL") == true && line?.contains("make room") == true)
    }
}
