// Secrets to what asks for them, and to nothing else; they are seen nowhere.
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(2))) struct SessionsSecretTests {
    private static let secret = "canary-pässword 'x"

    @Test(arguments: TestShell.known)
    @IO func `a secret is typed where it is asked for, and shown nowhere`(shell: TestShell)
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        let code = """
            printf 'Password: '; stty -echo; read x; stty echo; echo; echo "you said $x!"
            printf '%s' "$x" | od -An -tx1 | tr -d ' \\n'; printf 'Again? '; read y; echo "$x$y"
            """
        let asking = try await session.run(code)
        #expect(asking.state == .secret, "\(asking)")
        var result = try await send(session, Self.secret)
        #expect(result.state == .lineInput, "\(result)")
        #expect(result.output.contains("you said [secret]!\n"))
        let hex = Self.secret.utf8.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
        #expect(result.output.contains(hex.joined()), "\(result)")
        // A line is asked for now, with echo.
        await refused(session, "not typed")
        result = try await session.type("more")
        #expect(result.state == .done)
        #expect(result.output.hasSuffix("[secret]more\n"), "\(result)")
        let all = session.log.bytes(0..<session.log.end)
        #expect(!all.contains(Array(Self.secret.utf8)))
        let screen = try await session.readScreen(offset: nil, wait: .zero, maxBytes: 9000)
        #expect(screen.screen?.rows.contains { $0.contains("canary") } == false)
        // Once the prompt is back nothing is replaced any more.
        #expect(try await session.run("echo canary-p").output == "canary-p\n")
        await refused(session, "not typed")
    }

    @IO private func send(_ session: Session, _ secret: String) async throws -> CommandResult {
        try await session.send(secret: secret, wait: .seconds(20), maxBytes: 10_000)
    }

    @IO private func refused(_ session: Session, _ why: String) async {
        do {
            let result = try await send(session, Self.secret)
            Issue.record("typed: \(result)")
        } catch {
            #expect("\(error)".contains(why), "\(error)")
            #expect(!"\(error)".contains("canary"))
        }
        #expect(!session.log.bytes(0..<session.log.end).contains(Array("canary-p\u{e4}".utf8)))
    }

    @Test @IO func `another prompt than the one that was told gets nothing`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        let code =
            "stty -echo; printf 'One: '; until [ -e on ]; do read -t 1 x; done; "
            + "printf '\\nTwo: '; read y; stty echo; echo \"=$x=$y=\""
        let asking = try await session.run(code, wait: .seconds(20))
        #expect(asking.state == .secret)
        #expect(asking.prompt == "One: ")
        _ = try home.write("", to: "on")
        #expect(await holds { session.log.bytes(0..<session.log.end).contains(Array("Two".utf8)) })
        await refused(session, "not at that prompt")
        // The screen has the words before the prompt is known for one.
        let isTold = try await holds(within: .seconds(20)) {
            let now = try await session.read(
                offset: session.command?.begin, wait: .zero, raw: false, maxBytes: 1000)
            return now.state == .secret && now.prompt == "Two: "
        }
        #expect(isTold)
        let done = try await send(session, "four")
        #expect(done.state == .done, "\(done)")
        #expect(done.output.hasSuffix("==[secret]=\n"), "\(done)")
        for bad in ["a\nb", "a\u{0}b", "\u{3}", String(repeating: "x", count: 1025)] {
            await #expect(throws: Fault.self) { try await send(session, bad) }
        }
    }

    @Test @IO func `what looks like the beginning of a secret is shown in time`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        _ = try await session.run("stty -echo; read x; stty echo; printf 'so: pass'; sleep 30")
        let result = try await session.send(
            secret: "password", wait: .milliseconds(100), maxBytes: 1000)
        #expect(result.state == .running)
        let shown = Array("so: pass".utf8)
        #expect(await holds { session.log.bytes(0..<session.log.end).suffix(8) == shown[...] })
    }
}
