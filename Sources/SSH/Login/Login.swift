// Logging in. The server is asked once which methods it accepts, as the first request, which is
// free; every answer after that says it again. Then step by step: the first method in the
// configuration's order that the server accepts and that has something left to try. A server may
// accept a step and want another.
// Invariant: every way tried is recorded for the error, and no secret is in the record.
internal import CSSH2
internal import Crypto
internal import Loop

/// One login.
@IO final class Login {
    let link: Link
    let session: Session
    let user: [CChar]

    /// The keys to offer, in their order.
    private(set) var offers: [KeyOffer] = []
    private var nextOffer = 0
    var agent: SSHAgent?
    /// What the server accepts as the next step.
    private var accepted: [String] = []
    /// The methods of prompts and passwords that were tried in this step.
    private var triedMethods: Set<String> = []
    /// Whether the password passed as a step of its own.
    var isPasswordAccepted = false
    /// Whether the connection was given up, as the server asked what nothing answers.
    var hasGivenUp = false
    private(set) var tried: [LoginAttempt] = []
    /// What is waited for that may take long.
    var waiting: LoginAttempt?
    /// Certificates that were offered, by their wire form.
    var offered: Set<[UInt8]> = []

    /// The most steps of one login: a server that always wants another is not followed for ever.
    private static let stepLimit = 64

    init(_ link: Link) {
        self.link = link
        session = link.session
        user = Array(link.configuration.user.utf8CString)
    }

    /// Whether the server waits for a person, who may take longer than a server.
    var isWaitingForPerson: Bool { waiting?.method == "keyboard-interactive" }

    /// Logs in; nil if that succeeded.
    func run() async -> SSHError? {
        // First, so that the server works on its answer meanwhile.
        guard await askMethods() else { return link.failure == nil ? nil : lost() }
        let keys = await LoginKeys.read(link.configuration)
        tried += keys.unusable
        if !keys.missing.isEmpty {
            record(
                "publickey \(keys.missing.joined(separator: ", "))", "No such file or directory")
        }
        let ways = link.configuration.authentication
        let identities = await askAgent()
        defer { agent?.close() }
        offers = KeyOffer.all(ways, keys, identities)
        explain(ways, keys, identities)
        for _ in 0..<Self.stepLimit {
            guard let method = nextMethod() else { break }
            if await attempt(method) { return nil }
            if link.failure != nil || hasGivenUp { return lost() }
        }
        explainRest(keys)
        return failed()
    }

    /// Records the key files that are not offered.
    private func explain(
        _ ways: [Authentication], _ keys: LoginKeys, _ identities: [SSHAgent.Identity]
    ) {
        let held = Set(identities.map(\.blob))
        var hasKeys = !offers.isEmpty
        for way in ways {
            guard let lack = keys.lack(of: way), let path = way.path else { continue }
            hasKeys = true
            if !(keys.publicKey(path).map(held.contains) ?? false) { record(way.method, lack) }
        }
        if offers.isEmpty, ways.contains(where: { $0.path != nil }),
            !ways.contains(where: { $0.socket != nil })
        {
            record("publickey ssh-agent", "none is configured (SSH_AUTH_SOCK, IdentityAgent)")
        }
        if !hasKeys, !identities.isEmpty {
            record(
                "publickey ssh-agent",
                "the agent holds no key for this host (IdentitiesOnly): \(identities.count) others")
        }
    }

    /// The next step's method; nil: nothing is left to try.
    func nextMethod() -> String? {
        let ways = link.configuration.authentication
        let methods = link.configuration.rules.order.filter(accepted.contains)
        let hasAnswers = ways.contains { $0.password != nil || $0.code != nil }
        let next = methods.first { method in
            switch method {
            case "publickey": nextOffer < offers.count
            case "password":
                !triedMethods.contains(method) && !isPasswordAccepted
                    && ways.contains { $0.password != nil }
            default: !triedMethods.contains(method) && hasAnswers
            }
        }
        if let next { return next }
        // A server may ask nothing, and wait for a person: that is tried last.
        let prompts = "keyboard-interactive"
        return methods.contains(prompts) && !triedMethods.contains(prompts) ? prompts : nil
    }

    private func attempt(_ method: String) async -> Bool {
        if method == "publickey" {
            nextOffer += 1
            return await tryKey(offers[nextOffer - 1])
        }
        triedMethods.insert(method)
        guard method == "password" else { return await tryInteractive() }
        guard let way = link.configuration.authentication.lazy.compactMap(\.password).first else {
            return false
        }
        return await tryPassword(way)
    }

    /// Takes the server's answer to a request; whether it accepted the request and wants another
    /// step, which is recorded.
    func notePartialSuccess(_ name: String) -> Bool {
        guard case .failure(let methods, let isPartial) = session.reply else { return false }
        accepted = methods
        guard isPartial else { return false }
        triedMethods = []
        record(name, "accepted, and the server wants another step")
        return true
    }

    /// Records what a failed login did not try, and why.
    private func explainRest(_ keys: LoginKeys) {
        let rules = link.configuration.rules
        let ways = link.configuration.authentication
        for method in LoginRules.usual {
            let own = ways.filter { $0.kind == method }
            if let option = rules.objection(to: method) {
                if !own.isEmpty || accepted.contains(method) {
                    record(method, "not used, as the configuration says \(option)")
                }
            } else if !own.isEmpty, !accepted.contains(method), !hasTried(method),
                // A password answers prompts, too.
                method != "password" || !hasTried("keyboard-interactive")
            {
                record(method, "not accepted by the server")
            }
        }
        if ways.isEmpty, !accepted.isEmpty {
            record("publickey", "no key file and no ssh-agent is configured")
        }
        for (method, reason) in Self.unsupported where accepted.contains(method) {
            record(method, reason)
        }
        let tries = rules.order.filter { $0 != "publickey" && accepted.contains($0) }
        if !tries.isEmpty, !ways.contains(where: { $0.password != nil }) {
            record(tries.joined(separator: ", "), "no password is configured for this target")
        }
        for named in keys.certificates where !offered.contains(named.certificate.blob) {
            record("certificate \(named.file)", "no key of this login belongs to it")
        }
    }

    private func hasTried(_ method: String) -> Bool {
        tried.contains { $0.method.hasPrefix(method) || method == "publickey" && $0.isOfKey }
    }

    /// Why a server whose first answer is too long cannot be entered.
    private static let tooLong =
        "the server sent a message of more than \(LIBSSH2_PACKET_MAXPAYLOAD) bytes before the"
        + " login, which this agent's SSH library does not take (RFC 4253 section 6.1 allows 35,000):"
        + " have the text of its Banner shortened"

    /// Methods that `ssh` has and this agent lacks.
    private static let unsupported = [
        ("gssapi-with-mic", "this agent has no Kerberos (GSSAPIAuthentication)"),
        ("hostbased", "this agent does not log in as a host (HostbasedAuthentication)"),
    ]

    func failed() -> SSHError {
        .authenticationFailed(
            user: link.configuration.user, tried: tried, accepted: accepted)
    }

    /// After too many failed attempts the server disconnects; adds its reason to the record.
    func lost() -> SSHError {
        if hasGivenUp { return failed() }
        guard !tried.isEmpty, let goodbye = session.goodbye else {
            return link.failure ?? failed()
        }
        record("then", goodbye)
        return failed()
    }

    func record(_ method: String, _ outcome: String) {
        if tried.count < 64 { tried.append(LoginAttempt(method: method, outcome: outcome)) }
    }

    /// Asks which methods the server accepts; false if none is needed or the link is lost.
    private func askMethods() async -> Bool {
        let (raw, user) = (session.raw, user)
        var list: String?
        let code = await link.perform {
            if let text = libssh2_userauth_list(raw, user, UInt32(user.count - 1)) {
                list = String(cString: text)
                return 0
            }
            return libssh2_userauth_authenticated(raw) == 1 ? 1 : libssh2_session_last_errno(raw)
        }
        if code == 1 { return false }
        guard code == 0, let list else {
            if code == LIBSSH2_ERROR_OUT_OF_BOUNDARY {
                link.die(.local(reason: Self.tooLong))
            } else {
                link.broke(code)
            }
            return false
        }
        accepted = list.split(separator: ",").map(String.init)
        var text: UnsafeMutablePointer<CChar>?
        if libssh2_userauth_banner(raw, &text) == 0, let text {
            link.server.banner = String(String(cString: text).prefix(16384))
        }
        return true
    }
}

extension LoginAttempt {
    fileprivate var isOfKey: Bool { method.hasPrefix("certificate") }
}

extension Authentication {
    /// The method that it serves first.
    fileprivate var kind: String {
        switch self {
        case .agent, .keyFile: "publickey"
        case .password: "password"
        case .code: "keyboard-interactive"
        }
    }

    var code: SecretBytes? { if case .code(let code) = self { code } else { nil } }

    var password: SecretBytes? { if case .password(let password) = self { password } else { nil } }

    /// The key file.
    var path: String? { if case .keyFile(let path, _) = self { path } else { nil } }

    /// The ssh-agent's socket.
    var socket: String? { if case .agent(let socket, _) = self { socket } else { nil } }

    var method: String {
        switch self {
        case .agent: "publickey ssh-agent"
        case .keyFile(let path, _): "publickey \(path)"
        case .password: "password"
        case .code: "keyboard-interactive"
        }
    }
}
