// Which of a relay's addresses is dialled next, as a table; then with relays that listen.
import Configuration
import Crypto
import Loop
import Net
import Support
import Testing
import Tunnel
import Wire

@testable import homeline_agent

@Suite struct DialRoundTests {
    /// What came of a dial.
    private enum Outcome: CustomTestStringConvertible {
        case closed, silent, wrongPin, badAddress, revoked, unknown, busy, superseded

        var error: UplinkError {
            switch self {
            case .closed: .net(.refused(address: "r"))
            case .silent: .net(.timedOut(what: "the connection"))
            case .wrongPin: .net(.wrongPin(expected: "a", found: "b"))
            case .badAddress: .badAddress("x")
            case .revoked: .refused(Refusal(.revoked, "revoked"))
            case .unknown: .refused(Refusal(.unknown, "unknown"))
            case .busy: .refused(Refusal(.unavailable, "full", retryAfter: .seconds(9)))
            case .superseded: .refused(Refusal(.superseded, "later"))
            }
        }

        var testDescription: String { "\(error)" }
    }

    private static let rounds: [([Outcome], dialled: Int, isFinal: Bool, exit: Int32)] = [
        ([.closed], 1, false, ExitCode.unavailable),
        ([.revoked], 1, true, ExitCode.noPermission),
        ([.closed, .silent, .closed], 3, false, ExitCode.unavailable),
        // Another than the relay is at the first address: the next is tried.
        ([.wrongPin, .closed, .silent], 3, false, ExitCode.unavailable),
        ([.badAddress, .closed], 2, false, ExitCode.unavailable),
        ([.badAddress, .badAddress], 2, true, ExitCode.data),
        // The relay has said that it knows this agent no more, whatever the others do.
        ([.revoked, .closed, .wrongPin], 3, true, ExitCode.noPermission),
        ([.silent, .unknown, .revoked], 3, true, ExitCode.noPermission),
        // A proxy at one address ends TLS, and the relay behind it finds no proof of the key.
        ([.unknown, .closed], 2, false, ExitCode.unavailable),
        ([.unknown, .unknown], 2, false, ExitCode.unavailable),
        ([.wrongPin, .badAddress, .revoked], 3, true, ExitCode.noPermission),
        // The relay has said that it wants to be dialled later: every address is its own.
        ([.busy, .closed], 1, false, ExitCode.unavailable),
        ([.closed, .superseded, .closed], 2, false, ExitCode.unavailable),
    ]

    @Test func `a round is followed by minutes only if a person must act for every address`() {
        for (outcomes, outlook) in [
            ([.unknown], .seldom), ([.unknown, .unknown], .seldom), ([.unknown, .closed], .soon),
            ([.badAddress, .unknown], .seldom), ([.unknown, .revoked], .never), ([.closed], .soon),
        ] as [([Outcome], Refusal.Outlook)] {
            var round = DialRound(outcomes.indices.map { "tls://r:\($0 + 1)" })
            for outcome in outcomes { round.failed(outcome.error) }
            #expect(round.error.outlook == outlook, "\(outcomes)")
        }
        var round = DialRound(["tls://r:1"])
        round.failed(Outcome.busy.error)
        #expect(round.retryAfter == .seconds(9))
    }

    @Test func `a round tries each address once, until the relay itself says no for now`() {
        for (outcomes, dialled, isFinal, exit) in Self.rounds {
            let addresses = outcomes.indices.map { "tls://r:\($0 + 1)" }
            var round = DialRound(addresses)
            var tried: [String] = []
            while let address = round.next {
                round.failed(outcomes[tried.count].error)
                tried.append(address)
            }
            #expect(tried == Array(addresses.prefix(dialled)), "\(outcomes)")
            #expect(round.error.isFinal == isFinal, "\(outcomes)")
            #expect(round.error.exitCode == exit, "\(outcomes)")
            let words = "\(round.error)"
            let names = dialled > 1 ? tried : []
            #expect(names.allSatisfy(words.contains), "\(words)")
            #expect(dialled > 1 || !words.contains("tls://"), "\(words)")
        }
    }

    /// What has happened, in seconds from the start, and the order of the round after it.
    private enum Event {
        case serves(String)
        case failed(String, after: Double, at: Int)
        case networkChanged
    }

    private static let orders: [([Event], at: Int, order: String)] = [
        ([], 0, "abc"),
        ([.serves("a")], 9, "abc"),
        // The first refused at once, and is asked again first.
        ([.failed("a", after: 1, at: 1), .serves("b")], 2, "abc"),
        (
            [.failed("a", after: 0.001, at: 0), .failed("b", after: 1, at: 1), .serves("c")], 5,
            "acb"
        ),
        // It swallowed packets for 10 s: for 10 min the one that serves comes first.
        ([.failed("a", after: 10, at: 10), .serves("b")], 609, "bac"),
        ([.failed("a", after: 10, at: 10), .serves("b")], 610, "abc"),
        ([.failed("a", after: 10, at: 10), .serves("c")], 609, "cab"),
        ([.failed("a", after: 10, at: 10), .serves("c")], 611, "acb"),
        ([.failed("a", after: 10, at: 10), .serves("b"), .networkChanged], 11, "abc"),
        // It failed, then it served.
        ([.failed("a", after: 10, at: 10), .serves("b"), .serves("a")], 20, "abc"),
        // Only the first address is preferred: the second's failure changes nothing.
        ([.serves("c"), .failed("b", after: 10, at: 5)], 6, "acb"),
        // The settings have changed, and the address that served is none of them any more.
        ([.serves("x"), .failed("a", after: 10, at: 10)], 11, "abc"),
        // No address has served yet.
        ([.failed("a", after: 10, at: 10), .failed("b", after: 10, at: 20)], 21, "abc"),
    ]

    @Test func `a round begins with the first, or with the one that served where that costs time`()
    {
        let addresses = ["a", "b", "c"]
        let start = ContinuousClock.now
        for (events, at, expected) in Self.orders {
            var order = DialOrder()
            for event in events {
                switch event {
                case .serves(let address): order.serves(address)
                case .networkChanged: order.forgetFailures()
                case .failed(let address, let time, let moment):
                    order.failed(
                        address, of: addresses, after: .seconds(time), at: start + .seconds(moment))
                }
            }
            let round = order.round(of: addresses, at: start + .seconds(at))
            #expect(round.joined() == expected, "\(events)")
            #expect(order.round(of: ["z"], at: start) == ["z"])
        }
    }
}

@Suite struct SeveralAddressesTests {
    /// An address where nobody listens.
    private func closed() throws -> String { "tls://127.0.0.1:\(try Ports.free())" }

    @Test @IO func `the next address is dialled at once, and the first again when it is back`()
        async throws
    {
        let first = try TestRelay()
        let second = try TestRelay()
        first.kill()
        let agent = try TestAgent()
        // The pin is the second's: to this agent the first is a stranger.
        try agent.run(urls: [first.url, second.url], pin: second.pin)
        #expect(await holds { agent.states.last == .connected(to: second.url) })
        #expect(second.peers.first?.hello?.address == second.url)
        #expect(agent.log.first?.hasPrefix("not connected to \(first.url): ") == true)
        #expect(agent.log.first?.hasSuffix("; dialling \(second.url)") == true)
        #expect(agent.log.last == "connected to \(second.url) as site")
        // A wrong key at the first address does not keep the agent from the second.
        try first.listen()
        second.peers[0].tunnel.close()
        #expect(await holds { second.peers.count == 2 })
        #expect(await holds { agent.states.last == .connected(to: second.url) })
        let warned = agent.log.first { $0.contains("not the relay of the invitation") }
        #expect(warned?.hasPrefix("not connected to \(first.url): ") == true, "\(agent.log)")
        await agent.uplink?.stop()
        #expect(await agent.end() == .some(nil))
        first.kill()
        second.kill()
    }

    @Test @IO func `a revoked agent ends though another address is closed, and says both`()
        async throws
    {
        let relay = try TestRelay()
        relay.meet = { peer in
            _ = try? await peer.greet()
            _ = await peer.ask(.refuse, Refusal(.revoked, "because").json)
        }
        let agent = try TestAgent()
        let closed = try closed()
        try agent.run(urls: [relay.url, closed], pin: relay.pin)
        let end = try #require(await agent.end())
        #expect(end?.isFinal == true && end?.exitCode == ExitCode.noPermission)
        let words = end.map { "\($0)" } ?? ""
        #expect(words.contains("because") && words.contains(closed), "\(words)")
        relay.kill()
    }

    @Test @IO func `agent conf names other addresses, and joining tries each`() async throws {
        let relay = try TestRelay()
        let folder = try TemporaryDirectory("join")
        let closed = try closed()
        let invitation = try Invitation(
            urls: [closed, relay.url], pin: relay.pin.bytes, secret: Array(0..<16))
        let identity = try await Uplink.join(invitation, name: nil, tags: [], folder: folder.path)
        #expect(identity.addresses == [closed, relay.url])
        #expect(try Identity.load(from: folder.path).addresses == [closed, relay.url])
        #expect(relay.peers.last?.hello?.address == relay.url)
        let agent = try TestAgent()
        agent.way.addresses = [relay.url]
        try agent.run(urls: [closed], pin: relay.pin)
        #expect(await holds { agent.states.last == .connected(to: relay.url) })
        #expect(agent.log.count == 1, "\(agent.log)")
        await agent.uplink?.stop()
        #expect(await agent.end() == .some(nil))
        relay.kill()
    }
}
