// The script that the pasted line runs. Its text is install.sh, which the build embeds.
// Invariant: what is put into it cannot end the quotes in which it stands.

/// The script of the pasted line.
enum InstallScript {
    /// The script for a machine that has reached this relay at `base`.
    static func text(base: String) -> String {
        let text = String(decoding: PackageResources.install_sh, as: UTF8.self)
        let parts = text.split(separator: "@BASE@", maxSplits: 1, omittingEmptySubsequences: false)
        return parts.joined(
            separator: isPlain(base.drop { $0 != "/" }.drop { $0 == "/" }) ? base : "")
    }

    /// Whether a text consists of the characters of a host, a port and a path, so that it is the
    /// same inside of a shell's quotes.
    static func isPlain(_ text: some StringProtocol) -> Bool {
        (1...300).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (48...58).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                    || [45, 46, 47, 91, 93, 95, 126].contains($0)
            }
    }
}
