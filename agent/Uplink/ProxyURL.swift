// `[http|socks5|socks5h]://[USER[:PASSWORD]@]HOST[:PORT]`, as settings and the environment name
// proxies. Endpoint stays without a user, so that no relay's or page's URL can hold a password.
// Invariant: the text, which may hold a password, is in no error.
import Configuration
import Crypto
import Net

/// Why a text is not the URL of a proxy.
enum ProxyURLError: Error, Equatable, CustomStringConvertible {
    /// It has another form.
    case malformed
    /// Its scheme is not supported.
    case scheme(String)

    var description: String {
        switch self {
        case .malformed:
            "is not the URL of a proxy, which looks like http://HOST:PORT or socks5h://HOST:PORT;"
                + " in a user or password, write % : / @ as %25 %3A %2F %40"
        case .scheme(let scheme):
            "names a proxy by \(scheme)://, and only http, socks5 and socks5h are supported"
        }
    }
}

extension Proxy {
    /// Reads a URL; without a scheme it is HTTP, as in curl.
    init(url text: String) throws(ProxyURLError) {
        let whole = text.contains("://") ? text : "http://" + text
        guard let start = whole.firstRange(of: "://")?.upperBound else { throw .malformed }
        // A password may hold an @ that is not written as %40, so the last one counts.
        let end = whole[start...].firstIndex(of: "/") ?? whole.endIndex
        let at = whole[start..<end].lastIndex(of: "@")
        let place = at.map { whole.index(after: $0) } ?? start
        guard let endpoint = Endpoint(String(whole[..<start] + whole[place...])),
            ["", "/"].contains(endpoint.path)
        else { throw .malformed }
        guard let kind = Kind(rawValue: endpoint.scheme) else { throw .scheme(endpoint.scheme) }
        var credentials: Credentials?
        if let at {
            guard let read = Credentials(text: whole[start..<at], isEscaped: true) else {
                throw .malformed
            }
            credentials = read
        }
        // The ports that are usual where none is written, as in Go.
        let usual: UInt16 =
            switch kind {
            case .http: 80
            case .socks5, .socks5h: 1080
            }
        self.init(
            kind, host: endpoint.host, port: endpoint.port ?? usual, credentials: credentials)
    }
}

extension Proxy.Credentials {
    /// Reads `USER:PASSWORD`; in a URL either part may have bytes written as %XX.
    init?(text: Substring, isEscaped: Bool) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let bytes = parts.map { isEscaped ? Self.unescaped($0) : Array($0.utf8) }
        guard let user = bytes.first.flatMap(\.self), !user.isEmpty,
            var password = bytes.count > 1 ? bytes[1] : []
        else { return nil }
        self.init(user: String(decoding: user, as: UTF8.self), password: SecretBytes(password))
        password.wipe()
    }

    private static func unescaped(_ text: Substring) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == 0x25 else {
                bytes.append(byte)
                continue
            }
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            guard digits.utf8.count == 2, digits.allSatisfy(\.isHexDigit),
                let value = UInt8(digits, radix: 16)
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return bytes
    }
}
