// Turns SSH errors into faults for the relay: a stable code and the error's own sentence.
import SSH
import Wire

extension Fault {
    /// The fault for an SSH error; `note` is appended, and `question` is what a person may answer.
    init(
        _ error: SSHError, of target: SSHTarget, note: String = "", asking question: Question? = nil
    ) {
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
            case .streamRefused(_, true, _): .channelRefused
            case .streamRefused(_, false, _): .connectionRefused
            case .channelRefused, .requestRefused, .sftpMissing, .sftpUnusable: .channelRefused
            case .linkLost, .exchangeTooSlow, .requestUnanswered: .linkLost
            case .knownHosts, .knownHostsCommandFailed, .local: .unavailable
            }
        self.init(
            code, "\(target.name): \(error.words(for: target.trustName))\(note)",
            asking: question)
    }
}
