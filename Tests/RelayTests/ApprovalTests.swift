// The broker of questions to persons: a table over the time, then the broker itself.
import Crypto
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_relay

@Suite struct ApprovalTests {
    private static func question(
        _ digest: Character = "A", _ matter: Question.Matter? = nil
    ) -> Question {
        var question = Question(
            matter ?? .hostKey(type: "ssh-ed25519", fingerprint: "SHA256:x"), target: "db1")
        question.digest = String(repeating: digest, count: 42) + "A"
        return question
    }

    private static let ada = Approval.Asker(principal: "ada", label: "Ada")
    private static let site = Approval.Origin(id: "s1", name: "site")

    private static func approval(
        _ id: String, _ question: Question = question(), by asker: Approval.Asker = ada,
        at origin: Approval.Origin = site, created: Int64 = 0
    ) -> Approval {
        Approval(id: id, question, by: asker, at: origin, created: created, lifetime: 300)
    }

    private static func key(
        _ question: Question = question(), of principal: String = "ada", at agent: String = "s1"
    ) -> Approval.Key {
        .init(digest: question.digest, principal: principal, agent: agent, call: nil)
    }

    // MARK: The table

    @Test func `an answer is taken once, in time, by whom and where it was asked`() throws {
        var table = ApprovalTable(lifetime: 300)
        try table.add(Self.approval("aaaa1"), at: 0)
        let key = Self.key()
        #expect(table.take(key, 1) == nil, "nobody has answered")
        _ = try table.answer("aaaa1", .granted(isPin: true), by: "op", at: 10)
        // Another principal, agent or digest; too late.
        #expect(table.take(Self.key(of: "bob"), 11) == nil)
        #expect(table.take(Self.key(at: "s2"), 11) == nil)
        #expect(table.take(Self.key(Self.question("B")), 11) == nil)
        #expect(table.take(key, 300) == nil)
        let taken = table.take(key, 299)
        #expect(taken?.id == "aaaa1" && taken?.isPin == true)
        #expect(table.take(key, 299) == nil, "taken twice")
        table.giveBack("aaaa1", isPin: true)
        #expect(table.take(key, 299)?.id == "aaaa1")
        #expect(table["aaaa1"]?.state(at: 1000) == .used)
        #expect(table["aaaa1"]?.answeredBy == "op")
    }

    @Test func `what was decided or has expired is not decided again`() throws {
        for (first, now) in [
            (Approval.State.granted(isPin: false), 5), (.denied, 5), (nil, 300),
        ] as [(Approval.State?, Int64)] {
            var table = ApprovalTable(lifetime: 300)
            try table.add(Self.approval("aaaa1"), at: 0)
            if let first { _ = try table.answer("aaaa1", first, by: "a", at: 1) }
            let state = try #require(table["aaaa1"]?.state(at: now))
            #expect(throws: ApprovalError.notWaiting(state)) {
                try table.answer("aaaa1", .granted(isPin: false), by: "b", at: now)
            }
            #expect(table.take(Self.key(), 300) == nil)
        }
    }

    @Test func `a refusal stands until it expires, an answer that was used does not`() throws {
        var table = ApprovalTable(lifetime: 300)
        try table.add(Self.approval("aaaa1"), at: 0)
        let key = Self.key()
        #expect(table.known(key, 1)?.id == "aaaa1")
        _ = try table.answer("aaaa1", .denied, by: "a", at: 1)
        #expect(table.known(key, 299)?.state(at: 299) == .denied)
        #expect(table.known(key, 300) == nil)
        try table.add(Self.approval("aaaa2", created: 300), at: 300)
        _ = try table.answer("aaaa2", .granted(isPin: false), by: "a", at: 301)
        _ = table.take(key, 302)
        #expect(table.known(key, 302) == nil)
    }

    @Test func `a principal has a share, in which what counts no more makes room`() throws {
        var table = ApprovalTable(lifetime: 300)
        for index in 0..<ApprovalTable.mostWaiting {
            try table.add(Self.approval("a\(index)"), at: 0)
        }
        #expect(throws: Fault.self) { try table.add(Self.approval("x"), at: 299) }
        // A refusal stands, and what was granted is still to be used.
        _ = try table.answer("a0", .denied, by: "op", at: 1)
        _ = try table.answer("a1", .granted(isPin: false), by: "op", at: 1)
        #expect(throws: Fault.self) { try table.add(Self.approval("x"), at: 299) }
        _ = try table.answer("a2", .used, by: "op", at: 1)
        try table.add(Self.approval("x"), at: 299)
        #expect(table["a2"] == nil && table["a0"] != nil)
        #expect(table.listed.count == ApprovalTable.mostWaiting)
    }

    @Test func `there is a bound for all, and room is made by time`() throws {
        var table = ApprovalTable(lifetime: 300)
        func asker(_ index: Int) -> Approval.Asker { .init(principal: "p\(index)", label: "") }
        for index in 0..<ApprovalTable.most {
            let owner = asker(index / ApprovalTable.mostWaiting)
            try table.add(Self.approval("b\(index)", by: owner), at: 0)
        }
        #expect(throws: Fault.self) { try table.add(Self.approval("x"), at: 1) }
        // What was granted goes only where nothing is over.
        let second = ApprovalTable.mostWaiting
        _ = try table.answer("b0", .granted(isPin: false), by: "op", at: 1)
        _ = try table.answer("b\(second)", .used, by: "op", at: 1)
        try table.add(Self.approval("x"), at: 1)
        #expect(table["b\(second)"] == nil && table["b0"] != nil)
        try table.add(Self.approval("y"), at: 1)
        #expect(table["b0"] == nil)
        #expect(throws: Fault.self) { try table.add(Self.approval("z"), at: 1) }
        // Of those that are over, one of the principal that has most goes first.
        for id in ["x", "b\(2 * second)"] { _ = try table.answer(id, .used, by: "op", at: 1) }
        try table.add(Self.approval("z"), at: 1)
        #expect(table["b\(2 * second)"] == nil && table["x"] != nil)
        table.sweep(600)
        #expect(table.isEmpty)
    }

    @Test func `an id may be shortened to what no other begins with`() throws {
        var table = ApprovalTable(lifetime: 300)
        for id in ["abcd1", "abcd12", "abce1"] { try table.add(Self.approval(id), at: 0) }
        #expect(try table.find("abce").id == "abce1")
        #expect(try table.find("abcd1").id == "abcd1")
        #expect(throws: ApprovalError.ambiguous("abcd")) { try table.find("abcd") }
        for text in ["", "abc", "abcf"] {
            #expect(throws: ApprovalError.unknown(text)) { try table.find(text) }
        }
    }

    // MARK: The broker

    /// A clock that a test sets.
    @IO private final class Hand {
        var now: Int64 = 0
    }

    private static func name(
        _ digest: String = "d", grant: String = "g"
    ) -> Approvals.CallName {
        .init(
            principal: "ada", grant: grant, agent: "s1", method: "session.send", digest: digest)
    }

    private static func noted(
        _ make: @escaping @IO @Sendable ([Grant]) async -> Result<AgentAnswer, Fault> = { _ in
            .failure(Fault(.internal, "made"))
        }, for call: Approvals.CallName = ApprovalTests.name()
    ) -> Approvals.NotedCall { .init(name: call, make: make, isKept: true) }

    @Test @IO func `the same question is asked once, and a person who refused is not asked again`()
        async throws
    {
        let clock = Hand()
        let approvals = Approvals { clock.now }
        var told: [String] = []
        approvals.onChange.append { told.append($0.state(at: clock.now).name) }
        let first = try approvals.note(
            Self.question(), by: Self.ada, at: Self.site, Self.noted())
        let second = try approvals.note(
            Self.question(), by: Self.ada, at: Self.site, Self.noted())
        #expect(first.id == second.id && first.id.utf8.count == 22)
        #expect(approvals.waiting.count == 1)
        #expect(!approvals.wasTold(first.id) && !approvals.wasTold(first.id))
        approvals.noteTold(first.id)
        #expect(approvals.wasTold(first.id))
        try approvals.answer(first.id, .deny, by: "Ada's page")
        #expect(throws: Fault.self) {
            try approvals.note(Self.question(), by: Self.ada, at: Self.site, Self.noted())
        }
        let bob = Approval.Asker(principal: "bob", label: "Bob")
        let other = try approvals.note(Self.question(), by: bob, at: Self.site, Self.noted())
        #expect(other.id != first.id)
        #expect(approvals.take(Self.question(), of: "ada", at: "s1") == nil)
        clock.now = 300
        #expect(approvals.state(of: other.id) == .expired && approvals.waiting.isEmpty)
        #expect(told == ["waiting", "denied", "waiting"])
    }

    @Test @IO func `an answer must be of the kind that was asked for`() async throws {
        let approvals = Approvals()
        let key = try approvals.note(Self.question("A"), by: Self.ada, at: Self.site, Self.noted())
        let secret = try approvals.note(
            Self.question("B", .secret(name: "n", program: "sudo", prompt: "?")), by: Self.ada,
            at: Self.site, Self.noted())
        let rule = try approvals.note(
            Self.question("C", .policy(rule: "r", tool: "t", text: "rm")), by: Self.ada,
            at: Self.site, Self.noted())
        #expect(throws: ApprovalError.self) {
            try approvals.answer(key.id, secret: SecretBytes("x".utf8), by: "op")
        }
        #expect(throws: ApprovalError.self) {
            try approvals.answer(secret.id, .grant(isPin: false), by: "op")
        }
        #expect(throws: ApprovalError.self) {
            try approvals.answer(rule.id, .grant(isPin: true), by: "op")
        }
        for count in [0, 1025] {
            #expect(throws: ApprovalError.self) {
                try approvals.answer(
                    secret.id, secret: SecretBytes([UInt8](repeating: 97, count: count)), by: "op")
            }
        }
        #expect(approvals.waiting.count == 3)
        approvals.forget("ada")
        #expect(approvals.waiting.isEmpty)
    }

    @Test @IO func `a call with a secret is made at once, and its outcome kept for one such call`()
        async throws
    {
        let clock = Hand()
        let approvals = Approvals { clock.now }
        var made: [[Grant]] = []
        let gate = Once<Void>()
        let call = Self.noted { grants in
            made.append(grants)
            await gate.wait()
            return .success(AgentAnswer(RawJSON(["output": "in"])))
        }
        let question = Self.question("B", .secret(name: "n", program: "sudo", prompt: "?"))
        let approval = try approvals.note(question, by: Self.ada, at: Self.site, call)
        #expect(await approvals.outcome(of: Self.name()) == nil)
        try approvals.answer(approval.id, secret: SecretBytes("s3cret".utf8), by: "op")
        #expect(approvals.state(of: approval.id) == .used)
        #expect(await until { made.count == 1 })
        #expect(made == [[Grant(question.digest, .secret(Array("s3cret".utf8)))]])
        // Whoever asks meanwhile waits for it.
        let waiting = IO.task { await approvals.outcome(of: Self.name()) }
        gate.set(())
        let answer = try #require(await waiting.value)
        #expect(try answer.get().result.parsed()["output"] == "in")
        #expect(await approvals.outcome(of: Self.name()) == nil, "taken twice")
        #expect(await approvals.outcome(of: Self.name("other")) == nil)
    }

    @Test @IO func `a secret is for the call that it was asked for, and for its program`()
        async throws
    {
        let approvals = Approvals()
        func note(_ call: String, grant: String) throws -> Approval {
            try approvals.note(
                Self.question("B", .secret(name: "n", program: "login", prompt: "?")),
                by: Self.ada, at: Self.site,
                Self.noted(
                    { _ in .success(AgentAnswer(RawJSON(["output": .string(call + grant)]))) },
                    for: Self.name(call, grant: grant)))
        }
        let load = try note("uptime", grant: "claude")
        let others = [try note("rm", grant: "claude"), try note("uptime", grant: "other")]
        #expect(Set(others.map(\.id) + [load.id]).count == 3)
        #expect(try note("uptime", grant: "claude").id == load.id)
        try approvals.answer(load.id, secret: SecretBytes("s3cret".utf8), by: "op")
        #expect(await approvals.outcome(of: Self.name("rm", grant: "claude")) == nil)
        #expect(await approvals.outcome(of: Self.name("uptime", grant: "other")) == nil)
        let answer = try #require(
            await approvals.outcome(of: Self.name("uptime", grant: "claude")))
        #expect(try answer.get().result.parsed()["output"] == "uptimeclaude")
        for other in others { #expect(approvals.state(of: other.id) == .waiting) }
    }

    @Test func `a client's words are limited by scalars`() {
        let marks = "e" + String(repeating: "\u{301}", count: 10_000)
        let words = ClientWords(client: marks, meta: [ClientWords.reasonName: .string(marks)])
        #expect(words.client?.unicodeScalars.count == 500)
        #expect(words.reason?.unicodeScalars.count == 500)
    }

    @Test(
        arguments: [
            ("*", "web1", nil, true), ("lab", "db", nil, true), ("lab/web*", "web1", nil, true),
            ("lab/web*", "db", nil, false), ("other", "web1", nil, false),
            ("lab/root@web*", "web1", "root", true), ("lab/root@web*", "web1", "ada", false),
            ("lab/web*", "ada@web1:22", nil, true), ("lab/web*", nil, nil, true),
            ("lab/web*", "no host", nil, false),
        ] as [(String, String?, String?, Bool)])
    func `a question is within a pattern that covers its host`(
        pattern: String, target: String?, user: String?, isCovered: Bool
    ) throws {
        let question = Question(
            .hostKey(type: "t", fingerprint: "f"), target: target,
            place: user.map { Question.Place(host: "10.0.0.1", port: 22, user: $0) })
        let own = try #require(AccessPattern(pattern))
        #expect(
            Self.approval("x", question).isCovered(by: own, agent: "lab", tags: [])
                == isCovered)
    }

    @Test func `what is not seen is made visible`() {
        #expect(
            "\u{3164}\u{115f}\u{34f}\u{fe0f}".visible
                == "⟨U+3164⟩⟨U+115F⟩⟨U+34F⟩⟨U+FE0F⟩")
        #expect(
            "a\u{1b}[2J\n\u{202e}b\u{7f}\u{85}\u{a0}é\u{200b}".visible
                == "a\u{241b}[2J\u{240a}⟨U+202E⟩b\u{2421}⟨U+85⟩⟨U+A0⟩é⟨U+200B⟩")
    }
}
