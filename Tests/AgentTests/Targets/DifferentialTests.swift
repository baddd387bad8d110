// The same set-ups for ssh and for this agent: both connect, or both refuse for the same class of
// reason. Seeded; the seed of each set-up that differs is printed, and HOMELINE_DIFFERENTIAL_SEED
// repeats it, or, with HOMELINE_DIFFERENTIAL_COUNT, begins there. A bounded number by default, all
// with HOMELINE_LAB=long (`make differential`).
import Foundation
import Loop
import SSH
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(10))) struct DifferentialTests {
    /// How a connection ended.
    enum Verdict: Equatable {
        case connects
        case configuration, network, login
        case hostKeyUnknown, hostKeyChanged, hostKeyRevoked
    }

    private static let environment = ProcessInfo.processInfo.environment
    private static let isLong = environment["HOMELINE_LAB"] == "long"
    private static let seed =
        environment["HOMELINE_DIFFERENTIAL_SEED"].flatMap(UInt64.init)
    /// How many set-ups are tried: each takes about 0.3 s on an idle machine.
    private static let count =
        environment["HOMELINE_DIFFERENTIAL_COUNT"].flatMap(Int.init)
        ?? (seed != nil ? 1 : isLong ? 400 : 60)
    /// Where the seeds begin; every run of the short test tries the same ones.
    private static let first: UInt64 = seed ?? 1000

    @Test(.needs("sshd"), .needs("ssh"), arguments: OpenSSH.allCases)
    func `ssh and this agent come to the same verdict`(release: OpenSSH) async throws {
        guard release.isHere(for: "differential test") else { return }
        let scene = try await Self.scenery(release)
        let work = try TemporaryDirectory("differential")
        var verdicts: [Verdict] = []
        var noted = 0
        for number in 0..<Self.count {
            let seed = Self.first + UInt64(number)
            let folder = try work.folder("\(seed)")
            let setUp = SetUp(seed: seed, scene, folder: folder)
            try Self.write(setUp, folder)
            let theirs = try await Self.ssh(setUp, folder)
            // What the first run has stored must not help the second.
            try Self.write(setUp, folder)
            let ours = await Self.agent(setUp, folder)
            verdicts.append(theirs.verdict)
            if ours.verdict == theirs.verdict { continue }
            if Self.isNoted(ours, theirs.verdict) {
                noted += 1
                print(
                    "as noted, seed \(seed), \(release): ssh \(theirs.verdict), this agent",
                    "\(ours.verdict): \(ours.words)")
                continue
            }
            Issue.record(
                """
                seed \(seed), \(release): ssh \(theirs.verdict), this agent \(ours.verdict)
                \(setUp.account)
                ssh says: \(theirs.words)
                the agent says: \(ours.words)
                """)
        }
        print(
            "differential, \(release): \(Self.count) set-ups from seed \(Self.first),",
            "\(noted) differ as noted")
        guard Self.seed == nil else { return }
        // The set-ups must reach every verdict, or the test would show little.
        for verdict in [Verdict.connects, .configuration, .network, .login, .hostKeyChanged] {
            #expect(verdicts.contains(verdict), "no set-up: \(verdict)")
        }
        #expect(verdicts.count { $0 == .connects } * 5 > verdicts.count)
    }

    /// Whether the two differ only in ways that this agent states.
    private static func isNoted(_ ours: Outcome, _ theirs: Verdict) -> Bool {
        switch ours.verdict {
        // With a changed key ssh goes on to the login where StrictHostKeyChecking is off.
        case .hostKeyChanged:
            [.connects, .login].contains(theirs)
                && ours.notes.contains { $0.hasPrefix("stricthostkeychecking") }
        // Of two faults, ssh meets a wrong path after the connection, and the agent before it.
        case .configuration:
            ![.connects, .login].contains(theirs)
                && ["is not usable", "in a circle"].contains(where: ours.words.contains)
        case .connects, .network, .login, .hostKeyUnknown, .hostKeyRevoked: false
        }
    }

    private struct Outcome {
        var verdict: Verdict
        var words = ""
        var notes: [String] = []
    }

    // MARK: The two

    private static func ssh(_ setUp: SetUp, _ folder: String) async throws -> Outcome {
        let child = try RunningProcess(
            try #require(setUp.scene.release.program("ssh")),
            ["-F", "\(folder)/config", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20"]
                + [setUp.name, "echo", "logged", "in"],
            environment: setUp.scene.release.environment.merging(["SSH_AUTH_SOCK": ""]) { $1 }
                .merging(setUp.environment) { $1 })
        _ = try await child.finished()
        let words = child.errors
        func says(_ texts: String...) -> Bool { texts.contains { words.contains($0) } }
        if child.output.contains("logged in") { return Outcome(verdict: .connects, words: words) }
        let verdict: Verdict =
            if says("revoked by file", "was revoked", "marked as revoked", "in revoked keys file") {
                .hostKeyRevoked
            } else if says("Permission denied", "Too many authentication failures") {
                .login
            } else if says("has changed and you have requested", "IDENTIFICATION HAS CHANGED") {
                .hostKeyChanged
            } else if says("Host key verification failed") {
                .hostKeyUnknown
            } else if says(
                "unknown key %", "No such user", "has no value", "terminating, ",
                "unsupported option")
            {
                .configuration
            } else {
                .network
            }
        return Outcome(verdict: verdict, words: words)
    }

    private static func agent(_ setUp: SetUp, _ folder: String) async -> Outcome {
        let name = setUp.name
        var all = setUp.scene.release.environment
        all["SSH_AUTH_SOCK"] = nil
        let place = Place(
            environment: all.merging(setUp.environment) { _, new in new }, user: NSUserName(),
            home: setUp.scene.home)
        return await IO.task {
            let targets = Targets(
                settings: TargetSettings(sshConfig: "\(folder)/config"), place: place)
            let links = Links()
            defer { links.shutDown() }
            var notes: [String] = []
            do throws(Fault) {
                let target = try await targets.resolve(try TargetName(place: name))
                notes = target.notes
                _ = try await links.link(to: target)
                return Outcome(verdict: .connects)
            } catch {
                return Outcome(verdict: verdict(error), words: error.message, notes: notes)
            }
        }.value
    }

    private static func verdict(_ fault: Fault) -> Verdict {
        switch fault.code {
        case .hostKeyUnknown: .hostKeyUnknown
        case .hostKeyChanged: .hostKeyChanged
        case .hostKeyRevoked: .hostKeyRevoked
        case .authenticationFailed: .login
        case .unavailable, .invalidArgument: .configuration
        default: .network
        }
    }

    // MARK: The scenery

    private static func scenery(_ release: OpenSSH) async throws -> Scenery {
        var options = SSHServer.Options(shell: .dash, release: release)
        options.hostKeys = [.ed25519, .ecdsa]
        let server = try await SSHServer.start(options)
        let folder = server.directory
        var good = [server.key]
        for kind in [KeyKind.ecdsa, .rsa] {
            let key = try await SSHKey.make(kind, at: folder.file("good-\(kind.rawValue)"))
            try server.authorize(key.publicLine)
            good.append(key)
        }
        let stranger = try await SSHKey.make(.ed25519, at: folder.file("stranger"))
        let agents = [
            try await KeyAgent.start(in: folder, keys: [server.key]),
            try await KeyAgent.start(in: folder, keys: [stranger]),
        ]
        let home = try #require(getpwuid(geteuid()).map { String(cString: $0.pointee.pw_dir) })
        return Scenery(
            release: release, server: server, good: good, stranger: stranger, agents: agents,
            home: home)
    }

    private static func write(_ setUp: SetUp, _ folder: String) throws {
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        for (name, text) in setUp.files {
            try text.write(toFile: "\(folder)/\(name)", atomically: false, encoding: .utf8)
        }
        for (name, key) in setUp.publicKeys {
            try FileManager.default.copyItem(
                atPath: key.path + ".pub", toPath: "\(folder)/\(name).pub")
        }
        for (name, key) in setUp.keys {
            try FileManager.default.copyItem(atPath: key.path, toPath: "\(folder)/\(name)")
            try FileManager.default.copyItem(
                atPath: key.path + ".pub", toPath: "\(folder)/\(name).pub")
        }
    }
}
