// The one line that makes a machine a site: it downloads the script and gives it the invitation.
// Pure. Invariant: the secret is an argument of the script, never part of a URL, and what is
// downloaded is checked by what stands in the line: the relay's key and the programs' sum.
import Crypto

/// The line that an operator pastes at a site.
enum PastedLine {
    /// The line for an invitation; nil if agents do not dial that address.
    ///
    /// `url` is where agents dial, `pin` the key of the relay there, `seal` the sum of the sums.
    static func text(url: String, pin: PublicKeyPin?, invitation: String, seal: String) -> String? {
        guard let endpoint = try? TunnelURL(url) else { return nil }
        // A path ends in /tunnel: that is a web server before the relay, which has a certificate
        // of its own.
        let folder = endpoint.path.map { $0.dropLast("/tunnel".count) } ?? ""
        let place = "https://\(endpoint.authority)\(folder)/install"
        // With a pin nothing else of the certificate matters: the relay made it itself.
        // `--insecure` is spelled out, as what turns two hyphens into a dash must spoil it with the
        // pin: `-k` would stay, and curl would take any server. The URL comes last: no part of a
        // line that was broken asks a server.
        let check =
            endpoint.path == nil
            ? pin.map { "--insecure --pinnedpubkey sha256//\($0.base64) " } ?? "" : ""
        return "curl -fsS \(check)\(quoted(place)) | sh -s -- \(invitation) \(seal)"
    }

    /// Why there is no such line; nil: there is one.
    static func lack(seal: String?) -> String? {
        seal == nil
            ? "no line to paste: put the agent's program (make agent-static makes "
                + "homeline-agent-linux-x86_64) into the folder agents of the relay's data folder"
            : nil
    }

    /// A word for a shell: an IPv6 address has brackets, which some shells and curl read.
    private static func quoted(_ url: String) -> String {
        url.contains("[") ? "-g '\(url)'" : url
    }
}
