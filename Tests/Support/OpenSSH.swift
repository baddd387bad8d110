// The releases of OpenSSH that tests run: the machine's own, and that of Debian 13 (10.x), which
// scripts/servers.sh unpacks with other servers and installs nowhere.
import Foundation

/// A release of OpenSSH.
public enum OpenSSH: String, CaseIterable, Sendable {
    /// The machine's own.
    case installed
    /// Debian 13's.
    case debian13

    /// What tests take that name none: HOMELINE_OPENSSH (`debian13`), or the machine's own.
    public static let chosen =
        ProcessInfo.processInfo.environment["HOMELINE_OPENSSH"].flatMap(OpenSSH.init) ?? .installed

    /// The path of one of its programs; nil where it is not here.
    public func program(_ name: String) -> String? {
        switch self {
        case .installed: Repository.find(name)
        case .debian13: Repository.unpacked(name)
        }
    }

    /// Whether its programs are here; says so in the list of what was left out if not.
    public func isHere(for test: String) -> Bool {
        if program("sshd") != nil { return true }
        leaveOut("\(test), OpenSSH of \(self)", because: "it is not here: run ./test")
        return false
    }

    /// The environment of these tests, in which `ssh` is this release's.
    public var environment: [String: String] {
        var all = ProcessInfo.processInfo.environment
        guard let ssh = program("ssh") else { return all }
        let folder = URL(fileURLWithPath: ssh).deletingLastPathComponent().path
        all["PATH"] = "\(folder):\(all["PATH"] ?? "/usr/bin:/bin")"
        return all
    }
}
