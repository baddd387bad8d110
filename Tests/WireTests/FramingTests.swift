// Requests, replies and faults: fixed bytes both ways, and what damaged ones get.
import JSON
import Support
import Testing

@testable import Wire

@Suite struct FramingTests {
    @Test func `arguments travel as they came`() throws {
        let spaced = #"{ "target" : "lab-1/db" , "term":{"cols":100}}"#
        let call = Request(
            .openSession, caller: Caller(id: "7", reach: ["*"]),
            arguments: try RawJSON(parsing: Array(spaced.utf8)))
        #expect(String(decoding: call.encoded(), as: UTF8.self).contains(spaced))
    }

    @Test(arguments: Wire.Method.allCases)
    func `a request and a reply of each method come back as the same bytes`(
        method: Wire.Method
    ) throws {
        let bytes = try Vectors.bytes("\(method.rawValue).request.json")
        let request = try Request(decoding: bytes)
        #expect(request.method == method.rawValue)
        #expect(
            Request(
                method, caller: request.caller, key: request.key,
                arguments: RawJSON(request.arguments)
            ).encoded() == bytes)
        #expect((request.key != nil) == (method == .execute))
        #expect(Vectors.fault(of: bytes) == nil)
        #expect(
            Reply.result(try Vectors.result(method.rawValue)).encoded()
                == (try Vectors.bytes("\(method.rawValue).reply.json")))
    }

    @Test func `the caller is read with its right`() throws {
        let plain = try Request(decoding: Vectors.bytes("session.open.request.json"))
        let id = "w5ck2q7hx3mzt4aj"
        #expect(plain.caller == Caller(id: id, label: "laptop", reach: ["db-*", "local"]))
        let admin = try Request(decoding: Vectors.bytes("session.send.request.json"))
        #expect(
            admin.caller == Caller(id: id, label: "laptop", isAdmin: true, reach: ["*"]))
        let watched = try Request(decoding: Vectors.bytes("session.command.request.json"))
        #expect(
            watched.caller == Caller(id: id, label: "laptop", reach: ["*"], progress: "p7"))
        let odd = Request(
            .describe, caller: Caller(id: "a\"\\\n\u{7f}é", label: "é\"", reach: ["\"*", ""]),
            arguments: RawJSON([:]))
        #expect(try Request(decoding: odd.encoded()).caller == odd.caller)
    }

    @Test func `every fault comes back as the same bytes`() throws {
        var seen: [Fault.Code] = []
        for line in try Vectors.lines("faults.jsonl") {
            guard case .fault(let fault) = Reply(decoding: line) else {
                Issue.record("no fault: \(String(decoding: line, as: UTF8.self))")
                continue
            }
            seen.append(fault.code)
            #expect(Reply.fault(fault).encoded() == line)
            #expect(fault.description == "What is wrong: \"é\". What to do next.")
        }
        #expect(seen == Fault.Code.allCases)
    }

    @Test func `requests that are none, and wrong arguments, get the fault that names them`()
        throws
    {
        for line in try Vectors.lines("refused.jsonl") {
            let row = try JSON(parsing: line)
            let text = try #require(row["request"]?.stringValue)
            let fault = Vectors.fault(of: Array(text.utf8))
            #expect(fault?.code.rawValue == row["fault"]?.stringValue, "\(text)")
            let says = try #require(row["says"]?.stringValue)
            #expect(fault?.message.contains(says) == true, "\(text): \(fault?.message ?? "")")
        }
    }

    @Test(arguments: Wire.Method.allCases)
    func `every cut of a message is told and none traps`(method: Wire.Method) throws {
        let request = try Vectors.bytes("\(method.rawValue).request.json")
        for end in 0..<request.count {
            #expect(Vectors.fault(of: Array(request[..<end]))?.code == .invalidArgument)
        }
        let reply = try Vectors.bytes("\(method.rawValue).reply.json")
        for end in 0..<reply.count {
            guard case .fault(let fault) = Reply(decoding: Array(reply[..<end])) else {
                Issue.record("cut at \(end) passed")
                continue
            }
            #expect(fault.code == .internal)
        }
    }

    @Test func `flipped bytes never trap`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("FramingTests seed \(seed)")
        var state = seed
        func random(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        for method in Wire.Method.allCases {
            let request = try Vectors.bytes("\(method.rawValue).request.json")
            let reply = try Vectors.bytes("\(method.rawValue).reply.json")
            for _ in 0..<300 {
                var bent = request
                bent[random(bent.count)] = UInt8(random(256))
                _ = Vectors.fault(of: bent)
                bent = reply
                bent[random(bent.count)] ^= UInt8(1 << random(8))
                if case .result(let raw) = Reply(decoding: bent) {
                    _ = try? Hello(Fields(raw))
                }
            }
        }
    }

    @Test func `a reply that is none reads as an internal fault`() {
        for text in [
            "", "5", "[]", "{}", #"{"result":5}"#, #"{"result":null}"#, #"{"result":[{}]}"#,
            #"{"jsonrpc":"2.0","id":1,"result":"x"}"#, #"{"error":5}"#, #"{"error":{}}"#,
            #"{"error":{"code":1,"message":7,"data":{"code":"busyness"}}}"#, "{\"result\":{}}}",
        ] {
            guard case .fault(let fault) = Reply(decoding: Array(text.utf8)) else {
                Issue.record("passed: \(text)")
                continue
            }
            #expect(fault.code == .internal, "\(text)")
            #expect(!fault.message.isEmpty)
        }
    }

    @Test func `unknown members are ignored and null is absent`() throws {
        let text = """
            {"id":9,"extra":{"a":[1]},"method":"session.read","params":{"more":1,"principal":"p","reach":[],\
            "arguments":{"session_id":"a.b","offset":null,"view":null,"extra":true}}}
            """
        let read = try ReadOutput(Fields(Request(decoding: Array(text.utf8)).arguments))
        #expect(read.offset == nil && read.view == .text && read.maxBytes == 20_000)
    }

    @Test func `a handle tells its agent`() {
        #expect(Contract.agentPart(of: "abc.def") == "abc")
        #expect(Contract.agentPart(of: "abc.def.12") == "abc")
        for handle in ["", ".", ".x", "abc", "abc/def"] {
            #expect(Contract.agentPart(of: handle) == nil)
        }
    }
}

extension FramingTests {
    @Test func `what the other end says of a failure is short and plain`() {
        let hidden = "a\u{1b}[31mb\u{7}\u{202e}c\r\u{85}d\n\te"
        let fault = Fault(json: ["message": .string(hidden), "data": ["code": "busy"]])
        #expect(fault.code == .busy && fault.message == "a[31mbcd\n\te")
        let long = String(repeating: "e\u{301}", count: 100_000)
        #expect(Fault(json: ["message": .string(long)]).message.unicodeScalars.count == 4000)
        let facts = AgentFacts(json: ["hostname": .string(hidden), "version": .string(long)])
        #expect(facts.hostname == "a[31mbcd\n\te" && facts.version.unicodeScalars.count == 255)
    }
}
