// The relay or the agent is killed at each named point of a call's path. The client repeats its
// call under its key: the command runs once, or the client hears that nobody knows whether it ran.
import Foundation
import JSON
import Support
import Testing

// The points are in debug builds alone.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["HOMELINE_PROGRAMS"] == nil))
struct CrashPointTests {
    private static let relay = [
        "relay.called", "relay.admitted", "relay.counted", "relay.placed", "relay.found",
        "relay.encoded", "tunnel.submitted", "tunnel.framed", "tunnel.flushed", "relay.replied",
        "relay.read", "relay.answered",
    ]
    private static let agent = [
        "tunnel.received", "agent.received", "agent.decoded", "agent.new", "agent.admitted",
        "agent.unwritten", "agent.written", "agent.serving", "agent.starting", "agent.started",
        "agent.running", "agent.served", "agent.ended", "agent.replied", "tunnel.responded",
        "tunnel.framed", "tunnel.flushed",
    ]
    /// Until here the agent has nothing of the call on disk, so that it runs the call afterwards.
    private static let before = agent.prefix(6)
    /// The answer is on disk.
    private static let after = ["agent.replied", "tunnel.responded"]
    /// Frames leave at any time.
    private static let anywhere = ["tunnel.framed", "tunnel.flushed"]

    /// What is left of an installation whose process died at a point during a call.
    private struct Course {
        var result: JSON
        var effects: String

        init(killing name: String, at point: String) async throws {
            let home = try await Installation.start()
            let caller = try await home.caller()
            try await home.join("site")
            let armed = home.directory.file("armed")
            let asked = ["HOMELINE_CRASH_AT": point, "HOMELINE_CRASH_WHEN": armed]
            if name == "relay" {
                await home.process("relay")?.stop()
                try await home.startRelay(environment: asked)
            }
            try await home.startAgent(
                "site", caller: caller, environment: name == "site" ? asked : [:])
            let file = home.directory.file("effects")
            let arguments: JSON = [
                "target": "site/local", "command": .string("echo x >>\(file); echo end"),
                "wait_s": 20,
            ]
            try home.directory.write("", to: "armed")
            async let first = caller.call("ssh_execute", arguments, key: "mine")
            let process = home.process(name)
            #expect(await holds { process?.end != nil }, "\(name) did not reach \(point)")
            if name == "relay" { _ = try? await first }
            try FileManager.default.removeItem(atPath: armed)
            if name == "relay" {
                try await home.startRelay()
                result = try await caller.call("ssh_execute", arguments, key: "mine")
            } else {
                try await home.startAgent("site", caller: caller)
                result = try await first
            }
            let again = try await caller.call("ssh_execute", arguments, key: "mine")
            #expect(again["isError"] == result["isError"], "\(point): \(result) \(again)")
            #expect(
                again["structuredContent"] == result["structuredContent"], "\(point): \(again)")
            effects = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
            await home.stop()
        }

        var isDone: Bool { result["structuredContent"]?["results"]?[0]?["stdout"] == "end\n" }
    }

    @Test(arguments: relay)
    func `a relay killed in the middle of a call`(point: String) async throws {
        let course = try await Course(killing: "relay", at: point)
        #expect(course.isDone, "\(point): \(course.result)")
        #expect(course.effects == "x\n", "\(point)")
    }

    @Test(arguments: agent)
    func `an agent killed in the middle of a call`(point: String) async throws {
        let course = try await Course(killing: "site", at: point)
        let isKnown = Self.before.contains(point) || Self.after.contains(point)
        if isKnown || Self.anywhere.contains(point) && course.isDone {
            #expect(course.isDone, "\(point): \(course.result)")
            #expect(course.effects == "x\n", "\(point)")
        } else {
            let text = course.result.text
            #expect(text.contains("not begun again"), "\(point): \(course.result)")
            // The command may have ended by itself after the agent, at most once.
            #expect(["", "x\n"].contains(course.effects), "\(point): \(course.effects)")
        }
    }
}
