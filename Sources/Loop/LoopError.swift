// Errors below the network: names, descriptors, children. Reasons from libuv are passed on
// unchanged.
internal import CUV

/// Why an operation of the loop failed.
public enum LoopError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The name does not resolve (`EAI_NONAME`, `EAI_NODATA`): trying again will not help.
    case nameNotFound(host: String)
    /// The resolver could not answer now.
    case nameLookupFailed(host: String, reason: String)
    /// The name was not looked up, as other lookups had all places of its caller.
    case nameLookupsBusy(host: String)
    /// The program could not be started.
    case cannotStart(program: String, reason: String)
    /// The program did not end within its deadline and was killed.
    case timedOut(program: String)
    /// The program printed more than its cap and was killed.
    case tooMuchOutput(program: String, limit: Int)
    /// A system call failed.
    case system(call: String, reason: String)

    /// One plain line.
    public var description: String {
        switch self {
        case .nameNotFound(let host): "the name \(host) does not resolve"
        case .nameLookupFailed(let host, let reason): "cannot look up \(host): \(reason)"
        case .nameLookupsBusy(let host):
            "cannot look up \(host): other names are being looked up, whose servers do not answer; try"
                + " again later"
        case .cannotStart(let program, let reason): "cannot start \(program): \(reason)"
        case .timedOut(let program): "\(program) did not end in time"
        case .tooMuchOutput(let program, let limit): "\(program) printed over \(limit) bytes"
        case .system(let call, let reason): "\(call): \(reason)"
        }
    }

    static func uv(_ call: String, _ code: Int32) -> LoopError {
        .system(call: call, reason: reason(code))
    }

    static func reason(_ code: Int32) -> String { String(cString: uv_strerror(code)) }
}
