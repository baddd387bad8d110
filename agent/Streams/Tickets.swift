// Tickets for raw streams: an ordinary call, which was judged, gets one, and the stream that it is
// for is opened with it. Pure: the time is passed in.
// Invariant: a ticket is redeemed once, by the principal it was made for, before it has expired.
import Wire

/// The tickets that wait to be redeemed, with what each is for.
struct Tickets<Matter> {
    /// Why a ticket is not redeemed.
    enum Refusal: Error, Hashable {
        /// It was never made here, or was used, or has expired and been forgotten.
        case unknown
        case expired
        /// It was made for another principal.
        case foreign
    }

    private struct Ticket {
        let principal: String
        let matter: Matter
        let end: ContinuousClock.Instant
    }

    private var tickets: [String: Ticket] = [:]

    /// The principals that have tickets.
    var principals: [String] { tickets.values.map(\.principal) }

    /// Adds a ticket.
    mutating func add(
        _ text: String, for principal: String, _ matter: Matter, at now: ContinuousClock.Instant
    ) {
        tickets[text] = Ticket(principal: principal, matter: matter, end: now + StreamTicket.time)
    }

    /// What a ticket is for; it is used up by that.
    ///
    /// Whoever it is not for changes nothing.
    mutating func redeem(
        _ text: String, by principal: String, at now: ContinuousClock.Instant
    ) throws(Refusal) -> Matter {
        guard let ticket = tickets[text] else { throw .unknown }
        guard ticket.principal == principal else { throw .foreign }
        guard now < ticket.end else { throw .expired }
        tickets[text] = nil
        return ticket.matter
    }

    /// Removes the tickets that have expired, and those of `principal`; returns what they were for.
    mutating func remove(
        expiredAt now: ContinuousClock.Instant, of principal: String? = nil
    ) -> [Matter] {
        let gone = tickets.filter { $0.value.end <= now || $0.value.principal == principal }
        for text in gone.keys { tickets[text] = nil }
        return gone.values.map(\.matter)
    }
}
