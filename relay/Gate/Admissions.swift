// The connections that are being admitted: how many there may be, in all and from one address, and
// which goes when there is no room. Admissions decides, WaitingRoom holds the sockets. Invariant: a newcomer never waits for a silent peer: the
// connection that has been silent for longest makes room, first among those of its own address.

import Loop
import Net

/// Sockets whose peers are not known yet: agents before the welcome, MCP clients before TLS.
@IO final class WaitingRoom {
    private var admissions = Admissions()
    private var sockets: [Int: SocketStream] = [:]

    /// Takes in a socket, and closes the one that must go for it; nil, and the newcomer closed, if
    /// there is no room.
    func enter(_ socket: SocketStream) -> Int? {
        guard let (number, evicted) = admissions.add(from: socket.peerAddress?.host ?? "") else {
            socket.close()
            return nil
        }
        if let evicted { sockets.removeValue(forKey: evicted)?.close() }
        sockets[number] = socket
        return number
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

    /// Takes in a connection; also returns the one that must go for it, if there is no room.
    ///
    /// nil: there is no room, and none that is silent.
    mutating func add(from address: String) -> (number: Int, evicted: Int?)? {
        var evicted: Int?
        let own = entries.count { $0.address == address }
        if own >= share || entries.count >= limit {
            let place = entries.firstIndex {
                !$0.hasSpoken && (own < share || $0.address == address)
            }
            guard let place else { return nil }
            evicted = entries.remove(at: place).number
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
