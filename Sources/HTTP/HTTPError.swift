// Why HTTP failed. The server answers `refused` itself; the client throws the rest to its caller.

/// Why a request or a response failed.
public enum HTTPError: Error, Equatable, Sendable {
    /// The peer's request breaks the rules; the status says how.
    case refused(status: Int)
    /// The server's response is not HTTP/1.1.
    case malformedResponse
    /// The peer went away, or the connection broke.
    case closed
    /// The deadline passed first.
    case timedOut
    /// The body is larger than allowed.
    case tooLarge
    /// Nobody answers at the address.
    case unreachable(String)
}

extension HTTPError: CustomStringConvertible {
    /// One plain line.
    public var description: String {
        switch self {
        case .refused(let status): "the request was refused with \(status) \(reason(of: status))"
        case .malformedResponse: "the answer is not HTTP/1.1: check the address and port"
        case .closed: "the connection was closed before the answer was complete: try again"
        case .timedOut: "no complete answer arrived in time: try again or allow more time"
        case .tooLarge: "the body is larger than allowed: ask for less at once"
        case .unreachable(let why): "cannot connect: \(why)"
        }
    }
}

/// The standard phrase of a status.
func reason(of status: Int) -> String {
    switch status {
    case 100: "Continue"
    case 101: "Switching Protocols"
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 206: "Partial Content"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 303: "See Other"
    case 304: "Not Modified"
    case 307: "Temporary Redirect"
    case 308: "Permanent Redirect"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 410: "Gone"
    case 411: "Length Required"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 416: "Range Not Satisfiable"
    case 417: "Expectation Failed"
    case 421: "Misdirected Request"
    case 422: "Unprocessable Content"
    case 426: "Upgrade Required"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    case 507: "Insufficient Storage"
    default: "Status"
    }
}
