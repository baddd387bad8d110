// What one principal may do in a second, and what it is told beyond that.
import HTTP
import JSON
import Loop
import Support
import Testing

@testable import MCP

@Suite struct Quota {
    @IO private func server(_ change: (inout MCPLimits) -> Void) -> MCPServer {
        Fixture.server(change)
    }

    @Test @IO func `requests beyond the rate are refused with the time to wait`() async {
        let visitor = Visitor(
            server { $0.perPrincipal.requests = .init(burst: 3, perSecond: 1) })
        // On a busy machine some of the burst comes back meanwhile.
        func repeated(_ method: String, _ params: JSON.Object = [:]) async -> [Recorder] {
            let (headers, body) = Visitor.modern(method, params)
            var replies: [Recorder] = []
            for _ in 0..<100 {
                replies.append(await visitor.send("POST", headers, body))
                let reply = replies.last
                if reply?.status == 429 || reply?.json?["result"]?["isError"] == true { break }
            }
            return replies
        }
        let replies = await repeated("tools/list")
        #expect(replies.count > 3 && replies.dropLast().allSatisfy { $0.status == 200 })
        guard let refused = replies.last else { return }
        #expect(refused.status == 429)
        SchemaCheck.check(refused.json ?? .null, method: "tools/list", in: .newest)
        #expect(refused.headers["Retry-After"] == "1")
        #expect(refused.json?["error"]?["code"] == 429)
        let wait = refused.json?["error"]?["data"]?["retryAfterMs"]?.intValue ?? 0
        #expect((1...1000).contains(wait))
        // A model reads the result of a call.
        guard
            let call = await repeated(
                "tools/call", ["name": "echo", "arguments": ["text": "a"]]
            ).last
        else { return }
        #expect(call.status == 200)
        SchemaCheck.check(call.json ?? .null, method: "tools/call", in: .newest)
        #expect(call.json?["result"]?["isError"] == true)
        let text = call.json?["result"]?["content"]?[0]?["text"]?.stringValue ?? ""
        #expect(text.hasPrefix("The call was not made: too many requests a second: retry in "))
        // Others are not affected.
        let (headers, body) = Visitor.modern(
            "tools/list", change: [("Authorization", "Bearer bob")])
        #expect(await visitor.send("POST", headers, body).status == 200)
    }

    @Test @IO func `bytes count, those of replies too`() async {
        let client = LineClient(
            server { $0.perPrincipal.bytes = .init(burst: 4000, perSecond: 1) })
        let long = String(repeating: "x", count: 1900)
        let first = await client.modern(
            "tools/call", ["name": "echo", "arguments": ["text": .string(long)]])
        #expect(first?["result"]?["isError"] == false)
        let second = await client.modern("tools/list")
        #expect(second?["error"]?["code"] == 429)
        let why = second?["error"]?["message"]?.stringValue ?? ""
        #expect(why.hasPrefix("too many bytes a second: retry in "))
    }

    @Test @IO func `bytes of a request that fails count`() async {
        let client = LineClient(
            server { $0.perPrincipal.bytes = .init(burst: 4000, perSecond: 1) })
        let uri = "test://no/" + String(repeating: "x", count: 5000)
        let first = await client.modern("resources/read", ["uri": .string(uri)])
        #expect(first?["error"]?["code"] == -32602)
        let second = await client.modern("tools/list")
        #expect(second?["error"]?["code"] == 429)
    }

    @Test @IO func `the rate fills up again, and principals are forgotten`() throws {
        var limits = MCPLimits()
        limits.perPrincipal.requests = .init(burst: 2, perSecond: 2)
        let quotas = Quotas(limits)
        let now = IO.now
        func admits(_ name: String, after seconds: Double) -> Bool {
            let principal = Principal(name: name)
            do throws(MCPError) {
                try quotas.admit(principal, at: now + .seconds(seconds))
                return true
            } catch { return false }
        }
        #expect(admits("a", after: 0) && admits("a", after: 0) && !admits("a", after: 0.1))
        #expect(admits("a", after: 0.6) && !admits("a", after: 0.7))
        for at in 0..<1000 { #expect(admits("\(at)", after: Double(at) * 10)) }
        #expect(quotas.count < 200)
    }

    /// Without a rate nothing is counted, however fast a client is.
    @Test @IO func `unless the host says so there is no rate`() async {
        let visitor = Visitor(Fixture.server())
        for _ in 0..<200 {
            let (headers, body) = Visitor.modern("tools/list")
            #expect(await visitor.send("POST", headers, body).status == 200)
        }
        #expect(visitor.endpoint.server.quotas.count == 0)
    }
}
