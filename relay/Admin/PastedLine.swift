// The one line that makes a machine a site: it downloads the script and gives it the invitation.
// Pure. Invariant: the secret is in no URL and in no process's arguments, and what is downloaded is
// checked by what stands in the line: the relay's key and the programs' sum.
import Crypto

/// The line that an operator pastes at a site.
enum PastedLine {
    /// The program that downloads the script.
    enum Downloader {
        case curl, wget
    }

    /// The line for an invitation; nil if agents do not dial that address.
    ///
    /// `url` is where agents dial, `pin` the key of the relay there, `seal` the sum of the sums.
    static func text(
        url: String, pin: PublicKeyPin?, invitation: String, seal: String,
        with downloader: Downloader = .curl
    ) -> String? {
        guard let endpoint = try? TunnelURL(url) else { return nil }
        // A path ends in /tunnel: that is a web server before the relay, which has a certificate
        // of its own.
        let folder = endpoint.path.map { $0.dropLast("/tunnel".count) } ?? ""
        let place = "https://\(endpoint.authority)\(folder)/install"
        let key = endpoint.path == nil ? pin.map { "sha256//\($0.base64)" } : nil
        // With a pin nothing else of the certificate matters: the relay made it itself.
        // `--insecure` is spelled out, as what turns two hyphens into a dash must spoil it with the
        // pin: `-k` would stay, and curl would take any server. The URL comes last: no part of a
        // line that was broken asks a server.
        let download =
            switch downloader {
            case .curl:
                "curl -fsS \(key.map { "--insecure --pinnedpubkey \($0) " } ?? "")\(quoted(place))"
            case .wget:
                "wget -qO- \(key.map { "--no-check-certificate --pinnedpubkey=\($0) " } ?? "")"
                    + (place.contains("[") ? "'\(place)'" : place)
            }
        // `echo` is a part of every shell: no list of processes shows its words. The script is one
        // function of this name, so that without the whole script nothing is called.
        return "(\(download); echo homeline \(invitation) \(seal)) | sh -s --"
    }

    /// What the operator must know of a line; nil: nothing.
    static func warning(url: String) -> String? {
        guard let endpoint = try? TunnelURL(url), endpoint.path != nil else { return nil }
        return
            "the script of the pasted line comes through \(endpoint.authority), and nothing in the "
            + "line checks it: who ends TLS there, also a proxy of the site whose authority the site "
            + "trusts, can change it. Where that matters, copy the program there and join by hand"
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
