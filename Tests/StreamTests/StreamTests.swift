// Streams from a file at an agent to the relay, by the whole way: router, fleet, tunnel,
// dispatcher, files. HOMELINE_STREAMS_SEED repeats a run.
import Crypto
import Foundation
import JSON
import Loop
import Net
import Support
import Testing
import Tunnel
import Wire

@testable import homeline_agent
@testable import homeline_relay

@Suite(.timeLimit(.minutes(1))) struct StreamTests {
    @Test @IO func `a file arrives whole over tunnels that are cut at random bytes`() async throws {
        let seed =
            ProcessInfo.processInfo.environment["HOMELINE_STREAMS_SEED"].flatMap(UInt64.init)
            ?? .random(in: 1...999_999)
        print("file streams: HOMELINE_STREAMS_SEED=\(seed)")
        let exchange = try await Exchange()
        var works: [Task<(any Error)?, Never>] = []
        for number in 0..<6 {
            works.append(
                IO.task { () -> (any Error)? in
                    do {
                        var random = Seeded(state: seed &* 100 &+ UInt64(number))
                        let site = try await Site("site\(number)", at: exchange)
                        for round in 0..<2 {
                            let content = pattern(Int.random(in: 0...4_000_000, using: &random))
                            let path = try site.file(content)
                            let start = Int.random(in: 0...content.count, using: &random)
                            let isToAgent = Bool.random(using: &random)
                            // The relay has little to say: credit and pings.
                            let most = isToAgent ? 700 : content.count - start + 2000
                            site.link.cut(
                                after: Int.random(in: 0...most, using: &random), toClient: isToAgent
                            )
                            let stream = try await site.stream(path, offset: start)
                            let taken = Taken(stream)
                            stream.endWriting()
                            let note = "seed \(seed), site \(number), round \(round), cut \(most)"
                            #expect(await until { taken.isClosed }, "\(note)")
                            #expect(taken.closed.first == .some(nil), "\(note)")
                            #expect(
                                SHA256.hash(taken.bytes) == SHA256.hash(Array(content[start...])),
                                "\(note)")
                            #expect(taken.ends == 1)
                            #expect(await until { site.service.streams.count == 0 })
                            #expect(site.service.streams.kept == 0 && site.log == [], "\(note)")
                        }
                        await site.close()
                        return nil
                    } catch { return error }
                })
        }
        for work in works { #expect(await work.value == nil) }
        #expect(exchange.router.streams.count == 0)
        exchange.close()
    }

    @Test @IO func `a file behind SFTP arrives whole, over two tunnels`() async throws {
        let server = try await SSHServer.start(.init(shell: .dash))
        let exchange = try await Exchange()
        let site = try await Site("site", at: exchange, server: server)
        let content = pattern(3_000_001)
        let stream = try await site.stream(try site.file(content), on: "box", offset: 1)
        let taken = Taken(stream)
        #expect(await until { taken.bytes.count > 600_000 })
        stream.pauseReading()
        site.link.cut()
        #expect(await until { stream.isDetached })
        stream.resumeReading()
        stream.endWriting()
        #expect(await until { taken.isClosed })
        #expect(taken.closed.first == .some(nil) && taken.bytes == Array(content[1...]))
        #expect(site.log == [])
        await site.close()
        exchange.close()
    }

    @Test @IO func `a reader that stops halts its file at two portions, and calls go on`()
        async throws
    {
        let exchange = try await Exchange()
        let site = try await Site("site", at: exchange)
        let content = pattern(3 << 20)
        let stream = try await site.stream(try site.file(content))
        stream.pauseReading()
        let taken = Taken(stream)
        let window = 2 * LastingStream.portion
        let streams = site.service.streams
        #expect(await until { streams.kept >= window })
        for _ in 0..<20 {
            _ = try await exchange.router.send(
                AgentCall(.listPrincipals, for: .local), to: try #require(site.member))
        }
        #expect(streams.kept <= window && taken.bytes == [])
        stream.resumeReading()
        stream.endWriting()
        #expect(await until { taken.isClosed })
        #expect(taken.bytes == content)
        await site.close()
        exchange.close()
    }

    @Test @IO func `a ticket is good once, for its principal, agent and time`() async throws {
        let exchange = try await Exchange()
        let (site, other) = (
            try await Site("site", at: exchange), try await Site("other", at: exchange)
        )
        let content = pattern(3 << 20)
        let path = try site.file(content)
        let used = try await site.ticket(path)
        let good = try #require(
            try site.member?.connection?.line.open(
                StreamHead(used, principal: "local")))
        good.pauseReading()
        let taken = Taken(good)
        let ours = try await site.ticket(path)
        // The ticket, its principal, where it is used, and what the log says.
        let rows: [(String, String, Site, String)] = [
            (used, "local", site, "used over this tunnel"),
            (used, "eve", site, "another principal's"),
            (ours, "eve", site, "another principal's"),
            (ours, "local", other, "unknown or was used"),
            ("x", "local", site, "unknown or was used"),
            (String(repeating: "x", count: 4000), "local", other, "unknown or was used"),
        ]
        for (ticket, principal, site, words) in rows {
            let before = site.log.count
            let carrier = try #require(
                try site.member?.connection?.line.open(
                    StreamHead(ticket, principal: principal)))
            let refused = Taken(carrier)
            #expect(await until { refused.isClosed })
            #expect(carrier.ending == .refused && refused.bytes == [])
            #expect(site.log.count == before + 1 && site.log.last?.contains(words) == true)
        }
        site.service.streams.now = { IO.now + StreamTicket.time }
        let late = try #require(
            try site.member?.connection?.line.open(
                StreamHead(ours, principal: "local")))
        #expect(await until { late.isClosed })
        #expect(late.ending == .refused && site.log.last?.contains("expired") == true)
        // Nothing else was harmed.
        good.resumeReading()
        good.endWriting()
        #expect(await until { taken.isClosed })
        #expect(taken.bytes == content && taken.closed.first == .some(nil))
        #expect(await until { site.service.streams.count == 0 })
        for site in [site, other] { await site.close() }
        exchange.close()
    }

    /// When the reader gives its stream up.
    enum Moment: CaseIterable { case whileItRuns, whileTheAgentIsAway }

    @Test(arguments: Moment.allCases) @IO
    func `a reader's cancel reaches the agent`(moment: Moment) async throws {
        let exchange = try await Exchange()
        let site = try await Site("site", at: exchange)
        let stream = try await site.stream(try site.file(pattern(4 << 20)))
        stream.pauseReading()
        let taken = Taken(stream)
        #expect(await until { site.service.streams.kept > 0 })
        if moment == .whileTheAgentIsAway {
            site.link.cut()
            #expect(await until { stream.isDetached })
        }
        stream.close()
        #expect(taken.isClosed && stream.isClosed)
        #expect(await until { site.service.streams.count == 0 })
        #expect(await until { exchange.router.streams.count == 0 })
        #expect(site.service.streams.kept == 0 && site.log == [])
        await site.close()
        exchange.close()
    }

    @Test @IO func `a revoked principal's streams end at both ends`() async throws {
        let exchange = try await Exchange()
        let site = try await Site("site", at: exchange)
        let stream = try await site.stream(try site.file(pattern(4 << 20)))
        stream.pauseReading()
        let taken = Taken(stream)
        #expect(await until { site.service.streams.kept > 0 })
        let held = try await exchange.router.send(
            AgentCall(.listPrincipals, for: .local), to: try #require(site.member))
        #expect(try PrincipalList(Fields(held.result)).ids == ["local"])
        exchange.router.forget("local")
        #expect(await until { taken.isClosed && site.service.streams.count == 0 })
        let unused = try await site.ticket(try site.file([1]))
        #expect(site.service.streams.end(of: "local") == 0)
        let carrier = try #require(
            try site.member?.connection?.line.open(
                StreamHead(unused, principal: "local")))
        #expect(await until { carrier.isClosed })
        await site.close()
        exchange.close()
    }

    @Test @IO func `rules that change count for a stream that runs`() async throws {
        let exchange = try await Exchange()
        let site = try await Site("site", at: exchange)
        let content = pattern(24 << 20)
        let stream = try await site.stream(try site.file(content))
        stream.pauseReading()
        let taken = Taken(stream)
        #expect(await until { site.service.streams.kept > 0 })
        var settings = AgentSettings()
        settings.policy.allowsLocal = false
        site.service.apply(settings)
        stream.resumeReading()
        #expect(await until { taken.isClosed })
        #expect(taken.closed.first != .some(nil) && taken.bytes.count < content.count)
        #expect(site.log.count == 1 && site.log[0].contains("AllowLocal no"))
        await site.close()
        exchange.close()
    }

    @Test @IO func `a file that fails while it is streamed cuts the stream, with one line`()
        async throws
    {
        let exchange = try await Exchange()
        let site = try await Site("site", at: exchange)
        let path = try site.file(pattern(64 << 20))
        let stream = try await site.stream(path)
        stream.pauseReading()
        let taken = Taken(stream)
        #expect(await until { site.service.streams.kept > 0 })
        try FileManager.default.removeItem(atPath: path)
        stream.resumeReading()
        #expect(await until { taken.isClosed })
        #expect(taken.closed.first != .some(nil) && taken.ends == 0)
        #expect(site.log.count == 1 && site.log[0].contains(path))
        await site.close()
        exchange.close()
    }

    @Test @IO func `a stream is refused as file_read is`() async throws {
        let exchange = try await Exchange()
        let site = try await Site("site", at: exchange)
        let path = try site.file([1, 2, 3])
        func fault(
            _ path: String, for principal: homeline_relay.Principal = .local
        ) async throws -> Fault? {
            let member = try #require(site.member)
            do throws(Fault) {
                _ = try await exchange.router.stream(
                    site.call(path, for: principal), to: member)
                return nil
            } catch { return error }
        }
        func principal(
            _ scopes: Set<Scope>, _ pattern: AccessPattern
        ) -> homeline_relay.Principal {
            homeline_relay.Principal(id: "eve", name: "eve", scopes: scopes, pattern: pattern)
        }
        let elsewhere = try #require(AccessPattern("site/db"))
        #expect(try await fault(path + "x")?.code == .fileNotFound)
        #expect(try await fault(site.folder.path)?.code == .fileFailed)
        // The agent's own key.
        #expect(try await fault("/proc/self/environ")?.code == .fileRefused)
        for eve in [principal([.filesWrite], .all), principal([.filesRead], elsewhere)] {
            #expect(try await fault(path, for: eve)?.code == .refusedByPolicy)
        }
        var settings = AgentSettings()
        settings.policy.deniedTools = ["file_read"]
        site.service.apply(settings)
        #expect(try await fault(path)?.code == .refusedByPolicy)
        #expect(exchange.router.streams.count == 0)
        await site.close()
        exchange.close()
    }
}
