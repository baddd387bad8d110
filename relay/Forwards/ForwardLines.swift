// Forwards that listen in a person's own process (`homeline-relay forward`): its connections to the
// admin socket. The first one opens the forward and lives as long as it; each further one becomes
// one connection of the forward. Invariant: the forward ends with the first connection.
import JSON
import Loop
import Net
import Wire

extension Forwards {
    /// Takes over a connection to the admin socket, with its request and the bytes after it.
    func serve(_ stream: SocketStream, _ request: JSON, received: [UInt8]) async {
        stream.pauseReading()
        do throws(Fault) {
            if let id = request["forward_id"]?.stringValue {
                let far = try await self.stream(of: id, to: request["to"]?.stringValue)
                Self.answer(["ok": [:]], on: stream)
                far.write(received)
                _ = await Joint.join(stream, far).ended()
            } else {
                try await keep(request, stream)
            }
        } catch {
            Self.answer(
                [
                    "error": [
                        "message": .string(error.message), "code": .string(error.code.rawValue),
                    ]
                ], on: stream)
            stream.finish()
        }
    }

    /// Opens the forward that a process asks for, and closes it when the process has gone.
    private func keep(_ request: JSON, _ stream: SocketStream) async throws(Fault) {
        let wanted = ["target", "kind", "to"]
        var arguments: JSON.Object = [:]
        for name in wanted { arguments[name] = request[name] }
        let fields = Fields(object: arguments)
        let call = AgentCall(.openForward, arguments, for: .local)
        guard case .one(let member) = try destination(of: fields) else {
            throw Fault(.internal, "forward_open has no single agent")
        }
        let listen = request["listen"]?.stringValue ?? ""
        let (answer, id) = try await open(call, at: member, listeningOn: listen) { [weak stream] in
            stream?.finish()
        }
        guard !stream.isClosed else { return close(id) }
        stream.onClose = { [weak self] _ in self?.close(id) }
        unsafe stream.onData = { _ in }
        stream.resumeReading()
        Self.answer(["ok": .raw(answer.result)], on: stream)
    }

    private static func answer(_ reply: JSON, on stream: SocketStream) {
        stream.write(reply.encoded() + [UInt8(ascii: "\n")])
    }
}
