// The reply code with which a SOCKS server answers each fault (RFC 1928 §6).
import Net
import Wire

extension Fault.Code {
    /// The code by which a SOCKS server answers.
    var socks: SOCKSQuestion.Code {
        switch self {
        case .refusedByPolicy, .channelRefused: .forbidden
        case .connectionRefused: .connectionRefused
        case .nameNotFound, .unreachable, .timedOut, .linkLost: .hostUnreachable
        case .unknownMethod, .invalidArgument, .unknownAgent, .agentOffline, .unknownSession,
            .unknownCommand, .unknownForward, .sessionEnded, .busy, .hostKeyUnknown,
            .hostKeyChanged, .hostKeyRevoked, .approvalNeeded, .algorithmsRefused,
            .authenticationFailed,
            .fileNotFound, .fileRefused, .fileChanged, .fileFailed, .limitReached,
            .outcomeUnknown, .shellUnusable, .unavailable, .internal:
            .failed
        }
    }
}
