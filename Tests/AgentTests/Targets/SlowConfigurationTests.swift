// A configuration that takes long to read (`Match exec`): what a list and a call make of it.
import Foundation
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct SlowConfigurationTests {
    /// Names whose configuration hangs have places of their own.
    @Test(.needs("ssh"), arguments: [2, 4]) @IO
    func `hosts whose configuration hangs hold up no other host of their caller`(
        count: Int
    ) async throws {
        let folder = try TemporaryDirectory("hanging")
        let config = try folder.write(
            """
            Match originalhost slow-* exec "touch \(folder.file("began"))-%n; \
            while [ ! -e \(folder.file("end")) ]; do sleep 0.05; done"
             Port 24
            Host *
             HostName 192.0.2.1
            """, to: "config")
        let targets = Targets(
            settings: TargetSettings(sshConfig: config),
            place: Place(environment: [:], user: "me", home: folder.path))
        defer { _ = try? folder.write("", to: "end") }
        try await Sharer.serving("ada") { () async throws in
            let names = try (0..<count).map { try TargetName(place: "slow-\($0)") }
            let hanging = names.map { name in IO.task { try? await targets.resolve(name) } }
            // The first two have begun in the usual places, and leave them.
            for number in 0..<2 {
                let mark = folder.file("began-slow-\(number)")
                #expect(await holds { FileManager.default.fileExists(atPath: mark) })
            }
            let quick = await IO.within(.seconds(10)) {
                try? await targets.resolve(TargetName(place: "quick"))
            }
            if count == 2 { #expect(quick??.hostname == "192.0.2.1") }
            // What is known to hang waits in the slow places from then on.
            let again = IO.task { try? await targets.resolve(TargetName(place: "ada@slow-0")) }
            try folder.write("", to: "end")
            for task in hanging + [again] { #expect(await task.value?.port == 24) }
        }
    }

    /// A rule on a host whose configuration is late still holds.
    @Test(.needs("ssh")) @IO func `a rule misses no host because ssh is late`() async throws {
        let folder = try TemporaryDirectory("late")
        let config = try folder.write(
            """
            Match originalhost vault exec "while [ ! -e \(folder.file("end")) ]; do sleep 0.05; done"
             HostName 192.0.2.7
            """, to: "config")
        let whereabouts = Whereabouts(freshness: .zero, patience: .milliseconds(300)) { host in
            SocketAddress(ip: host, port: 22).map { [$0] } ?? []
        }
        let targets = Targets(
            settings: TargetSettings(sshConfig: config),
            place: Place(environment: [:], user: "me", home: folder.path), whereabouts: whereabouts)
        targets.policy.deniedTargets = ["vault"]
        func message() async -> String? {
            let answer = await outcome {
                try await targets.admit(
                    "site/192.0.2.7", TargetAccess(Fields(object: [:])),
                    for: Caller(id: "p", reach: Caller.everywhere))
            }
            if case .failure(let fault) = answer { return fault.message }
            return nil
        }
        let late = await message()
        #expect(late?.contains("vault, which a rule in agent.conf names, is not known") == true)
        try folder.write("", to: "end")
        #expect(await holds { await message()?.contains("DenyTarget vault") == true })
    }

    /// A resolver without an answer, rules and hundreds of hosts: the list comes in its time.
    @Test @IO func `a list judges its hosts together, until its end`() async throws {
        let folder = try TemporaryDirectory("list")
        let names = (0..<400).map { "host-\($0)" }
        let config = try folder.write("Host \(names.joined(separator: " "))\n", to: "config")
        let whereabouts = Whereabouts(freshness: .seconds(10)) { _ in
            await Once<Void>().wait()
            return []
        }
        let targets = Targets(
            settings: TargetSettings(sshConfig: config),
            place: Place(environment: [:], user: "me", home: folder.path), ssh: nil,
            whereabouts: whereabouts)
        targets.policy.deniedTargets = ["192.0.2.7", "host-7"]
        let begin = IO.now
        let call = try ListTargets(Fields(object: ["limit": .integer(1000)]))
        let page = await targets.list(call, agent: "site", within: .milliseconds(500))
        #expect(IO.now - begin < .seconds(3))
        let hosts = page.found.map(\.info).filter { $0.source != "local" }
        #expect(hosts.count == 399 && !hosts.contains { $0.target == "site/host-7" })
        for info in hosts { #expect(info.reason?.contains("not found in time") == true) }
    }

    /// A list says in time what is known, and does not hold up its caller's own host.
    @Test(.needs("ssh")) @IO func `names that ssh is slow to resolve hold up nothing else`()
        async throws
    {
        let folder = try TemporaryDirectory("slow")
        let names = (0..<12).map { "slow-\($0)" }
        let config = try folder.write(
            """
            Host quick fast \(names.joined(separator: " "))
             HostName 192.0.2.1
            Match originalhost slow-* exec "touch \(folder.file("began")); \
            while [ ! -e \(folder.file("end")) ]; do sleep 0.05; done"
             Port 24
            """, to: "config")
        let targets = Targets(
            settings: TargetSettings(sshConfig: config),
            place: Place(environment: [:], user: "me", home: folder.path))
        defer { _ = try? folder.write("", to: "end") }
        try await Sharer.serving("ada") { () async throws in
            let list = IO.task {
                await targets.list(ListTargets(), agent: "site", within: .seconds(1))
            }
            #expect(
                await holds { FileManager.default.fileExists(atPath: folder.file("began")) })
            #expect(try await targets.resolve(TargetName(place: "ada@quick")).port == 22)
            let found = await list.value.found.map(\.info)
            #expect(found.map(\.target).prefix(3) == ["site/local", "site/quick", "site/fast"])
            try #require(found.count == 15)
            #expect(found[1].hostname == "192.0.2.1" && found[2].reason == nil)
            for slow in found[3...] { #expect(slow.reason?.contains("not said in time") == true) }

            // A query that may be about where a name leads says what it does not know.
            let asked = try ListTargets(Fields(object: ["query": "192.0.2"]))
            let page = await targets.list(asked, agent: "site", within: .milliseconds(300))
            #expect(page.found.map(\.info.target) == ["site/quick", "site/fast"])
            #expect(page.leftOut?.contains("12 names were not resolved in time") == true)
            targets.policy.deniedTargets = ["slow-3"]
            let rest = await targets.list(ListTargets(), agent: "site", within: .milliseconds(100))
            #expect(rest.found.count == 14)
        }
    }
}
