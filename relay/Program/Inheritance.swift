// What a relay's process has from the one that it takes over from: the listening sockets, and the
// line to that process. Flow: the environment names the descriptors → ServeCommand takes them →
// each listener adopts its own. Invariant: no process that this one starts gets them or hears of
// them.
import Glibc
import Loop
import Net

/// The sockets of an earlier process of the relay.
@IO final class Inheritance {
    /// What a listening socket is for.
    enum Role: String { case tunnel, mcp }

    /// The environment variable: the roles of the sockets, whose descriptors begin at 4.
    ///
    /// The line is descriptor 3.
    nonisolated static let variable = "HOMELINE_HANDOVER"
    private static let first: Int32 = 4

    /// The line to the earlier process.
    let line: HandoverLine
    private var sockets: [(role: Role, descriptor: Int32, address: SocketAddress)] = []

    /// What this process was given; nil: it was started by nobody like it.
    static func take() -> Inheritance? {
        guard let value = Process.environment[variable] else { return nil }
        unsafe unsetenv(variable)
        return Inheritance(value.split(separator: ",").map { Role(rawValue: String($0)) })
    }

    private init(_ roles: [Role?]) {
        line = HandoverLine(Self.first - 1)
        for (place, role) in roles.enumerated() {
            let descriptor = Self.first + Int32(place)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            if let role, let address = Listener.address(of: descriptor) {
                sockets.append((role, descriptor, address))
            } else {
                close(descriptor)
            }
        }
    }

    /// The socket that listens at an address; port 0 is any.
    func socket(_ role: Role, at address: SocketAddress) -> Int32? {
        let place = sockets.firstIndex {
            $0.role == role && $0.address.host == address.host
                && (address.port == 0 || $0.address.port == address.port)
        }
        return place.map { sockets.remove(at: $0).descriptor }
    }

    /// Closes the sockets that nobody has asked for: the settings have changed.
    func closeRest() {
        for socket in sockets { close(socket.descriptor) }
        sockets = []
    }
}
