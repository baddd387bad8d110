// Input that is odd, too long or none at all: a plain answer each time, and the session goes on.
import Crypto
import JSON
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(2))) struct SessionsBadInputTests {
    @Test(arguments: TestShell.known + [.fish, .tcsh].filter(\.isInstalled))
    @IO func `a command that no shell can take is refused, and the next one runs`(shell: TestShell)
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        for (code, word) in [
            ("echo a\u{0}b", "NUL"), ("\u{0}", "NUL"),
            (String(repeating: "x", count: 2 << 20), "more than"),
            (": '" + String(repeating: "é", count: 1 << 20) + "'", "more than"),
        ] {
            do {
                let result = try await session.run(code)
                Issue.record("ran: \(result.state)")
            } catch {
                #expect("\(error)".contains(word), "\(error)")
                #expect("\(error)".utf8.count < 300)
            }
            #expect(session.command == nil)
        }
        for code in ["", " ", "\t \n  \n", String(repeating: " ", count: 5000)] {
            let result = try await session.run(code)
            #expect(result.state == .done, "\(code.debugDescription): \(result)")
            #expect(result.exitCode == 0 && result.output == "")
        }
        for code in ["\r", "\r\n", "\u{1b}", "\u{3}", "\u{4}", "\u{7f}", "\u{1a}"] {
            let result = try await session.run(code, wait: .seconds(10))
            #expect(
                [.done, .aborted].contains(result.state), "\(code.debugDescription): \(result)")
        }
        let result = try await session.run("echo a; false")
        #expect(result.output == "a\n" && result.exitCode == 1, "\(result)")
    }

    @Test @IO func `text that is odd or too long harms nothing`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        _ = try await session.run("cat >/dev/null", wait: .milliseconds(300))
        for text in [
            "a\u{0}b", "\u{1b}[6n", "é\r\nü", "\u{ff}", String(repeating: "y", count: 3000),
        ] {
            let result = try await session.type(text, wait: .milliseconds(100))
            #expect([.running, .lineInput].contains(result.state), "\(result)")
        }
        do {
            _ = try await session.type(String(repeating: "z", count: 2 << 20))
            Issue.record("2 MiB were typed")
        } catch { #expect("\(error)".contains("in parts"), "\(error)") }
        _ = try await session.press("ctrl-c")
        #expect(try await session.run("echo ok").output == "ok\n")
    }

    @Test @IO func `bytes that are no JSON get a fault of their own`() async throws {
        let identity = Identity(
            key: try .generate(), addresses: ["tls://r:1"], pin: nil, agentID: "id", name: "site")
        let service = Agent(identity: identity, settings: AgentSettings())
        let head =
            #"{"jsonrpc":"2.0","id":1,"method":"session.command","params":{"principal":"p","reach":["*"],"arguments":"#
        for arguments in [
            Array(#"{"session_id":"a","command":""#.utf8) + [0xff, 0xc3, 0x28] + Array("\"}".utf8),
            Array(#"{"session_id":"a","command":"\ud800"}"#.utf8),
            Array("{\"session_id\":\"a\",\"command\":\"\u{0}\"}".utf8),
            Array(#"{"session_id":"a","command":7}"#.utf8), Array(#"{"session_id":"a"}"#.utf8),
        ] {
            let answer = await service.dispatcher.answer(
                Array(head.utf8) + arguments + Array("}}".utf8))
            guard case .fault(let fault) = Reply(decoding: answer) else {
                Issue.record("passed: \(String(decoding: arguments, as: UTF8.self))")
                continue
            }
            #expect(fault.code == .invalidArgument, "\(fault)")
        }
        await service.shutDown()
    }
}
