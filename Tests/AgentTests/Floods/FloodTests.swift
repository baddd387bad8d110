// One program that never stops writing: every other session and call of the agent is served as if
// it were not there, and Ctrl-C reaches it. Over a real sshd, where both share one link, and on the
// agent's own machine.
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

/// Programs that write as fast as they are read.
struct Flood: Sendable, CustomTestStringConvertible {
    let name: String
    let command: String
    var testDescription: String { name }

    static let all = [
        Flood(name: "plain lines", command: "yes"),
        Flood(name: "lines drawn over", command: #"yes "$(printf '\033[2Ahello\033[K')""#),
        Flood(name: "screens changed", command: #"yes "$(printf '\033[?1049h\033[Hx')""#),
        Flood(name: "random bytes", command: "cat /dev/urandom"),
        Flood(name: "wide characters", command: "yes 漢字テスト漢字テスト"),
        Flood(
            name: "combining marks",
            command: #"yes "$(printf '\033[Ha\314\201\314\202e\314\201')""#),
        Flood(name: "titles", command: #"yes "$(printf '\033[H\033]0;title\007')""#),
    ]
}

@Suite(.serialized, .timeLimit(.minutes(5))) struct FloodTests {
    /// What an unoptimised build on a busy machine may take; bench/ has the product's figure.
    static let patience = Duration.seconds(2)

    @Test(arguments: Flood.all)
    @IO func `a flood in a session over SSH holds up nobody`(flood: Flood) async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .bash))
        try await Self.session(flood, try await Desk([("box", server, "")]), "site/box")
    }

    @Test(arguments: Flood.all)
    @IO func `a flood in a session on this machine holds up nobody`(flood: Flood) async throws {
        try await Self.session(flood, try await Desk([]), "site/local")
    }

    @Test(arguments: [true, false], ["box", "local"])
    @IO func `a flood of a command holds up nobody`(terminal: Bool, host: String) async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .bash))
        let desk = try await Desk([("box", server, "")])
        for flood in Flood.all {
            let other = try await Self.open(desk, "site/\(host)")
            let run = try await desk.call(
                .execute,
                [
                    "target": .string("site/\(host)"), "command": .string(flood.command),
                    "pty": .bool(terminal), "background": true,
                ]
            ).get()
            try await Self.echo(in: other, desk, flood)
            let begin = IO.now
            let end = try await desk.call(
                .cancelCommand, ["command_id": run["command_id"] ?? .null]
            ).get()
            #expect(end["state"]?.stringValue == "cancelled", "\(flood.name): \(end)")
            #expect(IO.now - begin < .seconds(20), "\(flood.name)")
            _ = await desk.call(.closeSession, ["session_id": .string(other)])
        }
        await desk.service.shutDown()
    }

    @IO static func session(_ flood: Flood, _ desk: Desk, _ target: String) async throws {
        let loud = try await open(desk, target)
        let other = try await open(desk, target)
        let started = try await desk.call(
            .runCommand,
            ["session_id": .string(loud), "command": .string(flood.command), "wait_s": 0.2]
        ).get()
        #expect(started["exit_code"]?.intValue == nil, "\(started)")
        try await echo(in: other, desk, flood)
        let begin = IO.now
        let end = try await desk.call(
            .sendInput,
            [
                "session_id": .string(loud), "keys": ["ctrl-c"], "enter": false, "wait_s": 50,
                "max_bytes": 100,
            ]
        ).get()
        let took = IO.now - begin
        print("flood of \(flood.name), \(target): Ctrl-C ended it in \(took)")
        #expect(end["state"]?.stringValue == "done" || end["exit_code"] != nil, "\(end)")
        // What was on its way is still drawn, which takes an unoptimised build long.
        #expect(took < .seconds(45))
        let after = try await desk.call(
            .runCommand, ["session_id": .string(loud), "command": "echo over", "wait_s": 20]
        ).get()
        #expect(after["output"]?.stringValue?.contains("over") == true, "\(after)")
        await desk.service.shutDown()
    }

    @IO static func open(_ desk: Desk, _ target: String) async throws -> String {
        let opened = try await desk.call(.openSession, ["target": .string(target)]).get()
        return try #require(opened["session_id"]?.stringValue)
    }

    /// `echo` again and again in another session: exact, and none waits long.
    @IO static func echo(in session: String, _ desk: Desk, _ flood: Flood) async throws {
        var times: [Duration] = []
        let pulse = Pulse()
        for number in 0..<30 {
            let begin = IO.now
            let result = try await desk.call(
                .runCommand,
                [
                    "session_id": .string(session), "command": .string("echo \(number)"),
                    "wait_s": 20,
                ]
            ).get()
            times.append(IO.now - begin)
            #expect(result["output"]?.stringValue == "\(number)\n", "\(flood.name): \(result)")
        }
        times.sort()
        print(
            "flood of \(flood.name): echo median \(times[15]), longest \(times[29]); the loop's"
                + " longest work without a timer \(pulse.longest)")
        #expect(times[29] < patience, "\(flood.name)")
        #expect(pulse.longest < .milliseconds(250), "\(flood.name)")
    }
}

/// How long the loop works at most between two turns of a timer, in its own CPU time.
@IO private final class Pulse {
    private(set) var longest = Duration.zero
    private var last = threadTime()
    private var timer: LoopTimer?

    init() {
        timer = LoopTimer(after: .milliseconds(1), repeating: .milliseconds(1)) { [weak self] in
            guard let self else { return }
            let now = threadTime()
            self.longest = max(self.longest, now - self.last)
            self.last = now
        }
    }
}
