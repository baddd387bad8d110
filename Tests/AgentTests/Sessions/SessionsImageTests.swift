// Images and other long strings in a command's output: none of them is text, and one that is never
// ended takes neither the command's end nor the next command's output with it.
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(2))) struct SessionsImageTests {
    private static let data = String(repeating: "QUJDREVGR0hJ", count: 3000)

    @Test(arguments: [
        #"printf '\033]1337;File=inline=1:'; cat data; printf '\a'"#,
        #"printf '\033_Ga=T;'; cat data; printf '\033\\'"#,
        #"printf '\033Pq'; cat data; printf '\033\\'"#,
        #"printf '\033]52;c;'; cat data; printf '\a'"#,
    ])
    @IO func `an image is not in the output, however small the answer`(code: String) async throws {
        let home = try TemporaryDirectory()
        try home.write(Self.data, to: "data")
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        let result = try await session.run("echo one; \(code); echo two", maxBytes: 2000)
        #expect(result.output == "one\ntwo\n", "\(result)")
        // In an answer that begins in the middle of it, nothing of it shows either.
        let begin = try #require(session.command?.begin)
        let rest = try await session.read(
            offset: begin + 9000, wait: .zero, raw: false, maxBytes: 4000)
        #expect(rest.output == "two\n", "\(rest)")
        let raw = try await session.read(offset: begin, wait: .zero, raw: true, maxBytes: 4000)
        #expect(raw.output.contains("QUJDREVGR0hJ"))
    }

    @Test(arguments: TestShell.installed)
    @IO func `a string without an end hides neither the end of its command nor what follows`(
        shell: TestShell
    ) async throws {
        let home = try TemporaryDirectory()
        try home.write(Self.data, to: "data")
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        for begin in [#"\033]0;title"#, #"\033]1337;File=:"#, #"\033_G"#, #"\033Pq"#, #"\033P"#] {
            for rest in ["", "; cat data", "; echo; echo lost"] {
                let result = try await session.run("echo one; printf '\(begin)'\(rest)")
                #expect(result.state == .done && result.output.hasPrefix("one\n"), "\(result)")
                #expect(try await session.run("echo ok").output == "ok\n", "\(begin)\(rest)")
            }
        }
    }
}
