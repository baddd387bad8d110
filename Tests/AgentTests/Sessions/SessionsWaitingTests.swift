// What a call that waits waits for: the end, a question, a line or anything new, and never nothing.
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(2))) struct SessionsWaitingTests {
    private static let loop = "for i in 1 2 3 4 5; do echo $i; sleep 0.2; done"

    @Test @IO func `a read waits for the end, and the next one goes on where it stopped`()
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        let first = try await session.run(Self.loop, wait: .zero)
        let all = try await session.read(
            offset: nil, wait: .seconds(20), raw: false, maxBytes: 1000)
        #expect(all.state == .done && first.output + all.output == "1\n2\n3\n4\n5\n")
        let again = try await session.read(offset: nil, wait: .zero, raw: false, maxBytes: 1000)
        #expect(again.output == "" && again.state == .done && again.offset == all.nextOffset)
        // Each client reads for itself.
        let other = try await session.read(
            offset: nil, wait: .zero, raw: false, maxBytes: 1000, for: Reader("other"))
        #expect(other.output == first.output + all.output)
    }

    @Test @IO func `a read for output comes back with each piece`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        let first = try await session.run(Self.loop, wait: .zero)
        var (pieces, output) = (0, first.output)
        while output != "1\n2\n3\n4\n5\n", pieces < 20 {
            let piece = try await session.read(
                offset: nil, wait: .seconds(20), goal: .output, raw: false, maxBytes: 1000)
            #expect(piece.output != "" || piece.state == .done)
            output += piece.output
            pieces += 1
        }
        #expect(pieces > 1 && output == "1\n2\n3\n4\n5\n")
    }

    @Test @IO func `a read that has nothing new waits, whatever the state`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        // At the prompt, in front of a question, and in a program that has the whole terminal.
        for (code, state, leave) in [
            ("true", CommandState.done, []), ("read -p 'name? ' x", .lineInput, ["ctrl-c"]),
            ("less +F /etc/passwd", .fullscreen, ["ctrl-c", "q"]),
        ] {
            let shown = try await session.run(code, wait: .seconds(10))
            #expect(shown.state == state, "\(shown)")
            // What the program draws last may come after its answer.
            _ = try await session.read(offset: nil, wait: .zero, raw: false, maxBytes: 10_000)
            for goal in ReadOutput.Goal.allCases {
                let begin = IO.now
                let result = try await session.read(
                    offset: nil, wait: .milliseconds(400), goal: goal, raw: false,
                    maxBytes: 10_000)
                #expect(
                    IO.now - begin >= .milliseconds(400) || result.output != "", "\(code), \(goal)")
                #expect(result.state == state, "\(result)")
            }
            for key in leave { _ = try await session.press(key, wait: .milliseconds(500)) }
            #expect(try await session.run("echo ok").output == "ok\n")
        }
    }

    @Test @IO func `a question that came up between two calls is news`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        _ = try await session.run("sleep 0.5; read x", wait: .zero)
        let asked = try await session.read(
            offset: nil, wait: .seconds(20), raw: false, maxBytes: 1000)
        #expect(asked.state == .lineInput && asked.output == "")
        _ = try await session.press("ctrl-c")
    }

    @Test(arguments: TestShell.known)
    @IO func `a command and an input wait for a line`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        let begin = IO.now
        let ready = try await session.run(
            "sh -c 'echo ready; cat; echo over'", wait: .seconds(30), until: "^ready$",
            maxBytes: 1000)
        #expect(ready.isMatched == true && ready.output == "ready\n" && ready.state == .running)
        let echoed = try await session.send(
            text: "abc", keys: [], enter: true, wait: .seconds(30), until: "^abc$", maxBytes: 1000)
        #expect(echoed.isMatched == true && IO.now - begin < .seconds(20))
        let never = try await session.send(
            text: "", keys: ["ctrl-d"], enter: false, wait: .seconds(20), until: "^never$",
            maxBytes: 1000)
        #expect(never.isMatched == false && never.state == .done)
        #expect(never.output.hasSuffix("over\n"))
        let ended = try await session.run(
            "echo short", wait: .seconds(30), until: "^long$", maxBytes: 1000)
        #expect(ended.isMatched == false && ended.state == .done && ended.output == "short\n")
    }

    @Test @IO func `a refused command says which call leads on`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        for (code, advice, leave) in [
            ("less /etc/passwd", "\"text\": \"q\"", "q"), ("bash", "\"adopt\": true", "exit\r"),
            ("read -p 'sure? ' x", "sure?", "y\r"), ("sleep 60", "ctrl-c", "\u{3}"),
        ] {
            _ = try await session.run(code, wait: .seconds(code == "sleep 60" ? 0 : 5))
            if code == "sleep 60" {
                // bash loses a ctrl-c that comes while it starts a program.
                #expect(
                    try await holds {
                        try await session.read(
                            offset: nil, wait: .zero, raw: false, maxBytes: 1000
                        ).foreground == "sleep"
                    })
            }
            do {
                let result = try await session.run("echo ok")
                Issue.record("\(code): \(result)")
            } catch let error as Fault {
                #expect(error.code == .busy && error.message.contains(advice), "\(error.message)")
            }
            _ = try await session.send(
                text: leave, keys: [], enter: false, wait: .seconds(20), maxBytes: 1000)
            let next = try await session.run("echo ok")
            #expect(next.output == "ok\n", "after \(code): \(next)")
        }
    }
}
