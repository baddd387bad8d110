// Where the login page leads back to. Pure. Invariant: a page of this relay, whatever somebody puts
// into a link to the login page.

/// A path of the relay's own, without a slash before it, and with its query.
struct BackPath: Sendable, Equatable {
    /// The longest path: an OAuth request with its state, as one line of HTTP holds it.
    static let limit = 8 << 10

    /// The path; empty is the first page.
    let text: String

    /// Takes a path; one that is not the relay's own becomes the first page.
    ///
    /// What `WebAddress.url` makes of it begins with the relay's origin in any case; a path that
    /// climbs out of the relay's own (`..`), or has a sign that browsers read in their own way, is
    /// not taken.
    init(_ given: String) {
        let path = given.prefix { $0 != "?" && $0 != "#" }
        let isPlain = given.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "\\") }
        let names = path.split(separator: "/", omittingEmptySubsequences: false)
        let isOwn =
            path.isEmpty
            || names.allSatisfy { name in
                let name = name.lowercased().replacing("%2e", with: ".")
                return !name.isEmpty && name != "." && name != ".."
            }
        text = given.utf8.count <= Self.limit && isPlain && isOwn ? given : ""
    }
}
