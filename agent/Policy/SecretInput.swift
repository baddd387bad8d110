// A secret that may be typed on a host, and the programs it may be typed into. Pure; a value of
// agent.conf's Target blocks. Invariant: what no block of a host names cannot be typed there.

/// A secret for programs that ask on a host (`SecretInput NAME[:PROGRAM…]`).
struct SecretInput: Sendable, Hashable {
    /// The secret's name.
    let name: String
    /// The names of the programs it may be typed into.
    let programs: Set<String>

    /// The programs that ask for a user's password to run something as another user.
    ///
    /// They run as root from their first instruction on, so a program of that name that does not is
    /// an imitation.
    static let elevating: Set = ["sudo", "su", "doas"]

    /// Reads `NAME`, for the programs that elevate rights, or `NAME:PROGRAM:PROGRAM`.
    init(_ text: String) {
        let words = text.split(separator: ":").map(String.init)
        name = words.first ?? ""
        programs = words.count > 1 ? Set(words.dropFirst()) : Self.elevating
    }

    /// The secret that is the password of the login, which the same user is asked for by `sudo`.
    init(loginPassword name: String) { (self.name, programs) = (name, ["sudo", "doas"]) }
}
