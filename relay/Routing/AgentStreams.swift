// The raw streams that this relay has open at agents: opens each with its ticket, and again over
// the agent's next tunnel. Flow: Router.stream → open → a LastingStream for who asked; an agent has
// connected → resume. Invariant: a stream is opened only for the principal whose call got the
// ticket, and ends with that principal's token and with its agent.
import Loop
import Net
import Tunnel
import Wire

/// Streams at agents.
@IO final class AgentStreams {
    /// The most streams at all agents: what comes over one whose reader has stopped is up to 1 MiB.
    nonisolated static let limit = 256
    /// The most of one principal.
    nonisolated static let share = 64
    /// The most bytes that all streams keep, beyond what each may, to be sent again if need be.
    nonisolated static let keptBytes = 64 << 20
    /// The most that the streams of one principal keep.
    nonisolated static let keptShare = 16 << 20

    /// Time after which a stream is opened again at an agent with too many calls.
    private static let pause = Duration.seconds(1)

    private struct Open {
        let stream: LastingStream
        let agentID: String
        let principal: Principal
    }

    private let fleet: Fleet
    private let patience: Duration
    private let places = Shares(AgentStreams.limit, share: AgentStreams.share)
    private let room = ByteBudget(limit: keptBytes, share: keptShare)
    private var open: [String: Open] = [:]

    init(fleet: Fleet, patience: Duration = LastingStream.patience) {
        (self.fleet, self.patience) = (fleet, patience)
        room.onRoom = { [weak self] in
            guard let self else { return }
            for open in open.values { open.stream.advance() }
        }
    }

    /// How many streams are open, those that wait for their agent included.
    var count: Int { open.count }

    /// Opens the stream that a ticket is for.
    ///
    /// It is opened over the agent's next tunnel if there is none now; if the agent refuses it, it
    /// is closed with an error.
    func open(
        _ ticket: StreamTicket, at member: Fleet.Member, for principal: Principal
    ) throws(Fault) -> LastingStream {
        let (id, text) = (member.record.id, ticket.text)
        // An agent that gives a ticket twice would mix two streams.
        guard open[text] == nil, text.utf8.count <= 64 else {
            throw Fault(.unavailable, "Agent \"\(member.record.name)\" gave an unusable ticket.")
        }
        let place: Shares.Place
        do throws(Lack) { place = try places.take(for: principal.id) } catch {
            throw Fault(
                .limitReached,
                "Too many streams are open (\(Self.limit), \(Self.share) of one token): try again"
                    + " when some have ended.")
        }
        let stream = LastingStream(
            .opener, room: room.claim(for: principal.id), patience: patience)
        open[text] = Open(stream: stream, agentID: id, principal: principal)
        stream.onDetach = { [weak self] in self?.resume(text) }
        stream.onOver = { [weak self] in
            self?.open[text] = nil
            place.giveBack()
        }
        resume(text)
        return stream
    }

    /// Opens the agent's streams again, over the connection that it has now.
    func resume(at member: Fleet.Member) {
        for (ticket, known) in open where known.agentID == member.record.id { resume(ticket) }
    }

    private func resume(_ ticket: String) {
        guard let known = open[ticket], known.stream.isDetached else { return }
        guard let member = fleet.member(known.agentID), !fleet.isRevoked(known.agentID) else {
            return known.stream.end(.closed(reason: "the agent was revoked"))
        }
        guard let line = member.connection?.line else { return }
        do throws(TunnelError) {
            known.stream.open(
                over: try line.open(
                    StreamHead(
                        ticket, principal: known.principal.id, offset: known.stream.received)))
        } catch {
            switch error {
            // The agent's next connection is on its way.
            case .closed, .draining: return
            case .busy, .crowded, .tooLarge, .reset, .cancelled:
                IO.task {
                    try? await IO.sleep(for: Self.pause)
                    self.resume(ticket)
                }
            }
        }
    }

    /// Ends the streams of a grant or person that has lost its rights.
    func end(of id: String) {
        for known in open.values where known.principal.hangs(on: id) {
            known.stream.close(.closed(reason: "the token was revoked or changed"))
        }
    }
}
