// Reading one-shot commands: exact bytes, what a read waits for, and until when they run.
import Foundation
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(2))) struct ReadingRunsTests {
    @Test(arguments: ["box", "local"])
    func `bytes that are not UTF-8 are flagged, and exact as base64`(host: String) async throws {
        try await withCommands(host) { setup in
            let command = #"printf 'a\377\0b\n'; printf 'ok é\n' >&2"#
            let text = try await setup.run(command, on: host)
            #expect(!text.stdout.isUTF8 && text.stderr.isUTF8)
            #expect(text.json["not_utf8"] == ["stdout"] && text.stderr.text == "ok é\n")
            let exact = try await setup.run(command, on: host) { $0.encoding = .base64 }
            #expect(exact.json["encoding"] == "base64" && exact.json["not_utf8"] == nil)
            #expect(exact.stdout.text == "Yf8AYgo=" && exact.stdout.nextOffset == 5)
            let part = try await setup.output(text.commandID, from: 1) {
                ($0.encoding, $0.maxBytes) = (.base64, 2)
            }
            #expect(part.stdout.text == "/wA=" && part.stdout.nextOffset == 3, "\(part)")
            let cut = try await setup.run("head -c 3000 /dev/zero", on: host) {
                ($0.encoding, $0.maxBytes) = (.base64, 1000)
            }
            #expect(cut.stdout.nextOffset == 1000 && cut.stdout.omittedBytes == 2000)
            let plain = try await setup.run("echo é", on: host)
            #expect(plain.json["not_utf8"] == nil && plain.json["encoding"] == nil)
        }
    }

    @Test func `a read waits for output, the end, or a line`() async throws {
        try await withCommands("local") { setup in
            let gate = setup.directory.file("gate")
            let begun = try await setup.run(
                "echo one; echo two >&2; until [ -e \(gate) ]; do sleep 0.05; done; echo three",
                on: "local"
            ) { ($0.isBackground, $0.timeout) = (true, nil) }
            #expect(begun.endsInSeconds == nil && begun.json["ends_in_s"] == nil)
            let id = begun.commandID
            let line = try await setup.output(id, wait: .seconds(20)) { $0.until = "^two$" }
            #expect(line.isMatched == true && line.state == .running, "\(line)")
            let none = try await setup.output(id, wait: .milliseconds(50)) { $0.until = "^th" }
            #expect(none.isMatched == false && none.stdout.text == "one\n")
            let early = try await setup.output(id, wait: .milliseconds(50)) { $0.goal = .end }
            #expect(early.state == .running && early.isMatched == nil)
            let end = IO.task { try? await setup.output(id, wait: .seconds(20)) { $0.goal = .end } }
            #expect(FileManager.default.createFile(atPath: gate, contents: nil))
            let over = try #require(await end.value)
            #expect(over.state == .done && over.stdout.text == "one\nthree\n")
            let late = try await setup.output(id, from: 4, wait: .seconds(20)) { $0.until = "o" }
            #expect(late.isMatched == true, "stderr is searched too")
            let wrong = await #expect(throws: Fault.self) {
                try await setup.output(id) { $0.until = "(" }
            }
            #expect(wrong?.code == .invalidArgument)
            #expect(try await setup.output(id) { $0.until = "^no" }.isMatched == false)
        }
    }

    @Test func `a read of the end alone has head and tail`() async throws {
        try await withCommands("local") { setup in
            let begun = try await setup.run("seq 1 100000", on: "local") { $0.isBackground = true }
            let over = try await setup.output(begun.commandID, wait: .seconds(20)) {
                ($0.stdoutOffset, $0.stderrOffset, $0.goal, $0.maxBytes) = (nil, nil, .end, 900)
            }
            #expect(over.stdout.text.hasPrefix("1\n") && over.stdout.text.hasSuffix("\n100000\n"))
        }
    }

    @Test func `only a limit that was asked for ends a background command`() async throws {
        try await withCommands("local") { setup in
            let limited = try await setup.run("sleep 78", on: "local") {
                ($0.isBackground, $0.timeout) = (true, .seconds(600))
            }
            #expect((590...600).contains(limited.endsInSeconds ?? 0), "\(limited)")
            let waiting = try await setup.run("sleep 79", on: "local") { $0.wait = .zero }
            #expect((170...180).contains(waiting.endsInSeconds ?? 0), "\(waiting)")
            await setup.commands.shutDown(saying: "the test is over")
        }
    }

    @Test @IO func `lists are short, filtered, and name the owners of others' commands`()
        async throws
    {
        let desk = try await Desk([])
        for index in 0..<5 {
            let call: JSON.Object = [
                "target": "site/local", "command": .string("exit \(index)"), "wait_s": 20,
            ]
            _ = try await desk.call(.execute, call).get()
        }
        let long: JSON.Object = [
            "target": "site/local", "command": "sleep 80", "background": true,
        ]
        _ = try await desk.call(.execute, long).get()
        func list(
            _ arguments: JSON.Object, as caller: Caller = Caller(id: "ada", reach: ["*"])
        ) async throws -> JSON {
            try await desk.call(.listCommands, arguments, as: caller).get()
        }
        func commands(_ list: JSON) -> [String?] {
            (list["commands"]?.arrayValue ?? []).map { $0["command"]?.stringValue }
        }
        let short = try await list(["limit": 2])
        #expect(commands(short) == ["sleep 80", "exit 4"] && short["more"] == 4)
        #expect(short["commands"]?[0]?["owner"] == nil)
        let running = try await list(["state": "running"])
        #expect(commands(running) == ["sleep 80"] && running["more"] == nil)
        #expect(try await commands(list(["state": "done", "limit": 1])) == ["exit 4"])
        let admin = Caller(id: "root", isAdmin: true, reach: ["*"])
        #expect(try await list([:], as: admin)["commands"]?[0]?["owner"] == "ada")
        await desk.service.shutDown()
    }
}
