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

    // MARK: The table

    @Test func `an answer is taken once, in time, by whom and where it was asked`() throws {
        var table = ApprovalTable(lifetime: 300)
        try table.add(Self.approval("aaaa1"), at: 0)
        let digest = Self.question().digest
        #expect(table.take(digest, of: "ada", at: "s1", 1) == nil, "nobody has answered")
        _ = try table.answer("aaaa1", .granted(isPin: true), by: "op", at: 10)
        // Another principal, agent or digest; too late.
        #expect(table.take(digest, of: "bob", at: "s1", 11) == nil)
        #expect(table.take(digest, of: "ada", at: "s2", 11) == nil)
        #expect(table.take(Self.question("B").digest, of: "ada", at: "s1", 11) == nil)
        #expect(table.take(digest, of: "ada", at: "s1", 300) == nil)
        let taken = table.take(digest, of: "ada", at: "s1", 299)
        #expect(taken?.id == "aaaa1" && taken?.isPin == true)
        #expect(table.take(digest, of: "ada", at: "s1", 299) == nil, "taken twice")
        table.giveBack("aaaa1", isPin: true)
        #expect(table.take(digest, of: "ada", at: "s1", 299)?.id == "aaaa1")
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
            #expect(table.take(Self.question().digest, of: "ada", at: "s1", 300) == nil)
        }
    }

    @Test func `a refusal stands until it expires, an answer that was used does not`() throws {
        var table = ApprovalTable(lifetime: 300)
        try table.add(Self.approval("aaaa1"), at: 0)
        let digest = Self.question().digest
        #expect(table.known(digest, of: "ada", at: "s1", 1)?.id == "aaaa1")
        _ = try table.answer("aaaa1", .denied, by: "a", at: 1)
        #expect(table.known(digest, of: "ada", at: "s1", 299)?.state(at: 299) == .denied)
        #expect(table.known(digest, of: "ada", at: "s1", 300) == nil)
        try table.add(Self.approval("aaaa2", created: 300), at: 300)
        _ = try table.answer("aaaa2", .granted(isPin: false), by: "a", at: 301)
        _ = table.take(digest, of: "ada", at: "s1", 302)
        #expect(table.known(digest, of: "ada", at: "s1", 302) == nil)
    }

    @Test func `there are bounds for a principal and for all, and room is made by time`() throws {
        var table = ApprovalTable(lifetime: 300)
        for index in 0..<ApprovalTable.mostWaiting {
            try table.add(Self.approval("a\(index)"), at: 0)
        }
        #expect(throws: Fault.self) { try table.add(Self.approval("x"), at: 299) }
        try table.add(Self.approval("x", created: 300), at: 300)
        for index in 0..<(ApprovalTable.most - table.listed.count) {
            let asker = Approval.Asker(principal: "p\(index / 30)", label: "")
            try table.add(Self.approval("b\(index)", by: asker, created: 300), at: 300)
        }
        // Those that wait no more make room for one, not those that wait.
        #expect(table.waiting(at: 300).count == ApprovalTable.most - ApprovalTable.mostWaiting)
        let asker = Approval.Asker(principal: "q", label: "")
        for index in 0..<ApprovalTable.mostWaiting {
            try table.add(Self.approval("c\(index)", by: asker, created: 300), at: 300)
        }
        let last = Approval.Asker(principal: "r", label: "")
        #expect(throws: Fault.self) { try table.add(Self.approval("d", by: last), at: 300) }
        table.sweep(900)
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

    private static func name(_ digest: String = "d") -> Approvals.CallName {
        .init(principal: "ada", agent: "s1", method: "session.send", digest: digest)
    }

    private static func noted(
        _ make: @escaping @IO @Sendable ([Grant]) async -> Result<AgentAnswer, Fault> = { _ in
            .failure(Fault(.internal, "made"))
        }, isKept: Bool = true
    ) -> Approvals.NotedCall { .init(name: name(), make: make, isKept: isKept) }

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
        #expect(!approvals.wasTold(first.id) && approvals.wasTold(first.id))
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

    @Test func `what is not seen is made visible`() {
        #expect(
            "a\u{1b}[2J\n\u{202e}b\u{7f}\u{85}\u{a0}é\u{200b}".visible
                == "a\u{241b}[2J\u{240a}⟨U+202E⟩b\u{2421}⟨U+85⟩⟨U+A0⟩é⟨U+200B⟩")
    }
}
