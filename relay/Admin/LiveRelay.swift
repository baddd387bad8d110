// What the admin commands need from a running relay besides its store.
// `RelayService` conforms; without a running relay the commands use only the store.

import JSON
import Loop
import Net

/// A running relay, as admin commands see it.
@IO protocol LiveRelay: AnyObject {
    /// More members of `status`: `mcp_url`, `tunnel_url` (the first), `tunnel_urls`, `version`,
    /// `pid`, `uptime_s`; where it listens (`mcp_port`, `tunnel_port`) and how many files it may
    /// open (`open_files`).
    func status() -> JSON.Object

    /// The connected agents by id, with what is known about each connection: `since`, `peer`.
    func presence() -> [String: JSON.Object]

    /// An agent lost its right to connect: closes its tunnel now.
    func agentRevoked(_ id: String)

    /// An agent's record was changed in the store: puts it in force.
    func agentChanged(_ record: AgentRecord)

    /// An agent is to have a new key: gives it one now; returns why not, or nil.
    func changeKey(of record: AgentRecord) async -> String?

    /// A token lost its rights: ends its streams and calls now, and then, at the agents, its
    /// sessions and commands; returns members of the command's result about the latter.
    func tokenRevoked(_ id: String) async -> JSON.Object

    /// A person was revoked: ends this person's page sessions, streams and calls now, and then, at
    /// the agents, sessions and commands; returns members of the command's result about the latter.
    func personRevoked(_ id: String) async -> JSON.Object

    /// People or their page sessions were changed: reads them again from the store.
    func peopleChanged() async

    /// Tokens were created or changed: reads them again from the store.
    func tokensChanged() async

    /// Clients of OAuth or their grants were changed: reads them again from the store, and ends
    /// what is gone.
    func oauthChanged() async

    /// Runs a command that `Administration` does not know; nil if the relay does not know it
    /// either.
    func perform(_ command: String, _ arguments: JSON) async throws(AdminFault) -> JSON?

    /// Takes over a connection that asked for MCP, with the bytes received after the request.
    func attach(_ stream: SocketStream, received: [UInt8])

    /// Takes over a connection that opens a forward, or is one of its connections, with its request
    /// and the bytes received after it.
    func forward(_ stream: SocketStream, _ request: JSON, received: [UInt8])
}

extension LiveRelay {
    func perform(_ command: String, _ arguments: JSON) async throws(AdminFault) -> JSON? { nil }

    func attach(_ stream: SocketStream, received: [UInt8]) { stream.close() }

    func forward(_ stream: SocketStream, _ request: JSON, received: [UInt8]) { stream.close() }
}
