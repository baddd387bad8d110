// The scripts of detached commands on this machine, where writing fails, too.
import Foundation
import Loop
import Support
import Testing

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct DetachedScriptTests {
    private let script = DetachedScript(id: "x.y")

    /// Runs a script of `home`; nil is an exit by a signal.
    private func run(
        _ text: String, _ home: TemporaryDirectory, _ input: String = DetachedScript.go
    ) async throws -> (output: String, code: Int32?) {
        let environment = ["HOME": home.path, "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"]
        let result = try await Child.run(
            "/bin/sh", ["-c", "umask 022\n" + text], environment: environment,
            input: Array(input.utf8), deadline: .seconds(20))
        return (String(decoding: result.output, as: UTF8.self), result.exitCode)
    }

    private func folder(_ home: TemporaryDirectory) throws -> String {
        let folder = home.file(".homeline/jobs/x.y")
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    @Test func `the command has the umask of its user`() async throws {
        let home = try TemporaryDirectory("home")
        let start = script.start("umask; exit 3", isForSh: true, inputCount: 0)
        let begun = try await run(start, home)
        #expect(begun.output == DetachedScript.started + "\n" && begun.code == 0, "\(begun)")
        let code = try folder(home) + "/code"
        #expect(await holds { FileManager.default.fileExists(atPath: code) })
        #expect(try String(contentsOfFile: folder(home) + "/out", encoding: .utf8) == "0022\n")
        #expect(try String(contentsOfFile: code, encoding: .utf8) == "3\n")
    }

    @Test func `a full disk makes no exit code`() async throws {
        let home = try TemporaryDirectory("home")
        let folder = try folder(home)
        try FileManager.default.createSymbolicLink(
            atPath: folder + "/new", withDestinationPath: "/dev/full")
        let done = home.file("done")
        let start = script.start("touch \(done); exit 3", isForSh: true, inputCount: 0)
        #expect(try await run(start, home).code == 0)
        #expect(await holds { FileManager.default.fileExists(atPath: done) })
        // The follower's input stays open, as a connection does.
        let follow = "exec <$HOME/gate\n" + script.follow(from: RunOffsets())
        #expect(mkfifo(home.file("gate"), 0o600) == 0)
        // No process that is started here may keep it open.
        let gate = open(home.file("gate"), O_RDWR | O_CLOEXEC)
        defer { close(gate) }
        #expect(try await run(follow, home).code == nil)
    }

    @Test(arguments: ["pid", "in"])
    func `what cannot be noted is not left running`(file: String) async throws {
        let home = try TemporaryDirectory("home")
        let folder = try folder(home)
        try FileManager.default.createSymbolicLink(
            atPath: folder + "/" + file, withDestinationPath: "/dev/full")
        let start = script.start("exec sleep 86", isForSh: true, inputCount: 3)
        let failed = try await run(start, home, DetachedScript.go + "abc")
        #expect(failed.output.isEmpty && failed.code == 1, "\(failed)")
        #expect(!FileManager.default.fileExists(atPath: folder))
        #expect(await holds { Sweeping.left("HOMELINE_COMMAND=x.y").isEmpty })
    }

    @Test(arguments: ["", DetachedScript.go, DetachedScript.go + "ab"])
    func `what did not come whole starts nothing`(input: String) async throws {
        let home = try TemporaryDirectory("home")
        let start = script.start("touch \(home.file("ran"))", isForSh: true, inputCount: 3)
        #expect(try await run(start, home, input).code == 1)
        #expect(!FileManager.default.fileExists(atPath: home.file("ran")))
    }
}

/// The processes whose environment has a text.
private enum Sweeping {
    static func left(_ text: String) -> [String] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return all.filter { name in
            guard Int32(name).map(CancelTests.runs) == true,
                let data = FileManager.default.contents(atPath: "/proc/\(name)/environ")
            else { return false }
            return String(decoding: data, as: UTF8.self).contains(text)
        }
    }
}
