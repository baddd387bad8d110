// The raw streams of this agent: a part offers one from the call that was judged, the relay opens
// it with the ticket, and over the next tunnel again. Flow: a part → offer → ticket → the call's
// result; Uplink → accept → the part's own serving.
// Invariant: a stream begins only with a ticket, and belongs to its principal until its end; the
// number of streams and the bytes that they keep are bounded.
import Crypto
import Loop
import Net
import Tunnel
import Wire

/// The streams that were offered or are open.
@IO final class Streams {
    /// Serves a stream that was opened; its task is cancelled when the stream is over.
    typealias Service = @IO @Sendable (LastingStream) async -> Void

    /// The most streams, offered and open ones: each keeps up to 1 MiB and reads 256 KiB ahead.
    nonisolated static let limit = 128
    /// The most of one principal: what a browser opens through a forward.
    nonisolated static let share = 64
    /// The most bytes that all streams keep, beyond what each may, to be sent again if need be.
    nonisolated static let keptBytes = 16 << 20
    /// The most that the streams of one principal keep.
    nonisolated static let keptShare = 8 << 20

    private struct Offer {
        let purpose: StreamPurpose
        let target: String
        let place: Shares.Place
        let serve: Service
    }

    private struct Open {
        let principal: String
        let purpose: StreamPurpose
        let target: String
        let stream: LastingStream
        let place: Shares.Place
        /// Since when it waits for a tunnel; nil: it has one.
        var detachedAt: ContinuousClock.Instant?
        var task: Task<Void, Never>?
    }

    /// Why a stream was refused, or ended by its source.
    private enum Event: Hashable {
        case unknown, expired, foreign, revoked, inUse, gone, failed
    }

    private let revoked: RevokedPrincipals
    private let places = Shares(Streams.limit, share: Streams.share)
    private let room = ByteBudget(limit: Streams.keptBytes, share: Streams.keptShare)
    private let patience: Duration
    /// The time by which tickets expire.
    var now: @IO () -> ContinuousClock.Instant = { IO.now }
    private let log: PacedLog<Event>
    private var tickets = Tickets<Offer>()
    private var open: [String: Open] = [:]

    init(
        revoked: RevokedPrincipals, patience: Duration = LastingStream.patience,
        log: @escaping @IO (String) -> Void = { Process.log($0) }
    ) {
        (self.revoked, self.patience) = (revoked, patience)
        self.log = PacedLog(lines: 5, write: log) { event, count in
            "\(count) more streams were refused or failed in the last minute (\(event))"
        }
        room.onRoom = { [weak self] in
            guard let self else { return }
            for open in open.values { open.stream.advance() }
        }
    }

    /// The principals that have streams.
    var principals: Set<String> { Set(tickets.principals + open.values.map(\.principal)) }
    /// How many streams are open, those that wait for a tunnel included.
    var count: Int { open.count }
    /// The bytes that all streams keep.
    var kept: Int { open.values.reduce(0) { $0 + $1.stream.kept } }

    // MARK: Offering

    /// Makes a ticket for a stream that `serve` serves, once the principal has opened it.
    func offer(
        _ purpose: StreamPurpose, of target: String, to principal: String,
        _ serve: @escaping Service
    ) throws(Fault) -> StreamTicket {
        try revoked.check(principal)
        dropExpired()
        let place = try place(for: principal)
        let ticket = Base64.encodeURL(Random.bytes(StreamTicket.bytes))
        tickets.add(
            ticket, for: principal,
            Offer(purpose: purpose, target: target, place: place, serve: serve), at: now())
        return StreamTicket(ticket)
    }

    /// A place, if need be that of the stream that has waited longest for a tunnel.
    private func place(for principal: String) throws(Fault) -> Shares.Place {
        func longest(_ isMeant: (Open) -> Bool) -> Open? {
            open.values.filter { $0.detachedAt != nil && isMeant($0) }
                .min { $0.detachedAt ?? now() < $1.detachedAt ?? now() }
        }
        do throws(Lack) { return try places.take(for: principal) } catch {
            let isFull = if case .places = error { true } else { false }
            // With the principal's share used up, another principal's stream would end in vain.
            let last =
                longest { $0.principal == principal } ?? (isFull ? longest { _ in true } : nil)
            last?.stream.close(.closed(reason: "a newer stream needed its place"))
        }
        return try places.take(
            for: principal, of: "places for streams", or: "try again when some have ended")
    }

    private func dropExpired() {
        for offer in tickets.remove(expiredAt: now()) { offer.place.giveBack() }
    }

    // MARK: Opening

    /// Answers a stream that the relay has opened.
    func accept(_ carrier: TunnelStream) -> StreamAnswer {
        let (ticket, principal) = (carrier.opening.authority, carrier.opening.principal)
        if let known = open[ticket] { return resume(known, ticket, over: carrier) }
        let offer: Offer
        do throws(Tickets<Offer>.Refusal) {
            offer = try tickets.redeem(ticket, by: principal, at: now())
        } catch {
            switch error {
            case .unknown: return refuse(.unknown, "its ticket is unknown or was used")
            case .expired: return refuse(.expired, "its ticket has expired")
            case .foreign: return refuse(.foreign, "its ticket is another principal's")
            }
        }
        let stream = LastingStream(
            .acceptor, room: room.claim(for: principal), patience: patience)
        open[ticket] = Open(
            principal: principal, purpose: offer.purpose, target: offer.target, stream: stream,
            place: offer.place)
        stream.onDetach = { [weak self] in self?.open[ticket]?.detachedAt = self?.now() }
        stream.onOver = { [weak self] in self?.forget(ticket) }
        let answer = stream.accept(carrier)
        guard answer != .refused else {
            stream.close()
            return refuse(.gone, "it asks for bytes that were never sent")
        }
        open[ticket]?.task = IO.task {
            await Sharer.serving(principal) { await offer.serve(stream) }
        }
        return answer
    }

    private func resume(
        _ known: Open, _ ticket: String, over carrier: TunnelStream
    ) -> StreamAnswer {
        guard known.principal == carrier.opening.principal else {
            return refuse(.foreign, "its ticket is another principal's")
        }
        guard !known.stream.isBeside(carrier) else {
            return refuse(.inUse, "its ticket was used over this tunnel")
        }
        let answer = known.stream.accept(carrier)
        guard answer != .refused else {
            return refuse(.gone, "it asks for bytes that are not kept")
        }
        open[ticket]?.detachedAt = nil
        return answer
    }

    private func refuse(_ event: Event, _ why: String) -> StreamAnswer {
        log.note(event, "a stream was refused: \(why)")
        return .refused
    }

    /// Ends a stream whose source has failed, with one line in the log: the other end of a raw
    /// stream only sees that it was cut.
    func fail(_ stream: LastingStream, _ fault: Fault) {
        guard !stream.isClosed else { return }
        log.note(.failed, "a stream was cut: \(fault.message)")
        stream.close(.closed(reason: fault.message))
    }

    // MARK: The end

    private func forget(_ ticket: String) {
        guard let known = open.removeValue(forKey: ticket) else { return }
        known.task?.cancel()
        known.place.giveBack()
    }

    /// Ends the streams and tickets of a principal; returns how many streams were open.
    func end(of principal: String) -> Int {
        for offer in tickets.remove(expiredAt: now(), of: principal) { offer.place.giveBack() }
        let own = open.values.filter { $0.principal == principal }
        for known in own { known.stream.close(.closed(reason: "its principal was revoked")) }
        return own.count
    }

    /// Ends every stream, when the agent stops.
    func shutDown() {
        for known in open.values { known.stream.close(.closed(reason: "the agent stops")) }
        log.close()
    }
}
