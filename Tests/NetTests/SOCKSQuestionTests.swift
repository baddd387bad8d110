// What a SOCKS 5 server understands, at every cut of the client's bytes.
import Testing

@testable import Net

@Suite struct SOCKSQuestionTests {
    private struct Case {
        let bytes: [UInt8]
        let stage: SOCKSQuestion.Stage
        let reply: [UInt8]
        var rest: [UInt8] = []
    }

    private static let greeting: [UInt8] = [5, 2, 2, 0]
    private static let name = Array("db.example".utf8)
    private static let cases = [
        Case(
            bytes: greeting + [5, 1, 0, 1, 10, 0, 0, 7, 0x15, 0x38],
            stage: .asked(host: "10.0.0.7", port: 5432), reply: [5, 0]),
        Case(
            bytes: greeting + [5, 1, 0, 3, 10] + name + [0, 80] + Array("GET".utf8),
            stage: .asked(host: "db.example", port: 80), reply: [5, 0], rest: Array("GET".utf8)),
        Case(
            bytes: greeting + [5, 1, 0, 4] + [UInt8](repeating: 0, count: 15) + [1, 0, 22],
            stage: .asked(host: "::1", port: 22), reply: [5, 0]),
        // BIND and UDP ASSOCIATE; an address type that is none; no name; a name with a line break.
        Case(
            bytes: greeting + [5, 2, 0, 1, 1, 2, 3, 4, 0, 1], stage: .refused,
            reply: [5, 0] + SOCKSQuestion.answer(.unknownCommand)),
        Case(
            bytes: greeting + [5, 3, 0, 1, 1, 2, 3, 4, 0, 1], stage: .refused,
            reply: [5, 0] + SOCKSQuestion.answer(.unknownCommand)),
        Case(
            bytes: greeting + [5, 1, 0, 9, 1, 2], stage: .refused,
            reply: [5, 0] + SOCKSQuestion.answer(.unknownAddress)),
        Case(
            bytes: greeting + [5, 1, 0, 3, 0, 0, 80], stage: .refused,
            reply: [5, 0] + SOCKSQuestion.answer(.unknownAddress)),
        Case(
            bytes: greeting + [5, 1, 0, 3, 2, 10, 65, 0, 80], stage: .refused,
            reply: [5, 0] + SOCKSQuestion.answer(.unknownAddress)),
        // Only with a login; SOCKS 4; HTTP.
        Case(bytes: [5, 1, 2], stage: .refused, reply: [5, 0xff]),
        Case(bytes: [4, 1, 0, 80, 1, 2, 3, 4, 0], stage: .refused, reply: []),
        Case(bytes: Array("GET / HTTP/1.1".utf8), stage: .refused, reply: []),
    ]

    @Test func `each question is understood, wherever it is cut`() {
        for one in Self.cases {
            for cut in 0...one.bytes.count {
                var question = SOCKSQuestion()
                Array(one.bytes[..<cut]).withUnsafeBytes { question.take($0) }
                Array(one.bytes[cut...]).withUnsafeBytes { question.take($0) }
                #expect(question.stage == one.stage, "\(one.bytes) \(cut)")
                #expect(question.unsent == one.reply, "\(one.bytes) \(cut)")
                #expect(question.rest == one.rest, "\(one.bytes) \(cut)")
            }
        }
    }
}
