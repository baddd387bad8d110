// What this process tells the service manager that started it (sd_notify(3), which systemd and
// others read): that it is ready, what it does, and that its loop is alive.
// Invariant: nothing waits on it, and without a manager nothing is sent.
internal import CUV  // for SOCK_DGRAM, which Swift's static Glibc does not show
import Glibc

/// The service manager, if one asked for messages.
@IO public enum Supervisor {
    private static var beat: LoopTimer?

    /// Reports that the service is ready, and from now on that its loop turns, as often as the
    /// manager wants to hear it.
    public static func ready() {
        send("READY=1")
        let environment = Process.environment
        // Set for one process; a child that inherits it must not beat for its parent.
        if let id = environment["WATCHDOG_PID"], id != "\(getpid())" { return }
        guard let text = environment["WATCHDOG_USEC"], let time = Int64(text), time > 0 else {
            return
        }
        // Half of the time, as sd_watchdog_enabled(3) advises.
        let pause = Duration.microseconds(max(1000, time / 2))
        beat = LoopTimer(after: pause, repeating: pause) { send("WATCHDOG=1") }
    }

    /// Reports in one line what the service does; returns whether the report was sent.
    @discardableResult
    public static func status(_ line: String) -> Bool {
        send("STATUS=" + line.map { $0.isNewline ? " " : $0 })
    }

    /// Whether a manager asked for messages.
    public static var isThere: Bool { Process.environment["NOTIFY_SOCKET"] != nil }

    /// Reports that another process is the service's main one from now on, and shows that its loop
    /// is alive.
    public static func isSucceeded(by pid: Int32) {
        send("MAINPID=\(pid)\nSTATUS=process \(pid) has taken over")
        endBeat()
    }

    /// The environment for a process that takes over from this one: it beats in its place.
    public static func environmentOfSuccessor() -> [String: String] {
        var environment = Process.environment
        // It names this process; without it any process may beat (sd_watchdog_enabled(3)).
        environment["WATCHDOG_PID"] = nil
        return environment
    }

    /// Reports that the service is about to end.
    public static func stopping() {
        send("STOPPING=1")
        endBeat()
    }

    private static func endBeat() {
        beat?.cancel()
        beat = nil
    }

    /// Whether a message was sent.
    @discardableResult
    static func send(
        _ message: String, environment: [String: String] = Process.environment
    ) -> Bool {
        guard let path = environment["NOTIFY_SOCKET"], path.hasPrefix("/") || path.hasPrefix("@")
        else { return false }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var name = Array(path.utf8)
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        // An abstract name begins with a zero byte in place of the @.
        if name[0] == UInt8(ascii: "@") { name[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        // A child that starts now must not keep it.
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        let bytes = Array(message.utf8)
        let sent = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                // A manager whose queue is full must not stop the loop.
                sendto(
                    descriptor, bytes, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL), $0,
                    length)
            }
        }
        return sent == bytes.count
    }
}
