// The connections that are being admitted: how many there may be, in all and from one address, and
// which one is closed when there is no room. Admissions decides; WaitingRoom holds the connections.
// Invariant: a newcomer always gets a place. The oldest connection that has not completed its TLS
// handshake is closed for it, or else the oldest of all; if the newcomer's address has used up its
// share, only connections of that address are closed.

import Loop
import Net

/// Connections whose peers are not known yet: agents before the welcome, MCP clients before the
/// first valid token on their connection.
@IO final class WaitingRoom {
    private var admissions = Admissions()
    private var streams: [Int: any ByteStream] = [:]
    private var rate = HandshakeRate()
    private var arrivals = Arrivals()

    /// Whether connections should wait until some of these have arrived.
    var isCrowded: Bool { arrivals.isCrowded(at: IO.now) }

    /// Adds a connection, and closes another one if there is no room; returns the new one's number.
    func enter(_ stream: any ByteStream) -> Int {
        let (number, evicted) = admissions.add(from: stream.peerAddress?.subscriber)
        if let evicted {
            arrivals.end(evicted)
            streams.removeValue(forKey: evicted)?.close()
        }
        streams[number] = stream
        arrivals.progress(number, at: IO.now)
        return number
    }

    /// Whether a connection's TLS handshake may begin, now that its peer has sent something.
    func mayBegin(_ number: Int) -> Bool {
        guard let stream = streams[number] else { return false }
        guard rate.admits(stream.peerAddress?.subscriber, at: IO.now) else { return false }
        arrivals.progress(number, at: IO.now)
        return true
    }

    /// Notes that a connection's peer has completed its TLS handshake.
    func spoke(_ number: Int) {
        arrivals.progress(number, at: IO.now)
        admissions.spoke(number)
    }

    /// A connection was admitted or refused, or is gone.
    func leave(_ number: Int) {
        arrivals.end(number)
        admissions.remove(number)
        streams[number] = nil
    }
}

/// Who may stay among the connections whose peers are not known yet: a value without sockets.
struct Admissions {
    /// One connection.
    private struct Entry {
        let number: Int
        let address: String?
        /// The peer has completed its TLS handshake.
        var hasSpoken = false
    }

    /// The most connections at once, so that unauthenticated peers cannot use up descriptors and
    /// memory.
    static let places = 512
    /// The most of them from one address: an eighth, so that no address keeps the others out.
    static let share = 64

    private let limit, share: Int
    /// In the order of their arrival.
    private var entries: [Entry] = []
    private var last = 0

    /// Room for `limit` connections, and `share` of them from one address.
    init(limit: Int = Self.places, share: Int = Self.share) {
        (self.limit, self.share) = (limit, share)
    }

    /// The number of connections.
    var count: Int { entries.count }

    /// Adds a connection, and returns its number.
    ///
    /// `evicted`: the number of the connection to close, if there was no room; nil if there was.
    /// Without an address the connection has no share, only its place among all.
    mutating func add(from address: String?) -> (number: Int, evicted: Int?) {
        var evicted: Int?
        let own = address == nil ? 0 : entries.count { $0.address == address }
        if own >= share || entries.count >= limit {
            let places = entries.indices.filter { own < share || entries[$0].address == address }
            let place = places.first { !entries[$0].hasSpoken } ?? places.first
            evicted = place.map { entries.remove(at: $0).number }
        }
        last += 1
        entries.append(Entry(number: last, address: address))
        return (last, evicted)
    }

    /// Notes that a connection's peer has completed its TLS handshake.
    mutating func spoke(_ number: Int) {
        guard let place = entries.firstIndex(where: { $0.number == number }) else { return }
        entries[place].hasSpoken = true
    }

    /// A connection was admitted or refused, or is gone.
    mutating func remove(_ number: Int) { entries.removeAll { $0.number == number } }
}
