// Questions to persons, their answers, and the requests that carry these: fixed forms and bounds.
import JSON
import Testing

@testable import Wire

@Suite struct QuestionTests {
    private static let digest = String(repeating: "A", count: 43)
    private static let matters: [Question.Matter] = [
        .hostKey(type: "ssh-ed25519", fingerprint: "SHA256:x"),
        .secret(name: "root", program: "sudo", prompt: "[sudo] password for é: "),
        .policy(rule: "AskForCommand rm*", tool: "ssh_execute", text: "rm -rf /tmp/\u{202e}x\n"),
    ]

    @Test(arguments: matters) func `a question comes back as it was`(matter: Question.Matter) {
        var question = Question(
            matter, target: "db1", place: .init(host: "10.0.0.5", port: 22, user: "deploy"),
            session: "k3f9.7")
        question.digest = Self.digest
        #expect(Question(json: question.json) == question)
        var bare = Question(matter, target: nil)
        bare.digest = Self.digest
        #expect(Question(json: bare.json) == bare)
        // All but the digest is digested.
        var other = question
        other.digest = String(repeating: "E", count: 43)
        #expect(other.digested == question.digested && bare.digested != question.digested)
        let fault = Fault(.approvalNeeded, "m", asking: question)
        #expect(Fault(json: fault.json) == fault)
        #expect(Fault(json: Fault(.busy, "m", asking: question).json).question == nil)
    }

    @Test func `what is no question, or too long, is none`() {
        var question = Question(Self.matters[2], target: "db1")
        question.digest = Self.digest
        let long = String(repeating: "x", count: Question.textBytes + 1)
        let word = String(repeating: "x", count: Question.wordBytes + 1)
        let changes: [(String, JSON)] = [
            ("kind", "other"), ("kind", .null), ("digest", "short"), ("digest", .null),
            ("text", .string(long)), ("text", .null), ("rule", .string(word)), ("tool", 7),
            ("target", .string(word)), ("target", 7), ("host", "h"),
            ("digest", .string(String(repeating: "*", count: 43))),
        ]
        for (name, value) in changes {
            var members = question.json.objectValue ?? [:]
            members[name] = value
            #expect(Question(json: .object(members)) == nil, "\(name) \(value)")
        }
    }

    @Test func `grants travel beside a call, and a request keeps none that were taken`() throws {
        let grants = [
            Grant(Self.digest, .once), Grant(Self.digest, .pin),
            Grant(Self.digest, .secret(Array("p\"ä".utf8))),
        ]
        for approved in [nil, [], grants] {
            let request = Request(
                .execute, caller: Caller(id: "7", reach: ["*"]), approved: approved,
                arguments: RawJSON([:]))
            var read = try Request(decoding: request.encoded())
            #expect(read.approved == approved)
            #expect(read.takeApproved() == approved && read.approved == nil)
        }
        #expect("\(grants)".contains("ä") == false)
    }

    @Test func `a list of grants that cannot be read is refused`() {
        let one = #"{"digest":"\#(Self.digest)","choice":"once"}"#
        let many = Array(repeating: one, count: 17).joined(separator: ",")
        for list in [
            "7", "{}", "[7]", "[{}]", #"[{"digest":"x","choice":"once"}]"#, "[\(many)]",
            #"[{"digest":"\#(Self.digest)"}]"#, #"[{"digest":"\#(Self.digest)","choice":"ever"}]"#,
            #"[{"digest":"\#(Self.digest)","secret":""}]"#,
        ] {
            let text =
                #"{"jsonrpc":"2.0","id":1,"method":"command.list","params":{"principal":"7","reach":[],"approved":\#(list),"arguments":{}}}"#
            #expect(throws: Fault.self, "\(list)") { try Request(decoding: Array(text.utf8)) }
        }
    }
}
