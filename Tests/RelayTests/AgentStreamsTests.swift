// Streams at agents that do not keep to the contract, or are of an earlier release.
import Crypto
import JSON
import Loop
import Net
import Testing
import Tunnel
import Wire

@testable import homeline_relay

@Suite struct AgentStreamsTests {
    /// An agent that is online, and the router before it.
    @IO private struct Site {
        let house: House
        let router: Router
        let agent: Agent

        init(_ reply: @escaping @IO @Sendable () -> [UInt8]) async throws {
            house = try await House()
            let router = Router(fleet: house.fleet)
            self.router = router
            house.fleet.onArrival = { router.streams.resume(at: $0) }
            agent = try await house.connect(try await house.joined("site"))
            agent.serve = { _ in reply() }
            _ = await agent.verdict.wait()
            let house = house
            #expect(await until { house.fleet.all[0].connection != nil })
        }

        /// The stream of a file there, or why there is none.
        func stream(_ principal: Principal = .local) async -> Result<LastingStream, Fault> {
            let call = AgentCall(
                .streamFile, ["target": "site/local", "path": "/x"], for: principal)
            do throws(Fault) {
                return .success(try await router.stream(call, to: house.fleet.all[0]).stream)
            } catch {
                return .failure(error)
            }
        }
    }

    private static let ticket = Reply.result(
        RawJSON(
            FileStream(
                target: "site/local", path: "/x", size: 1, ticket: StreamTicket("t")
            ).json)
    ).encoded()

    @Test @IO func `an agent of an earlier release is to be updated`() async throws {
        let site = try await Site {
            Reply.fault(
                Fault(.unknownMethod, "this agent does not know file.stream; update it")
            ).encoded()
        }
        guard case .failure(let fault) = await site.stream() else {
            return #expect(Bool(false))
        }
        #expect(fault.code == .unknownMethod && fault.message.contains("update it"))
        site.house.close()
    }

    @Test @IO func `a ticket that its agent refuses ends the stream`() async throws {
        let site = try await Site { Self.ticket }
        let stream = try await site.stream().get()
        var ended: NetError?
        stream.onClose = { ended = $0 }
        #expect(await until { stream.isClosed })
        #expect(ended?.description.contains("does not know the stream") == true)
        #expect(site.router.streams.count == 0)
        site.house.close()
    }

    @Test @IO func `a ticket that is given twice is unusable`() async throws {
        let site = try await Site { Self.ticket }
        site.agent.tunnel.onStream = { _ in .accepted(offset: 0) }
        _ = try await site.stream().get()
        guard case .failure(let fault) = await site.stream() else {
            return #expect(Bool(false))
        }
        #expect(fault.code == .unavailable && site.router.streams.count == 1)
        // A revoked agent's streams end.
        site.house.fleet.revoke(site.house.fleet.all[0].record.id)
        #expect(await until { site.router.streams.count == 0 })
        site.house.close()
    }

    /// A person's programs have rights of their own, which end one by one.
    @Test @IO func `a stream ends with the grant that it was opened by`() async throws {
        var tickets = ["c", "b", "a"]
        let site = try await Site {
            Reply.result(
                RawJSON(
                    FileStream(
                        target: "site/local", path: "/x", size: 1,
                        ticket: StreamTicket(tickets.popLast() ?? "none")
                    ).json)
            ).encoded()
        }
        site.agent.tunnel.onStream = { _ in .accepted(offset: 0) }
        func principal(_ grant: String) -> Principal {
            Principal(id: "ada", name: "ada", scopes: [.admin], pattern: .all, grant: grant)
        }
        let (one, two) = (principal("one"), principal("two"))
        for one in [one, two] { _ = site.router.introduce(one) }
        let first = try await site.stream(one).get()
        let second = try await site.stream(two).get()
        site.router.forget("one")
        #expect(await until { first.isClosed })
        #expect(!second.isClosed && site.router.isCurrent(two) && !site.router.isCurrent(one))
        // A person's end is that of all.
        site.router.forget("ada")
        #expect(await until { second.isClosed })
        site.house.close()
    }

    @Test func `a ticket is what the contract says`() throws {
        #expect(throws: Fault.self) { try StreamTicket(Fields(RawJSON(["ticket": 7]))) }
        #expect(throws: Fault.self) { try StreamTicket(Fields(RawJSON([:]))) }
    }
}
