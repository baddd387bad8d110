// What the admin commands ask of a running relay beyond its store.
// The relay's main part conforms; without one the commands work on the store alone.

import JSON
import Loop
import Net

/// A running relay, as admin commands see it.
@IO protocol LiveRelay: AnyObject {
    /// More members of `status`: `mcp_url`, `tunnel_url`, `version`, `uptime_s`.
    func status() -> JSON.Object

    /// The connected agents by id, with what is known of each connection: `since`, `rtt_ms`.
    func presence() -> [String: JSON.Object]

    /// An agent lost its right to connect: its tunnel goes now.
    func agentRevoked(_ id: String)

    /// A token lost its rights: everything of it ends now.
    func tokenRevoked(_ id: String)

    /// Tokens were made or changed: the cache is read again.
    func tokensChanged() async

    /// Runs a command this part does not know; nil when the relay does not either.
    func perform(_ command: String, _ arguments: JSON) async -> JSON?

    /// Takes over a connection that asked for MCP, with the bytes that came after the request.
    func attach(_ stream: SocketStream, received: [UInt8])
}

extension LiveRelay {
    func perform(_ command: String, _ arguments: JSON) async -> JSON? { nil }

    func attach(_ stream: SocketStream, received: [UInt8]) { stream.close() }
}
