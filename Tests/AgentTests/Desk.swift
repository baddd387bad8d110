// A whole agent without its relay: calls go to its dispatcher as bytes and come back as JSON.
import Crypto
import Foundation
import JSON
import Loop
import Support
import Wire

@testable import homeline_agent

/// An agent whose ssh_config and known_hosts a test makes, and a folder to work in.
@IO final class Desk {
    let service: Agent
    let folder: TemporaryDirectory
    private var settings = AgentSettings()

    /// An agent that reaches servers by their aliases; `more` follows each one's block.
    init(_ servers: [(alias: String, server: any ConfiguredServer, more: String)]) async throws {
        folder = try TemporaryDirectory("desk")
        self.servers = servers.map(\.server)
        let own = try TemporaryDirectory("agent")
        kept = own
        let config = try servers.map { try $0.server.configuration(alias: $0.alias) + $0.more }
        settings.targets.sshConfig = try own.write(config.joined(), to: "ssh_config")
        settings.targets.knownHosts = try own.write(
            servers.map(\.server.knownHosts).joined(), to: "known_hosts")
        let identity = Identity(
            key: try .generate(), addresses: [""], pin: nil, agentID: "id", name: "site")
        service = Agent(identity: identity, settings: settings)
    }

    private let kept: TemporaryDirectory
    /// They run as long as the desk is there.
    private let servers: [any ConfiguredServer]

    func allow(_ change: (inout Policy) -> Void) { configure { change(&$0.policy) } }

    func configure(_ change: (inout AgentSettings) -> Void) {
        change(&settings)
        service.apply(settings)
    }

    func call(
        _ method: Wire.Method, _ arguments: JSON.Object,
        as caller: Caller = Caller(id: "ada", reach: Caller.everywhere), approved: [Grant]? = nil
    ) async -> Result<JSON, Fault> {
        let request = Request(
            method, caller: caller, approved: approved, arguments: RawJSON(.object(arguments)))
        switch Reply(decoding: await service.dispatcher.answer(request.encoded())) {
        case .result(let raw): return .success((try? raw.parsed()) ?? .null)
        case .fault(let fault): return .failure(fault)
        }
    }

    /// The fault of a call; nil: it has none.
    func fault(_ method: Wire.Method, _ arguments: JSON.Object) async -> Fault? {
        if case .failure(let fault) = await call(method, arguments) { return fault }
        return nil
    }

    func code(_ method: Wire.Method, _ arguments: JSON.Object) async -> Fault.Code? {
        await fault(method, arguments)?.code
    }

    func file(_ name: String) -> JSON { .string(folder.file(name)) }

    func text(_ name: String) throws -> String {
        try String(contentsOfFile: folder.file(name), encoding: .utf8)
    }
}

extension JSON.Object {
    /// The members of both; the other's come first.
    func with(_ more: JSON.Object) -> JSON.Object {
        var all = self
        for (key, value) in more { all[key] = value }
        return all
    }
}
