// Waiting for a line of output that matches: in time, in real shells, whatever the pattern.
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(2))) struct SessionsUntilTests {
    @Test(arguments: TestShell.known)
    @IO func `a read returns with the line it waits for`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        let code = "echo one; sleep 0.3; printf '\\033[1mlistening\\033[0m on 80\\n'; sleep 30"
        let running = try await session.run(code, wait: .zero)
        #expect(running.state == .running)
        let begin = IO.now
        var result = try await session.read(
            offset: nil, until: "^listening on \\d+$", wait: .seconds(20), raw: false,
            maxBytes: 1000)
        #expect(result.isMatched == true)
        // A busy machine shows the first line in the first answer.
        #expect(running.output + result.output == "one\nlistening on 80\n")
        #expect(result.state == .running)
        #expect(IO.now - begin < .seconds(10))
        // What is there already counts, and what is before the offset does not.
        result = try await session.read(
            offset: 0, until: "one", wait: .seconds(20), raw: true, maxBytes: 1000)
        #expect(result.isMatched == true)
        result = try await session.read(
            offset: result.nextOffset, until: "one", wait: .milliseconds(200), raw: false,
            maxBytes: 1000)
        #expect(result.isMatched == false)
        #expect(result.output == "")
        _ = try await session.press("ctrl-c")
        result = try await session.read(
            offset: nil, until: "never", wait: .seconds(20), raw: false, maxBytes: 1000)
        #expect(result.isMatched == false)
        #expect(result.state == .aborted)
        #expect(IO.now - begin < .seconds(20))
    }

    @Test @IO func `a line that has no end matches, a question does not stop the wait`()
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        _ = try await session.run(
            "(sleep 1; printf 'name: ') & cat; wait", wait: .milliseconds(300))
        let result = try await session.read(
            offset: nil, until: "name: $", wait: .seconds(20), raw: false, maxBytes: 1000)
        #expect(result.isMatched == true)
        #expect(result.output.hasSuffix("name: "))
        await #expect(throws: Fault.self) {
            try await session.read(
                offset: nil, until: "(", wait: .seconds(20), raw: false, maxBytes: 1000)
        }
    }

    @Test @IO func `the command's end ends the wait, what it printed is searched`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        _ = try await session.run("sleep 0.3; seq 1 200000; echo last", wait: .zero)
        let result = try await session.read(
            offset: nil, until: "^last$", wait: .seconds(30), raw: false, maxBytes: 100)
        #expect(result.isMatched == true)
        let missed = try await session.read(
            offset: nil, until: "(1|2|3)+x", wait: .seconds(30), raw: false, maxBytes: 100)
        #expect(missed.isMatched == false)
        #expect(missed.state == .done)
    }

    @Test func `lines are found whatever pieces they come in`() async {
        await IO.task {
            let text = Array("first\n\u{1b}[31msé\u{1b}[0mcond\r\nthird".utf8)
            for size in 1...text.count {
                let log = OutputLog(of: "test")
                var second = OutputSearch(Self.pattern("^sécond$"), from: 0)
                var third = OutputSearch(Self.pattern("thir.$"), from: 2)
                var (foundSecond, foundThird) = (0, 0)
                for start in stride(from: 0, to: text.count, by: size) {
                    log.append(text[start..<min(text.count, start + size)])
                    if Self.run(&second, log), foundSecond == 0 { foundSecond = log.end }
                    if Self.run(&third, log), foundThird == 0 { foundThird = log.end }
                }
                #expect(foundSecond >= 19 && foundThird == text.count, "size \(size)")
            }
            let long = OutputLog(of: "test")
            long.append(Array(String(repeating: "x", count: 300_000).utf8)[...])
            long.append(Array("y\nend\n".utf8)[...])
            var search = OutputSearch(Self.pattern("^end$"), from: 0)
            let isFound = Self.run(&search, long)
            #expect(isFound)
            var none = OutputSearch(Self.pattern("^z"), from: 0)
            let isMissed = !Self.run(&none, long)
            #expect(isMissed)
        }.value
    }

    static func pattern(_ text: String) -> LinePattern {
        guard let pattern = try? LinePattern(text) else { fatalError("bad pattern \(text)") }
        return pattern
    }

    @IO static func run(_ search: inout OutputSearch, _ log: OutputLog) -> Bool {
        for _ in 0..<1000 {
            switch search.step(log) {
            case .found: return true
            case .more: continue
            case .caughtUp: return false
            }
        }
        Issue.record("it never catches up")
        return false
    }

    /// The state that comes with the match names the call that goes on.
    @Test @IO func `a match that is a question has the state of a question`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        let asked = try await session.run(
            "echo begin; read -p 'Your name? ' name; echo hi $name", wait: .seconds(20),
            until: "Your name", maxBytes: 1000)
        #expect(asked.isMatched == true)
        #expect(asked.state == .lineInput && asked.prompt == "Your name? ", "\(asked)")
        let done = try await session.send(
            text: "ada", keys: [], enter: true, wait: .seconds(20), maxBytes: 1000)
        #expect(done.output.contains("hi ada"))
    }

    /// What came between two answers is found by the offset that the second one names.
    @Test @IO func `output that no answer has shown is named by the next one`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        let reader = Reader("ada")
        let first = try await session.run(
            "echo one; sleep 1; echo two", wait: .milliseconds(200), maxBytes: 1000, for: reader)
        #expect(first.state == .running && first.output == "one\n")
        #expect(await holds { !session.isRunning })
        let next = try await session.run(
            "echo three", wait: .seconds(20), maxBytes: 1000, for: reader)
        #expect(next.output == "three\n")
        let from = first.nextOffset
        #expect(next.note?.contains("read them from offset \(from)") == true, "\(next)")
        let last = try await session.run(
            "echo four", wait: .seconds(20), maxBytes: 1000, for: reader)
        #expect(last.output == "four\n" && last.note == nil, "\(last)")
    }
}
