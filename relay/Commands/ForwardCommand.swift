// `homeline-relay forward`: a forward that listens in this process, for a person at the relay's
// machine. Flow: a client connects here → a connection to the running relay's admin socket → the
// relay's Forwards → the agent. Invariant: it ends when this process does.
import Configuration
import JSON
import Loop
import Net
import Wire

/// Listens, and has the running relay forward what connects.
@IO enum ForwardCommand {
    nonisolated static let command = Command(
        "forward",
        "listens here and forwards TCP connections through a target until Ctrl-C; a port alone is"
            + " a SOCKS5 proxy",
        settings: [.data],
        positionals: [.required("AGENT/HOST"), .required("[ADDRESS:]PORT[:HOST:PORT]")])

    /// Where to listen, and where connections go; nil: wherever SOCKS clients ask.
    struct Way: Equatable {
        var listen: Address
        var destination: Address?

        /// Reads `5432:db:5432`, `127.0.0.1:5432:db:5432`, `1080`; an IPv6 address in brackets.
        init?(_ text: String) {
            var parts: [String] = []
            var isInBrackets = false
            for part in text.split(separator: ":", omittingEmptySubsequences: false) {
                if isInBrackets {
                    parts[parts.count - 1] += ":" + part
                } else {
                    parts.append(String(part))
                }
                if part.hasPrefix("[") { isInBrackets = true }
                if part.hasSuffix("]") { isInBrackets = false }
            }
            let hasAddress = parts.count == 2 || parts.count == 4
            // Two ports would be read as a host of that name and its port.
            let isTwoPorts = parts.count == 2 && parts[0].allSatisfy(\.isNumber)
            guard (1...4).contains(parts.count), !isTwoPorts,
                let listen = Address(
                    hasAddress ? "\(parts[0]):\(parts[1])" : "127.0.0.1:\(parts[0])")
            else { return nil }
            self.listen = listen
            let rest = parts.dropFirst(hasAddress ? 2 : 1)
            guard !rest.isEmpty else { return }
            guard let destination = Address(rest.joined(separator: ":")) else { return nil }
            self.destination = destination
        }
    }

    /// Serves until the forward ends.
    static func run(_ options: Options) async -> Outcome {
        guard let way = Way(options.arguments[1]) else {
            return Outcome(
                errors:
                    "homeline-relay: write [ADDRESS:]PORT:HOST:PORT, such as 5432:localhost:5432,"
                    + " or PORT alone for SOCKS5\n",
                exit: ExitCode.usage)
        }
        let folder = DataFolder(options.string(.data), environment: Process.environment)
        do {
            let line = try await serve(options.arguments[0], way, folder)
            return Outcome(errors: "homeline-relay: \(line)\n", exit: ExitCode.unavailable)
        } catch let error as AdminFault {
            return Outcome(errors: "homeline-relay: \(error.message)\n", exit: error.exit)
        } catch {
            return Outcome(errors: "homeline-relay: \(error)\n", exit: ExitCode.unavailable)
        }
    }

    /// Returns why the forward has ended.
    private static func serve(
        _ target: String, _ way: Way, _ folder: DataFolder
    ) async throws -> String {
        let slot = Once<String>()
        let isDynamic = way.destination == nil
        guard
            let address = try await DNS.resolve(way.listen.host, port: way.listen.port).first
        else { return "\(way.listen.host) has no address" }
        let listener = try Listener.tcp(address) { socket in
            IO.task { await carry(socket, slot, isDynamic: isDynamic, folder) }
        }
        defer { listener.close() }
        let real = listener.address?.description ?? way.listen.description
        var request: JSON.Object = [
            "command": "forward", "target": .string(target), "listen": .string(real),
            "kind": .string(isDynamic ? "dynamic" : "local"),
        ]
        if let destination = way.destination { request["to"] = .string(destination.description) }
        let control = try await ask(folder, .object(request))
        guard let id = control.result["forward_id"]?.stringValue else {
            return "the relay gave no forward"
        }
        let over = Once<Void>()
        control.stream.onClose = { _ in over.set(()) }
        unsafe control.stream.onData = { _ in }
        control.stream.resumeReading()
        slot.set(id)
        let place = way.destination.map { "to \($0) " } ?? "as a SOCKS5 proxy "
        Process.print("\(real) forwards \(place)through \(target); Ctrl-C ends it\n")
        await over.wait()
        return
            "the relay has closed the forward: it was closed by its tool, or the relay, the agent"
            + " or its rules have ended it"
    }

    /// Serves a client that has connected.
    private static func carry(
        _ socket: SocketStream, _ slot: Once<String>, isDynamic: Bool, _ folder: DataFolder
    ) async {
        let id = await slot.wait()
        var request: JSON.Object = ["command": "forward", "forward_id": .string(id)]
        var rest: [UInt8] = []
        if isDynamic {
            guard let asked = await SOCKSQuestion.ask(socket) else { return }
            request["to"] = .string(Address(host: asked.host, port: asked.port).description)
            rest = asked.rest()
        }
        do throws(AdminFault) {
            let far = try await ask(folder, .object(request))
            if isDynamic { socket.write(SOCKSQuestion.answer(.succeeded)) }
            far.stream.write(rest)
            socket.write(far.rest)
            _ = await Joint.join(socket, far.stream).ended()
        } catch {
            Process.complain("homeline-relay: a connection failed: \(error.message)")
            if isDynamic { socket.write(SOCKSQuestion.answer(.failed)) }
            socket.finish()
        }
    }

    /// A connection to the running relay after its answer, with the bytes that followed it.
    private static func ask(
        _ folder: DataFolder, _ request: JSON
    ) async throws(AdminFault) -> (stream: SocketStream, result: JSON, rest: [UInt8]) {
        guard let stream = try await AdminClient.connect(folder) else {
            throw AdminFault(
                message: "no relay runs on \(folder.path): start one (homeline-relay serve)",
                exit: ExitCode.unavailable)
        }
        return try await AdminClient.open(stream, request)
    }
}
