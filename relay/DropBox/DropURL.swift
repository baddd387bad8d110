// The URLs of the drop-box: `BASE/files/SECRET/NAME`. Pure but for the random secret.
// Invariant: the secret is the only thing that grants anything; only its hash is stored. The name
// is for the client's own use.
import HTTP
import Crypto

/// The secret of a URL, as bytes and as text.
struct DropURL: Sendable {
    /// Random bytes of a secret: 192 bits, which nobody guesses.
    static let secretBytes = 24
    /// The characters of a secret as base64url.
    private static let secretLength = secretBytes / 3 * 4

    private let secret: String

    /// A new one.
    init() { secret = Base64.encodeURL(Random.bytes(Self.secretBytes)) }

    /// The secret in the path of a request, whatever path a web server has for the relay; nil: it
    /// has none.
    init?(path: String) {
        let names = path.split(separator: "/")
        let places = [names.count - 3, names.count - 2].filter { $0 >= 0 }
        guard
            let place = places.first(where: {
                names[$0] == "files" && names[$0 + 1].utf8.count == Self.secretLength
            })
        else { return nil }
        secret = String(names[place + 1])
    }

    /// What is stored of it, and by which it is found.
    var hash: [UInt8] { SHA256.hash(Array(secret.utf8)) }

    /// The URL below the relay's own one; the name is what `curl -O` calls the file.
    func text(base: String, name: String?) -> String {
        "\(base)/files/\(secret)" + (name.map { "/" + PercentText.value($0) } ?? "")
    }

    /// The header by which a client names its copy (RFC 6266): a plain name for every client, and
    /// the exact one for those that read it.
    static func disposition(_ name: String) -> String {
        let plain = String(
            name.unicodeScalars.map { scalar -> Character in
                let isPlain =
                    (32..<127).contains(scalar.value) && !["\"", "\\", "%", "/"].contains(scalar)
                return isPlain ? Character(scalar) : "_"
            })
        return "attachment; filename=\"\(plain)\"; filename*=UTF-8''\(PercentText.value(name))"
    }
}
