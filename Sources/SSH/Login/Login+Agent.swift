// The ssh-agent of a login: lists the keys that it holds, and binds those that are restricted to
// certain hosts to this connection. Part of Login.
internal import Loop

extension Login {
    /// The limit for an ssh-agent to list its keys, for which it asks nobody.
    private static let listingTime: Duration = .seconds(5)

    /// The keys that the ssh-agent holds; why there are none is recorded.
    func askAgent() async -> [SSHAgent.Identity] {
        let sockets = link.configuration.authentication.compactMap(\.socket)
        guard let socket = sockets.first, link.configuration.rules.order.contains("publickey")
        else { return [] }
        let method = "publickey ssh-agent"
        guard let agent = SSHAgent(socket: socket) else {
            record(method, "no agent answers at \(socket)")
            return []
        }
        self.agent = agent
        guard let list = await IO.within(Self.listingTime, { await agent.identities() }) else {
            agent.close()
            record(method, "the agent at \(socket) did not answer within \(Self.listingTime)")
            return []
        }
        guard let list else {
            record(method, "the agent at \(socket) does not list its keys")
            return []
        }
        if list.isEmpty { record(method, "the agent at \(socket) holds no key") }
        return list
    }
}

extension Login {
    /// What an ssh-agent checks before it signs with a key that is bound to hosts
    /// (`session-bind@openssh.com`): the data to sign begins with the connection's id.
    func binding(_ data: [UInt8]) -> SSHAgent.Binding? {
        var reader = WireReader(data)
        guard let id = reader.string(),
            let signature = session.transport.firstExchange?.signature,
            let key = link.server.hostKey
        else { return nil }
        return SSHAgent.Binding(hostKey: key.blob, session: Array(id), signature: signature)
    }
}
