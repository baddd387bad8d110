// Turns SSH errors into faults for the relay: a stable code and the error's own sentence.
import SSH
import Wire

extension Fault {
    /// The fault for an SSH error; `target` is as the caller wrote it, and `note` is appended.
    init(_ error: SSHError, target: String, note: String = "") {
        let code: Code =
            switch error {
            case .nameNotFound, .nameLookupFailed: .nameNotFound
            case .unreachable: .unreachable
            case .connectionRefused: .connectionRefused
            case .connectTimedOut, .handshakeTimedOut, .loginTimedOut, .channelTimedOut: .timedOut
            case .handshakeFailed: .unreachable
            case .algorithmsRefused, .groupTooLarge, .hostCertificatesOnly: .algorithmsRefused
            case .hostKeyUnknown, .hostKeyNotFound: .hostKeyUnknown
            case .hostKeyChanged: .hostKeyChanged
            case .hostKeyRevoked, .revokedKeysUnusable, .hostKeyTooSmall: .hostKeyRevoked
            case .notAllowedNow: .unreachable
            case .authenticationFailed, .keyUnreadable: .authenticationFailed
            case .channelRefused, .requestRefused, .sftpUnusable: .channelRefused
            case .linkLost, .exchangeTooSlow, .requestUnanswered: .linkLost
            case .knownHosts, .local: .unavailable
            }
        self.init(code, "\(target): \(error)\(note)")
    }
}
