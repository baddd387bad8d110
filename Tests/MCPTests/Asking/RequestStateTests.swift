// The sealed state between two rounds: what it is bound to, and that nothing else opens.
import Crypto
import JSON
import Loop
import Testing

@testable import MCP

@Suite struct `Request state` {
    private static let now: Int64 = 1_000_000

    private static func request(
        _ params: String = #"{"name":"a","arguments":{"x":1}}"#,
        as principal: Principal = Fixture.ada,
        method: String = "tools/call"
    ) throws -> Request {
        let text = #"{"jsonrpc":"2.0","id":1,"method":"\#(method)","params":\#(params)}"#
        let message = try Message(Array(text.utf8))
        let caller = Caller(
            revision: .newest, principal: principal, client: nil,
            capabilities: ClientCapabilities())
        return try Request(
            message, id: try #require(message.id), method: method, caller: caller)
    }

    private static let round = InputRound(
        requests: [.roots("r")], settled: ["s": .result(["a": 1]), "t": .none("late")],
        kept: ["k": "v"])

    @IO private static func sealed(
        _ inquiries: Inquiries, _ request: Request, after last: RequestState? = nil
    ) throws -> String {
        try inquiries.seal(
            round, request, after: last, digest: request.params.digest, at: now)
    }

    @IO private static func refusal(
        _ inquiries: Inquiries, _ text: String, _ request: Request, at now: Int64 = now
    ) -> String? {
        do throws(MCPError) {
            _ = try inquiries.open(text, request, digest: request.params.digest, at: now)
            return nil
        } catch {
            #expect(error.code(in: .newest) == -32602)
            return error.description
        }
    }

    @Test @IO func `it brings back what it was given`() throws {
        let inquiries = Inquiries(.random(), MCPLimits.Asking())
        let request = try Self.request()
        let text = try Self.sealed(inquiries, request)
        let state = try inquiries.open(
            text, request, digest: request.params.digest, at: Self.now)
        #expect(state.round == 1 && state.asked == ["r"] && state.kept == ["k": "v"])
        #expect(state.settled == ["s": ["a": 1]])
        #expect(!text.contains("ada"))
        #expect(try Self.sealed(inquiries, request) != text)
    }

    @Test @IO func `it counts only for its principal, method, parameters and time`() throws {
        let inquiries = Inquiries(.random(), MCPLimits.Asking())
        let text = try Self.sealed(inquiries, try Self.request())
        let foreign = try Self.request(as: Fixture.bob)
        #expect(Self.refusal(inquiries, text, foreign)?.contains("not one that this") == true)
        let other = try Self.request(method: "prompts/get")
        #expect(Self.refusal(inquiries, text, other)?.contains("not one that this") == true)
        for params in [
            #"{"name":"a","arguments":{"x":2}}"#, #"{"name":"a"}"#,
            #"{"name":"a","arguments":{"x":1},"more":null}"#,
        ] {
            let changed = try Self.request(params)
            #expect(Self.refusal(inquiries, text, changed)?.contains("other parameters") == true)
        }
        let same = try Self.request()
        #expect(Self.refusal(inquiries, text, same, at: Self.now + 599) == nil)
        let late = Self.refusal(inquiries, text, same, at: Self.now + 600)
        #expect(late?.contains("expired") == true)
    }

    @Test func `the same parameters have one digest, however they are written`() throws {
        let one = try Self.request(#"{"name":"a","arguments":{"x":1,"y":["é",{"p":1,"q":null}]}}"#)
        let two = try Self.request(
            #"{"arguments": {"y":["\u00e9",{"q":null,"p":1.0}],"x":1e0},"_meta":{"z":1},"#
                + #""inputResponses":{},"requestState":"x", "name":"\u0061"}"#)
        #expect(one.params.digest == two.params.digest)
        let others = [
            #"{"name":"a","arguments":{"x":1,"y":["é",{"p":1}]}}"#,
            #"{"name":"a","arguments":{"x":"1","y":["é",{"p":1,"q":null}]}}"#,
            #"{"name":"a","arguments":{"x":1,"y":[["é",{"p":1,"q":null}]]}}"#,
        ]
        for text in others { #expect(try Self.request(text).params.digest != one.params.digest) }
    }

    @Test func `no changed text opens`() {
        let keys = StateKeys.random()
        let text = Array(keys.seal(Array("state".utf8)).utf8)
        #expect(keys.open(String(decoding: text, as: UTF8.self)) == Array("state".utf8))
        for at in text.indices {
            for byte in "Ab0-_=.".utf8 where byte != text[at] {
                var changed = text
                changed[at] = byte
                #expect(keys.open(String(decoding: changed, as: UTF8.self)) == nil)
            }
        }
        for text in ["", "AAAA", String(repeating: "A", count: 60)] {
            #expect(keys.open(text) == nil)
        }
    }

    @Test @IO func `keys rotate`() throws {
        let (old, new) = (Random.bytes(32), Random.bytes(32))
        let inquiries = Inquiries(StateKeys(current: old), MCPLimits.Asking())
        let request = try Self.request()
        let text = try Self.sealed(inquiries, request)
        inquiries.rotate(to: StateKeys(current: new, earlier: [old]))
        #expect(Self.refusal(inquiries, text, request) == nil)
        let newer = try Self.sealed(inquiries, request)
        inquiries.rotate(to: StateKeys(current: new))
        #expect(Self.refusal(inquiries, text, request) != nil)
        #expect(Self.refusal(inquiries, newer, request) == nil)
    }

    @Test func `used states are forgotten when they have expired`() throws {
        var spent = SpentStates(mostPerPrincipal: 4)
        for at in 0..<1000 {
            let state = RequestState(
                nonce: "n", principal: "\(at)", method: "m", digest: "d", round: 1,
                expiry: Self.now + Int64(at) + 600, asked: [], settled: [:], kept: nil)
            try spent.spend(state, at: Self.now + Int64(at))
        }
        #expect(spent.principals < 700)
    }

    @Test @IO func `a state is used once, rounds and bytes are bounded`() throws {
        var limits = MCPLimits.Asking()
        limits.spentStates = 2
        limits.rounds = 2
        let inquiries = Inquiries(.random(), limits)
        let request = try Self.request()
        @IO func state() throws -> RequestState {
            try inquiries.open(
                try Self.sealed(inquiries, request), request, digest: request.params.digest,
                at: Self.now)
        }
        let first = try state()
        try inquiries.spend(first, at: Self.now)
        #expect(throws: MCPError.self) { try inquiries.spend(first, at: Self.now) }
        try inquiries.spend(try state(), at: Self.now)
        // Another principal has a table of its own.
        var foreign = first
        foreign.principal = "bob"
        try inquiries.spend(foreign, at: Self.now)
        // The table is full until its states have expired.
        let third = try state()
        #expect(throws: MCPError.self) { try inquiries.spend(third, at: Self.now) }
        try inquiries.spend(third, at: Self.now + 601)

        let second = try inquiries.open(
            try Self.sealed(inquiries, request, after: first), request,
            digest: request.params.digest, at: Self.now)
        #expect(second.round == 2)
        #expect(throws: MCPError.tooManyRounds(2)) {
            _ = try Self.sealed(inquiries, request, after: second)
        }
        let long = InputRound(
            requests: [], settled: [:], kept: .string(String(repeating: "x", count: 65_536)))
        #expect(throws: MCPError.self) {
            _ = try inquiries.seal(long, request, after: nil, digest: "", at: Self.now)
        }
    }
}
