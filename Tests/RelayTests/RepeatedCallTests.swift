// A call whose tunnel breaks is repeated over the agent's next connection, if the agent knows it
// again or running it twice does no harm.
import JSON
import Loop
import Support
import Testing
import Tunnel
import Wire

@testable import homeline_relay

@Suite struct RepeatedCallTests {
    /// How the first connection ends while it serves the call.
    enum End: CaseIterable {
        case cut
        /// It takes no calls, as the agent is being stopped.
        case drained
        /// The next one comes while it is open, as where a NAT forgot it.
        case replaced
    }

    /// An agent that ends its first connection during a call, and connects again.
    @IO private struct Course {
        /// The keys of the requests, in the order in which they came.
        var keys: [String?] = []
        var fault: Fault?
        var result: JSON?

        init(
            _ method: Wire.Method, key: String?, keepsJournal: Bool, end: End = .cut
        ) async throws {
            let house = try await House()
            let joined = try await house.joined("site")
            let seen = Box<[String?]>([])
            let first = try await house.connect(joined) { $0.keepsJournal = keepsJournal }
            first.serve = { request in
                seen.withLock { $0.append(request.key) }
                return await Once<[UInt8]>().wait()
            }
            _ = await first.verdict.wait()
            #expect(await until { house.fleet.all[0].connection != nil })
            if end == .drained {
                let isTold = Once<Void>()
                (house.fleet.all[0].connection?.line as? Tunnel)?.onDrain = { isTold.set(()) }
                first.tunnel.drain()
                await isTold.wait()
            }
            let call = IO.task { () -> Result<AgentAnswer, Fault> in
                do throws(Fault) {
                    return .success(
                        try await house.fleet.call(
                            house.fleet.all[0], method,
                            caller: Caller(id: "p", reach: Caller.everywhere), key: key,
                            arguments: RawJSON([:]), deadline: .seconds(20)))
                } catch {
                    return .failure(error)
                }
            }
            if end != .drained { #expect(await until { !seen.withLock { $0.isEmpty } }) }
            if end == .cut { first.close() }
            let second = try await house.connect(joined, epoch: .init(boot: 1, connection: 2)) {
                $0.keepsJournal = keepsJournal
            }
            second.serve = { request in
                seen.withLock { $0.append(request.key) }
                return Reply.result(RawJSON(["n": 2])).encoded()
            }
            _ = await second.verdict.wait()
            switch await call.value {
            case .success(let answer): result = try answer.result.parsed()
            case .failure(let error): fault = error
            }
            keys = seen.withLock { $0 }
            house.close()
        }
    }

    @Test func `a call is repeated eight times, and at two starts of the agent`() {
        var repeats = Fleet.Repeats()
        #expect((0..<9).map { _ in repeats.take(7) } == Array(repeating: true, count: 8) + [false])
        var starts = Fleet.Repeats()
        // The second start that broke off is the last.
        #expect([1, 1, 2].map { starts.take($0) } == [true, true, false])
    }

    @Test(arguments: End.allCases)
    @IO func `a changing call goes on at the next connection under its key`(end: End) async throws {
        let course = try await Course(.execute, key: "k", keepsJournal: true, end: end)
        #expect(course.result == ["n": 2], "\(String(describing: course.fault))")
        #expect(course.keys == (end == .drained ? ["k"] : ["k", "k"]))
    }

    @Test @IO func `a call that changes nothing is repeated at any agent`() async throws {
        let course = try await Course(.listTargets, key: nil, keepsJournal: false)
        #expect(course.result == ["n": 2])
        #expect(course.keys == [nil, nil])
    }

    @Test @IO func `a changing call is not repeated at an agent without a journal`() async throws {
        let course = try await Course(.execute, key: "k", keepsJournal: false)
        #expect(course.fault?.code == .agentOffline)
        #expect(course.fault?.message.contains("broke during the call") == true)
        // Such an agent is not shown the key either: it would be believed to keep it.
        #expect(course.keys == [nil])
    }
}
