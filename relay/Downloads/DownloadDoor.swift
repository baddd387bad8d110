// What a new site downloads: the script of the pasted line and the agent's programs. Served on both
// ports: a site reaches the one that agents dial, whatever stands before the other.
// Invariant: nothing here is secret, and nothing here costs more than its places allow.
import HTTP
import Loop
import Net

/// Answers `GET /install` and `GET /agent/…`.
@IO final class DownloadDoor {
    /// Programs that are being sent at once, and to one address: each holds 256 KiB.
    nonisolated static let places = 16
    nonisolated static let share = 4
    /// Connections on the agents' port that may speak HTTP at once.
    nonisolated static let visitors = 64
    /// Those of one address: the rest is for others.
    nonisolated static let visitorShare = 32
    /// How long one program may take: 18 MB over a line of 200 kbit/s take 12 minutes.
    nonisolated static let patience = Duration.seconds(900)

    private let programs: AgentPrograms
    private let places = Shares(DownloadDoor.places, share: DownloadDoor.share)
    private let visits = Shares(DownloadDoor.visitors, share: DownloadDoor.visitorShare)
    private let patience: Duration
    private var server: HTTPServer?

    init(_ programs: AgentPrograms, patience: Duration = DownloadDoor.patience) {
        (self.programs, self.patience) = (programs, patience)
    }

    /// Whether a path is answered here, below whatever path a web server has for the relay.
    nonisolated static func serves(_ path: String) -> Bool {
        let names = path.split(separator: "/")
        return names.last == "install" || names.dropLast().last == "agent"
    }

    /// Answers a request whose path `serves` takes.
    ///
    /// `base` is the URL above `/install` under which the client has come here.
    func handle(_ request: HTTPRequest, _ responder: HTTPResponder, base: String) async {
        guard ["GET", "HEAD"].contains(request.method) else {
            return responder.send(
                status: 405, text: "only GET is served here", headers: ["Allow": "GET, HEAD"])
        }
        let names = request.path.split(separator: "/")
        switch names.last {
        case "install":
            responder.send(
                headers: ["Content-Type": "text/x-shellscript; charset=utf-8"],
                body: Array(InstallScript.text(base: base).utf8))
        case "sums":
            guard let sums = await programs.sums() else { return Self.none(responder) }
            responder.send(
                headers: ["Content-Type": "text/plain; charset=utf-8"], body: Array(sums.utf8))
        case let machine?:
            guard let program = await programs.program(for: String(machine)) else {
                return Self.none(responder)
            }
            await send(program, to: request.peerAddress?.host ?? request.peer, responder)
        case nil: Self.none(responder)
        }
    }

    private static func none(_ responder: HTTPResponder) {
        responder.send(
            status: 404, text: "this relay has no agent program for that kind of machine")
    }

    private func send(
        _ program: AgentProgram, to address: String, _ responder: HTTPResponder
    ) async {
        let place: Shares.Place
        do throws(Lack) { place = try places.take(for: address) } catch {
            return responder.send(
                status: 503, text: "too many downloads at once: try again in a moment",
                headers: ["Retry-After": "2"])
        }
        defer { place.giveBack() }
        guard let reading = await Blocking.run({ AgentProgram.Reading(program) }) else {
            return Self.none(responder)
        }
        responder.start(headers: ["Content-Type": "application/octet-stream"])
        let end = IO.now + patience
        do throws(HTTPError) {
            while IO.now < end, let bytes = await Blocking.run({ reading.next() }) {
                guard !bytes.isEmpty else { return responder.end() }
                try await responder.write(bytes)
            }
            // It cannot be read to its end, or takes too long.
            responder.abort()
        } catch {
            // The client has left.
        }
    }

    // MARK: The agents' port

    /// Serves one who speaks HTTP on the agents' port; returns when the connection has ended.
    ///
    /// `refusal` is what other paths get.
    func serve(_ stream: TLSStream, refusal: String) async {
        let visit: Shares.Place
        do throws(Lack) {
            visit = try visits.take(for: stream.peerAddress?.host ?? stream.peer)
        } catch {
            return await withCheckedContinuation { ended in
                HTTPServer.refuse(stream) { ended.resume() }
            }
        }
        defer { visit.giveBack() }
        let server = server ?? makeServer(refusal)
        self.server = server
        await withCheckedContinuation { ended in
            server.serve(stream, onKnown: { ended.resume() })
        }
    }

    private func makeServer(_ refusal: String) -> HTTPServer {
        var limits = HTTPLimits()
        limits.connections = Self.visitors
        limits.idleDeadline = .seconds(5)
        limits.bodyBytes = 0
        limits.refusals = 1
        return HTTPServer(limits: limits, judge: { _ in nil }) { [weak self] request, responder in
            guard let self, Self.serves(request.path) else {
                return responder.send(status: 404, text: refusal)
            }
            await self.handle(
                request, responder, base: Self.base(request, scheme: "https"))
        }
    }

    /// The URL under which a client has come: what its Host header says; empty if that is not a
    /// name or an address with a port.
    static func base(_ request: HTTPRequest, scheme: String) -> String {
        guard let host = request.soleHeader("host"), InstallScript.isPlain(host) else { return "" }
        return "\(scheme)://\(host)"
    }

    /// Ends what is being sent on the agents' port.
    func close() { server?.close() }
}
