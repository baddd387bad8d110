// The connections that are being admitted: how many there may be, in all and from one address, and
// which one is closed when there is no room. Admissions decides; WaitingRoom holds the sockets.
// Invariant: a newcomer always gets a place. The oldest connection that has not completed its TLS
// handshake is closed for it, or else the oldest of all; if the newcomer's address has used up its
// share, only connections of that address are closed.

import Configuration
import Loop
import Net

/// Sockets whose peers are not known yet: agents before the welcome, MCP clients before TLS.
@IO final class WaitingRoom {
    private var admissions = Admissions()
    private var sockets: [Int: SocketStream] = [:]

    /// Adds a socket, and closes another one if there is no room; returns the new socket's number.
    func enter(_ socket: SocketStream) -> Int {
        let (number, evicted) = admissions.add(from: Self.origin(of: socket))
        if let evicted { sockets.removeValue(forKey: evicted)?.close() }
        sockets[number] = socket
        return number
    }

    /// What counts as one address: for IPv6 the network of 64 bits that one subscriber has.
    private static func origin(of socket: SocketStream) -> String {
        guard let address = socket.peerAddress else { return "" }
        guard address.isIPv6 else { return address.host }
        let groups = HostName.canonical(address.host).split(separator: ":")
        return groups.count == 8 ? groups[..<4].joined(separator: ":") : address.host
    }

    /// Notes that a socket's peer has completed its TLS handshake.
    func spoke(_ number: Int) { admissions.spoke(number) }

    /// A socket was admitted or refused, or is gone.
    func leave(_ number: Int) {
        admissions.remove(number)
        sockets[number] = nil
    }
}

/// Who may stay among the connections whose peers are not known yet: a value without sockets.
struct Admissions {
    /// One connection.
    private struct Entry {
        let number: Int
        let address: String
        /// The peer has completed its TLS handshake.
        var hasSpoken = false
    }

    /// The most connections at once, so that unauthenticated peers cannot use up descriptors and
    /// memory.
    private let limit: Int
    /// The most of them from one address: an eighth, so that no address keeps the others out.
    private let share: Int
    /// In the order of their arrival.
    private var entries: [Entry] = []
    private var last = 0

    /// Room for `limit` connections, and `share` of them from one address.
    init(limit: Int = 512, share: Int = 64) { (self.limit, self.share) = (limit, share) }

    /// The number of connections.
    var count: Int { entries.count }

    /// Adds a connection, and returns its number.
    ///
    /// `evicted`: the number of the connection to close, if there was no room; nil if there was.
    mutating func add(from address: String) -> (number: Int, evicted: Int?) {
        var evicted: Int?
        let own = entries.count { $0.address == address }
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
