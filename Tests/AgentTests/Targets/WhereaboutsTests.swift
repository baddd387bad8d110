// Rules beside a resolver that is slow or has no answer: a client can hold every lookup of its own,
// and no rule may miss a host for that.
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct WhereaboutsTests {
    /// What the resolver does with a name.
    enum Resolver: Sendable, Equatable {
        case silent, missing, broken, busy
        case address(String)
    }

    /// One question: the rules, what the resolver does with web.example and vault.example, the
    /// target that a caller names, and a part of the answer.
    struct Case: Sendable, CustomTestStringConvertible {
        var denied: [String] = []
        var allowed: [String] = []
        var web = Resolver.address("10.0.0.1")
        var vault = Resolver.address("10.0.0.7")
        let target: String
        let answer: String
        var testDescription: String { "\(target), web \(web), vault \(vault): \(answer)" }
    }

    static let table: [Case] = [
        Case(target: "web", answer: "admitted"),
        // The agent must know whether a host is this machine, even without any rule.
        Case(web: .silent, target: "web", answer: "web.example is not known (no answer in"),
        Case(web: .broken, target: "web", answer: "web.example is not known (cannot look up"),
        // The attempt to log in then reports that the name does not exist.
        Case(denied: ["vault"], web: .missing, target: "web", answer: "admitted"),
        Case(denied: ["web"], web: .silent, target: "web", answer: "DenyTarget web"),
        Case(denied: ["vault"], target: "10.0.0.7", answer: "DenyTarget vault"),
        Case(
            denied: ["vault"], vault: .silent, target: "10.0.0.7",
            answer: "vault, which a rule in agent.conf names, is not known"),
        Case(denied: ["vault"], vault: .broken, target: "10.0.0.7", answer: "admitted"),
        Case(denied: ["vault"], vault: .missing, target: "10.0.0.7", answer: "admitted"),
        // A client that fills its own queue of lookups has learned nothing about the host.
        Case(web: .busy, target: "web", answer: "web.example is not known (no answer"),
        Case(
            denied: ["vault"], vault: .busy, target: "10.0.0.7",
            answer: "vault, which a rule in agent.conf names, is not known"),
        // What is allowed is compared with the name that the caller wrote.
        Case(
            allowed: ["web", "vault"], vault: .silent, target: "web", answer: "admitted"),
    ]

    @Test(.needs("ssh"), arguments: table)
    @IO func `a rule misses no host because a lookup is late`(_ question: Case) async throws {
        let site = try LookupSite(question)
        #expect(await site.answer(question.target).contains(question.answer))
    }

    @Test(.needs("ssh")) @IO func `what was known of a rule's host still holds`() async throws {
        let site = try LookupSite(Case(denied: ["vault"], target: "", answer: ""))
        #expect(await site.answer("10.0.0.7").contains("DenyTarget vault"))
        for resolver in [WhereaboutsTests.Resolver.silent, .broken, .busy, .broken] {
            site.hosts["vault.example"] = resolver
            #expect(await site.answer("10.0.0.7").contains("DenyTarget vault"), "\(resolver)")
            #expect(await site.answer("10.0.0.1") == "admitted", "\(resolver)")
        }
    }

    @Test(.needs("ssh")) @IO func `a late lookup ends nothing that is in use`() async throws {
        let site = try LookupSite(Case(denied: ["vault"], target: "", answer: ""))
        let open = try TargetName("web")
        #expect(await !site.targets.isRefused(open))
        (site.hosts["web.example"], site.hosts["vault.example"]) = (.silent, .silent)
        #expect(await !site.targets.isRefused(open))
        site.targets.policy.deniedTargets = ["web"]
        #expect(await site.targets.isRefused(open))
    }
}

/// Targets whose resolver the test drives; every answer of it is asked for again.
@IO private final class LookupSite {
    let targets: Targets
    var hosts: [String: WhereaboutsTests.Resolver] {
        get { box.withLock { $0 } }
        set { box.withLock { $0 = newValue } }
    }
    private let box: Box<[String: WhereaboutsTests.Resolver]>
    private let folder: TemporaryDirectory

    init(_ question: WhereaboutsTests.Case) throws {
        folder = try TemporaryDirectory("targets")
        let config = try folder.write(
            "Host vault\n HostName vault.example\nHost web\n HostName web.example\n", to: "config")
        let box = Box(["web.example": question.web, "vault.example": question.vault])
        self.box = box
        let whereabouts = Whereabouts(freshness: .zero, patience: .milliseconds(200)) {
            host throws(LoopError) in
            switch SocketAddress(ip: host, port: 22).map({ .address($0.host) })
                ?? box.withLock({ $0[host] })
            {
            case .address(let ip):
                return SocketAddress(ip: ip, port: 22).map { [$0] } ?? []
            case .broken: throw .nameLookupFailed(host: host, reason: "temporary failure")
            case .busy: throw .nameLookupsBusy(host: host)
            case .silent:
                await Once<Void>().wait()
                return []
            case .missing, nil: throw .nameNotFound(host: host)
            }
        }
        targets = Targets(
            settings: TargetSettings(sshConfig: config),
            place: Place(environment: [:], user: "me", home: folder.path), whereabouts: whereabouts)
        targets.policy.deniedTargets = question.denied
        targets.policy.allowedTargets = question.allowed
    }

    /// `admitted`, or why not.
    func answer(_ target: String) async -> String {
        let answer = await outcome {
            try await self.targets.admit(
                "site/\(target)", TargetAccess(Fields(object: [:])),
                for: Caller(id: "p", reach: Caller.everywhere))
        }
        switch answer {
        case .success: return "admitted"
        case .failure(let fault): return fault.message
        }
    }
}
