// A session over a scripted terminal: odd bytes, odd cuts, silence, an end at every moment.
import Loop
import Programs
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

/// A terminal that answers as a shell would, in pieces of random size.
@IO final class FakeShell: ShellTransport {
    var onOutput: (@IO ([UInt8]) -> Void)?
    var onEnd: (@IO (ProgramEnd) -> Void)?
    var unsent: Int { 0 }
    var written: [UInt8] = []
    var random: UInt64
    /// What the next commands print; nil: nothing answers any more.
    var output: [UInt8]? = []
    var noise: [UInt8] = []
    private let key: String

    init(nonce: Nonce, seed: UInt64) {
        key = nonce.text
        random = seed
    }

    func write(_ bytes: [UInt8]) {
        written += bytes
        guard output != nil else { return }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            answer(String(line))
        }
    }

    private func answer(_ line: String) {
        var reply = Array((line + "\r\n").utf8)
        if line.contains("133;P;") { reply += mark("P", "42;none;/bin/dash") }
        if line.contains("__s=298") { reply += mark("D", "0;298;0;/") }
        if line.hasSuffix(";__s=0;__p") { reply += mark("D", "0;0;0;/") }
        if let place = line.split(separator: "__e ").last, line.contains("__e "),
            let number = Int(place.prefix { $0.isNumber })
        {
            reply += Array("\u{1b}]133;C;\(key);\(number);\r\n".utf8)
            reply += noise
            for byte in output ?? [] { reply += byte == 10 ? [13, 10] : [byte] }
            reply += mark("E", "0;\(number);/x") + mark("D", "0;0;\(number);/x")
        }
        var rest = reply[...]
        while !rest.isEmpty {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let piece = rest.prefix(Int(random >> 33) % 40 + 1)
            rest = rest.dropFirst(piece.count)
            let bytes = Array(piece)
            IO.task { self.onOutput?(bytes) }
        }
    }

    private func mark(_ letter: String, _ fields: String) -> [UInt8] {
        Array("\u{1b}]133;\(letter);\(key);\(fields);\(key)\u{7}".utf8)
    }

    func findLogin() async -> LoginShell.Answer { .hidden }
    func pause() {}
    func resume() { IO.task { self.onOutput?(Array("$ ".utf8)) } }
    func resize(columns: UInt16, rows: UInt16) {}
    func close() {}
    func ask(_ question: Probe.Question) async -> [UInt8]? { nil }
}

@Suite(.serialized) struct SessionsFakeTests {
    @IO func open(_ seed: UInt64, limit: Duration = .seconds(5), silent: Bool = false) async throws
        -> (
            Session, FakeShell
        )
    {
        let nonce = Nonce()
        let fake = FakeShell(nonce: nonce, seed: seed)
        if silent { fake.output = nil }
        let session = Session(
            id: "s", owner: "o", target: "a/b", nonce: nonce, transport: fake,
            log: OutputLog(of: "test"),
            isPersistent: false, idleTimeout: .seconds(1))
        try await session.open(within: limit)
        return (session, fake)
    }

    @Test @IO func `any output in any pieces comes back exactly`() async throws {
        for seed in UInt64(1)...60 {
            let (session, fake) = try await open(seed)
            var state = seed
            for _ in 0..<5 {
                let output = (0..<300).map { _ -> UInt8 in
                    state = state &* 6_364_136_223_846_793_005 &+ 1
                    let choices: [UInt8] = [0x1b, 93, 49, 51, 59, 7, 10, 13, 0, 97, 255, 67]
                    return choices[Int(state >> 40) % choices.count]
                }
                fake.output = output
                let result = try await session.run("x")
                #expect(result.state == .done)
                #expect(
                    session.log.bytes(result.offset..<result.nextOffset) == output, "seed \(seed)")
                #expect(result.cwd == "/x")
            }
        }
    }

    @Test @IO func `a terminal that never answers is given up in time`() async throws {
        let begin = IO.now
        await #expect(throws: Fault.self) {
            try await open(1, limit: .milliseconds(300), silent: true)
        }
        #expect(IO.now - begin < .seconds(5))
    }

    @Test @IO func `an end at any moment ends the command once`() async throws {
        let (session, fake) = try await open(3)
        fake.output = nil
        let waiting = IO.task { try? await session.run("never", wait: .seconds(20)) }
        #expect(await holds { session.isRunning })
        fake.onEnd?(.lost("gone"))
        #expect(await waiting.value?.state == .linkLost)
        #expect(session.end == .lost("gone"))
        await #expect(throws: Fault.self) { try await session.run("more") }
    }

    @Test func `the log tells what is gone`() async {
        await IO.task {
            let log = OutputLog(memoryLimit: 100_000, spoolLimit: 200_000, of: "test")
            var all: [UInt8] = []
            for number in 0..<2000 {
                let piece = Array(String(repeating: "\(number),", count: 100).utf8)
                all += piece
                log.append(piece[...])
            }
            #expect(log.end == all.count)
            #expect(log.end - log.start >= 200_000)
            #expect(log.end - log.start <= 400_000)
            for start in stride(from: log.start, to: log.end - 1000, by: 7777) {
                #expect(
                    log.bytes(start..<(start + 1000)).elementsEqual(all[start..<(start + 1000)]))
            }
            #expect(log.bytes(log.start..<log.end).elementsEqual(all[log.start...]))
            let excerpt = Excerpt(log, 0..<log.end, maxBytes: 3000, isOver: true)
            #expect(excerpt.lostBytes == log.start)
            #expect(excerpt.omittedBytes > 0)
            #expect(excerpt.text.utf8.count < 3200)
        }.value
    }

    @Test func `an excerpt of lines is cut between them, and counts what is left out`() async {
        await IO.task {
            let log = OutputLog(of: "test")
            let lines = (0..<1000).map { "line \($0)\n" }.joined()
            log.append(Array(lines.utf8)[...])
            let excerpt = Excerpt(log, 0..<log.end, maxBytes: 900, isOver: true)
            let parts = excerpt.text.split(separator: "[... ")
            #expect(parts.count == 2)
            #expect(lines.hasPrefix(parts[0]))
            let tail = parts[1].drop { $0 != "\n" }.dropFirst()
            #expect(lines.hasSuffix(tail))
            #expect(parts[0].utf8.count + excerpt.omittedBytes + tail.utf8.count == log.end)
            let progress = OutputLog(of: "test")
            progress.append(Array((0..<9999).map { "\($0) %\r" }.joined().utf8)[...])
            let short = Excerpt(progress, 0..<progress.end, maxBytes: 100, isOver: true)
            #expect(short.text == "9998 %")
            #expect(short.omittedBytes == 0)
            #expect(Excerpt(log, 0..<log.end, maxBytes: 0, isOver: true).text == "")
        }.value
    }
}
