// What becomes of each keyword that `ssh -G` prints: obeyed, without importance here, or not obeyed
// and named. One row for each keyword of OpenSSH 7.4 to 10.2 and of Debian's and Apple's builds; a
// test fails when the installed ssh prints one that has no row.
// Invariant: what would weaken a check, if it were left out, is refused, not noted.

/// A keyword of ssh_config(5) and how the agent treats it.
struct Keyword: Sendable {
    /// How a keyword is treated.
    enum Use: Sendable, Equatable {
        /// It decides how the agent connects, or ssh has obeyed it when it prints its answer.
        case obeyed
        /// It is about what the agent does not do, or does in its own way.
        case harmless
        /// It is not obeyed, which an operator is shown unless the value is one of `usual`.
        case noted(usual: Set<String>)
        /// As `noted`, but the target cannot be used: ssh would reach it in a way that the agent
        /// does not know.
        case refused(usual: Set<String>)
    }

    let use: Use
    /// What the agent does in its place.
    let instead: String

    private init(_ use: Use, _ instead: String = "") { (self.use, self.instead) = (use, instead) }

    /// What an operator is shown of a line of `ssh -G`; nil if there is nothing to say.
    static func note(_ name: Substring, _ value: String) -> Remark? {
        guard let keyword = table[name.lowercased()] else {
            return Remark(text: "\(name) is not known to this agent", isRefusal: false)
        }
        let shown = value.count > 60 ? "\(value.prefix(60))…" : value
        let text = "\(name) \(shown): \(keyword.instead)"
        switch keyword.use {
        case .obeyed, .harmless: return nil
        case .noted(let usual):
            return usual.contains(value) ? nil : Remark(text: text, isRefusal: false)
        case .refused(let usual):
            return usual.contains(value) ? nil : Remark(text: text, isRefusal: true)
        }
    }

    /// What is said of a line.
    struct Remark: Equatable {
        let text: String
        /// Whether the target cannot be used.
        let isRefusal: Bool
    }

    /// The value of a flag that is not set, in the spellings of several versions.
    private static let no: Set<String> = ["no", "false", "none", ""]
    private static let yes: Set<String> = ["yes", "true"]

    /// Every keyword, as `ssh -G` spells it in lower case.
    static let table: [String: Keyword] = {
        var table: [String: Keyword] = [:]
        for name in obeyed { table[name] = Keyword(.obeyed) }
        for name in harmless { table[name] = Keyword(.harmless) }
        for (name, use, instead) in others { table[name] = Keyword(use, instead) }
        return table
    }()

    private static let obeyed = [
        // By ssh itself, before it prints.
        "host", "canonicaldomains", "canonicalizefallbacklocal", "canonicalizehostname",
        "canonicalizemaxdots", "canonicalizepermittedcnames", "ignoreunknown", "tag",
        // Where the target leads.
        "hostname", "port", "user", "proxycommand", "proxyjump", "addressfamily", "bindaddress",
        "bindinterface", "connectionattempts", "connecttimeout", "tcpkeepalive", "compression",
        // Its identity.
        "globalknownhostsfile", "userknownhostsfile", "hostkeyalias", "stricthostkeychecking",
        "knownhostscommand", "revokedhostkeys", "requiredrsasize", "rsaminsize",
        // Algorithms: what ssh prints by itself gives way to this agent's own lists.
        "ciphers", "macs", "kexalgorithms", "hostkeyalgorithms",
        // Logging in.
        "identityfile", "certificatefile", "identitiesonly", "identityagent",
        "preferredauthentications",
        "pubkeyacceptedalgorithms", "pubkeyacceptedkeytypes", "pubkeyauthentication",
        "passwordauthentication", "kbdinteractiveauthentication", "numberofpasswordprompts",
        // Programs.
        "sendenv", "setenv",
    ]

    private static let harmless = [
        // Of a person at a terminal.
        "batchmode", "escapechar", "enableescapecommandline", "loglevel", "logverbose",
        "syslogfacility", "visualhostkey", "fingerprinthash", "stdinnull",
        "forkafterauthentication",
        "warnweakcrypto", "obscurekeystroketiming", "xauthlocation", "forwardx11trusted",
        "forwardx11timeout", "requesttty",
        // The agent shares and watches its links in its own way.
        "controlmaster", "controlpath", "controlpersist", "serveralivecountmax",
        "serveraliveinterval", "protocolkeepalives", "setuptimeout", "rekeylimit",
        // How packets are marked.
        "ipqos",
        // Of forwardings, which the agent does not open.
        "clearallforwardings", "exitonforwardfailure", "gatewayports", "permitremoteopen",
        "streamlocalbindmask", "streamlocalbindunlink", "tunneldevice",
        // Of how ssh stores keys: the agent stores them under hashed names, and only its own.
        "hashknownhosts", "addkeystoagent", "usekeychain",
        // Of what the agent does not do at all.
        "enablesshkeysign", "gssapidelegatecredentials", "gssapikexalgorithms", "gssapikeyexchange",
        "gssapirenewalforcesrekey", "gssapitrustdns", "gssapiclientidentity",
        "gssapiserveridentity", "casignaturealgorithms", "hostbasedacceptedalgorithms",
        "hostbasedkeytypes", "hostbasedacceptedkeytypes", "kbdinteractivedevices",
        "securitykeyprovider", "versionaddendum", "permitlocalcommand",
        // Of SSH 1, which is gone.
        "protocol", "cipher", "compressionlevel", "rhostsrsaauthentication", "rsaauthentication",
        "useprivilegedport", "useroaming",
    ]

    private static let others: [(String, Use, String)] = [
        // Refused: ssh gets its connection in a way that the agent does not know.
        (
            "proxyusefdpass", .refused(usual: no),
            "this agent cannot take a connection that a ProxyCommand passes on; write a ProxyCommand"
                + " that carries the data, without ProxyUseFdpass"
        ),
        // The host's identity.
        (
            "updatehostkeys", .noted(usual: no.union(yes)),
            "keys that the host announces are not learned, as this agent's SSH library drops them"
        ),
        ("checkhostip", .noted(usual: no), "keys are looked up by the host's name alone"),
        (
            "verifyhostkeydns", .noted(usual: no),
            "DNS is not asked for keys; store the host's key in a known_hosts file"
        ),
        (
            "nohostauthenticationforlocalhost", .noted(usual: no),
            "the keys of loopback addresses are checked too"
        ),
        // What the agent does not start.
        (
            "remotecommand", .noted(usual: no),
            "it is not run: sessions start the login shell, commands are those of the call"
        ),
        (
            "sessiontype", .noted(usual: ["default"]),
            "sessions and commands are started all the same"
        ),
        ("localcommand", .noted(usual: no), "it is not run"),
        ("dynamicforward", .noted(usual: no), "it is not opened"),
        ("localforward", .noted(usual: no), "it is not opened"),
        ("remoteforward", .noted(usual: no), "it is not opened"),
        ("tunnel", .noted(usual: no), "it is not opened"),
        ("forwardagent", .noted(usual: no), "ssh-agent is not forwarded"),
        ("forwardx11", .noted(usual: no), "X11 is not forwarded"),
        ("channeltimeout", .noted(usual: no), "channels have no such limit here"),
        ("refuseconnection", .refused(usual: no), "ssh refuses to connect"),
        // Logging in.
        ("pkcs11provider", .noted(usual: no), "keys on such devices are used through ssh-agent"),
        ("gssapiauthentication", .noted(usual: no), "GSSAPI is not used"),
        ("hostbasedauthentication", .noted(usual: no), "it is not used"),
        ("challengeresponseauthentication", .noted(usual: yes), "it is not obeyed"),
    ]
}
