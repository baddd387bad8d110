// From bytes to the part that serves them: every call gets an answer.
import Crypto
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite struct DispatcherTests {
    @IO private func fault(_ dispatcher: Dispatcher, _ request: String) async -> Fault? {
        guard case .fault(let fault) = Reply(decoding: await dispatcher.answer(Array(request.utf8)))
        else { return nil }
        return fault
    }

    private func call(_ method: String, _ arguments: String = "{}") -> String {
        #"{"jsonrpc":"2.0","id":1,"method":"\#(method)","params":{"principal":"p","reach":["*"],"arguments":\#(arguments)}}"#
    }

    @Test @IO func `a call reaches its part with its caller, and the result comes back`()
        async throws
    {
        let dispatcher = Dispatcher()
        var seen: Caller?
        dispatcher.serve(.execute) { (call: ExecuteCommand, visit) in
            seen = visit.caller
            return ["echo": .string(call.command)]
        }
        let request = Request(
            .execute, caller: Caller(id: "p", isAdmin: true, reach: ["*"]),
            arguments: RawJSON(["target": "a/b", "command": "é\n"]))
        let reply = Reply(decoding: await dispatcher.answer(request.encoded()))
        guard case .result(let result) = reply else {
            Issue.record("\(reply)")
            return
        }
        #expect(try result.parsed() == ["echo": "é\n"])
        #expect(seen == Caller(id: "p", isAdmin: true, reach: ["*"]))
    }

    @Test @IO func `what a login waits for is the progress of its call`() async throws {
        let dispatcher = Dispatcher()
        let (begun, over) = (Once<Bool>(), Once<Bool>())
        dispatcher.serve(.execute) { (_: ExecuteCommand, visit) in
            visit.progress = { CallProgress(bytes: 0) }
            // A task below, as a link is opened for all who want it.
            let login = IO.task {
                TaskNotice.current?.text = "waits for a second factor"
                begun.set(true)
                _ = await over.wait()
            }
            await login.value
            return [:]
        }
        let caller = Caller(id: "p", reach: ["*"], progress: "n1")
        let request = Request(
            .execute, caller: caller, arguments: RawJSON(["target": "a/b", "command": "id"]))
        let call = IO.task { await dispatcher.answer(request.encoded()) }
        _ = await begun.wait()
        let question = Request(
            .progress, caller: Caller(id: "p", reach: ["*"]), arguments: RawJSON(["call": "n1"]))
        let reply = Reply(decoding: await dispatcher.answer(question.encoded()))
        over.set(true)
        _ = await call.value
        guard case .result(let result) = reply else {
            Issue.record("\(reply)")
            return
        }
        #expect(try result.parsed() == ["bytes": 0, "line": "waits for a second factor"])
    }

    @Test @IO func `what cannot be served is told`() async throws {
        let dispatcher = Dispatcher()
        dispatcher.serve(.describe) { (call: ListTargets, _) throws(Fault) in
            guard !call.probe else { throw Fault(.busy, "later") }
            return [:]
        }
        #expect(await fault(dispatcher, call("agent.describe")) == nil)
        #expect(await fault(dispatcher, call("agent.describe", #"{"probe":true}"#))?.code == .busy)
        #expect(await fault(dispatcher, call("agent.explode"))?.code == .unknownMethod)
        #expect(await fault(dispatcher, call("session.open"))?.code == .unknownMethod)
        for bad in [
            "", "x", "[]", "{}", call("agent.describe", "5"), call("agent.describe", "[]"),
            call("agent.describe", #"{"probe":7}"#), call("agent.describe") + "}",
            #"{"method":"agent.describe","params":{"arguments":{}}}"#,
            call("agent.describe", String(repeating: "[", count: 5000)),
        ] {
            #expect(await fault(dispatcher, bad)?.code == .invalidArgument, "\(bad.prefix(80))")
        }
        guard case .fault(let fault) = Reply(decoding: await dispatcher.answer([0xff, 0xfe, 0]))
        else { return #expect(Bool(false)) }
        #expect(fault.code == .invalidArgument)
    }

    @Test @IO func `no answer carries more than the site lets out, and the rule is named`()
        async throws
    {
        let dispatcher = Dispatcher()
        dispatcher.policy = {
            var policy = Policy()
            policy.outputLimit = 1500
            return policy
        }
        var seen: [Int] = []
        dispatcher.ownerOfSession = { _ in
            Owner(
                Caller(id: "p", reach: Caller.everywhere),
                at: TargetName(host: "b", user: nil, port: nil))
        }
        dispatcher.serve(.readOutput) { (call: ReadOutput, _) in
            seen.append(call.maxBytes)
            return [:]
        }
        for arguments in [
            #"{"session_id":"s"}"#, #"{"session_id":"s","max_bytes":null}"#,
            #"{"session_id":"s","max_bytes":1500}"#,
        ] {
            #expect(await fault(dispatcher, call("session.read", arguments)) == nil)
        }
        let refused = await fault(dispatcher, call("session.read", #"{"max_bytes":1501}"#))
        #expect(refused?.code == .refusedByPolicy)
        #expect(refused?.message.contains("MaxOutput 1500") == true)
        #expect(await fault(dispatcher, call("session.read", #"{"max_bytes":"x"}"#)) != nil)
        #expect(seen == [1500, 1500, 1500])
    }

    @Test @IO func `settings that are read again count from the next call on`() async throws {
        let identity = Identity(
            key: try .generate(), addresses: ["tls://r:1"], pin: nil, agentID: "id", name: "site")
        let service = Agent(identity: identity, settings: AgentSettings())
        #expect((service.sessions.limit, service.links.limit) == (200, 200))
        service.apply(
            try PolicyTests.settings(
                "MaxSessions 3\nMaxLinks 2\nMaxOutput 1000\nDenyPath /etc\nDenyTool target_list\n"))
        #expect((service.sessions.limit, service.links.limit) == (3, 2))
        #expect(throws: Fault.self) {
            try service.targets.admit("/etc/x", on: .local, for: .reading)
        }
        for (method, arguments) in [
            ("target.list", "{}"), ("command.output", #"{"command_id":"x","max_bytes":1001}"#),
        ] {
            let answer = await fault(service.dispatcher, call(method, arguments))
            #expect(answer?.code == .refusedByPolicy)
        }
        await service.shutDown()
    }

    @Test(arguments: Wire.Method.allCases)
    @IO func `the agent serves every method of the contract`(method: Wire.Method) async throws {
        let identity = Identity(
            key: try .generate(), addresses: ["tls://r:1"], pin: nil, agentID: "id", name: "site")
        let service = Agent(identity: identity, settings: AgentSettings())
        let folder = try TemporaryDirectory("methods")
        let uplink = Uplink(
            folder: folder.path, identity: identity, answer: { _, _ in [] }, log: { _ in })
        UplinkCalls.serve(on: service.dispatcher, uplink)
        // A list in place of arguments is refused by whoever knows the method, without effect.
        let expected: Fault.Code =
            [.hello, .refuse].contains(method) ? .unknownMethod : .invalidArgument
        #expect(await fault(service.dispatcher, call(method.rawValue, "[]"))?.code == expected)
        await service.shutDown()
    }
}
