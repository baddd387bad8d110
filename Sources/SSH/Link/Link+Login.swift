// Logging in: certificates first, as ssh does, then the configured ways in their order, each only
// if the server accepts its method. After a full round the accepted methods are asked for again, as
// a server may require several in turn.
// Invariant: every way tried is recorded for the error, and no secret is in the record.
internal import CSSH2
internal import Crypto
internal import Loop

extension Link {
    func logIn() async throws(SSHError) {
        let limit = configuration.limits.login
        let login = Login(self)
        let result = await IO.within(limit) { await login.run() }
        guard let result else {
            throw failure
                ?? .loginTimedOut(user: configuration.user, tried: login.tried, limit: limit)
        }
        if let error = result { throw error }
        // A link that is open keeps no password.
        configuration.authentication = []
    }
}

/// One login.
@IO final class Login {
    let link: Link
    let session: Session
    let user: [CChar]
    /// A way to log in; with a certificate, the key signs for the certificate.
    struct Way {
        let authentication: Authentication
        var certificate: LoginKeys.Named?
    }

    var ways: [Way] = []
    var keys: LoginKeys?
    var accepted: [String] = []
    private(set) var tried: [LoginAttempt] = []
    /// Ways that have been answered.
    var spent: Set<Int> = []
    /// Certificates that were offered, by their wire form.
    var offered: Set<[UInt8]> = []

    init(_ link: Link) {
        self.link = link
        session = link.session
        user = Array(link.configuration.user.utf8CString)
    }

    /// Logs in; nil if that succeeded.
    func run() async -> SSHError? {
        let keys = await LoginKeys.read(link.configuration)
        self.keys = keys
        tried = keys.unusable
        let plain = link.configuration.authentication
        ways = plain.flatMap { way in
            keys.certificates(of: way).map { Way(authentication: way, certificate: $0) }
        }
        ways += plain.map { Way(authentication: $0) }
        // The first key is tried without asking for methods, which OpenSSH answers 5 to 9 ms late.
        if let way = ways.first, way.authentication.isKey {
            accepted = ["publickey"]
            if await attempt(way, 0) { return nil }
            if link.failure != nil { return lost() }
        }
        var known: [String] = []
        while true {
            guard await askMethods() else { return link.failure == nil ? nil : lost() }
            guard accepted != known else { break }
            known = accepted
            for (index, way) in ways.enumerated() {
                if spent.contains(index) { continue }
                if await attempt(way, index) { return nil }
                if link.failure != nil { return lost() }
            }
        }
        for (index, way) in ways.enumerated()
        where !spent.contains(index) && way.certificate == nil {
            record(way.authentication.method, "not accepted by the server")
        }
        for named in keys.certificates where !offered.contains(named.certificate.blob) {
            record("certificate \(named.file)", "no key of this login belongs to it")
        }
        return failed()
    }

    func failed() -> SSHError {
        .authenticationFailed(
            user: link.configuration.user, tried: tried, accepted: accepted)
    }

    /// After too many failed attempts the server disconnects; adds its reason to the record.
    func lost() -> SSHError {
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
    func askMethods() async -> Bool {
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
            link.broke(code)
            return false
        }
        accepted = list.split(separator: ",").map(String.init)
        var text: UnsafeMutablePointer<CChar>?
        if libssh2_userauth_banner(raw, &text) == 0, let text {
            link.server.banner = String(String(cString: text).prefix(16384))
        }
        return true
    }

    func attempt(_ way: Way, _ index: Int) async -> Bool {
        switch way.authentication {
        case .password(let password):
            return await tryPassword(password, index)
        case .code:
            guard accepted.contains("keyboard-interactive") else { return false }
            return await tryInteractive(nil)
        default:
            guard accepted.contains("publickey") else { return false }
            spent.insert(index)
        }
        switch way.authentication {
        case .agent(let socket, let only): return await tryAgent(socket, only)
        case .keyFile(let path, let passphrase):
            switch keys?.texts[path] {
            case .success(let text): return await tryKey(way, text, passphrase)
            case .failure(let error): record(way.authentication.method, error.description)
            case nil: break
            }
            return false
        case .password, .code: return false
        }
    }
}

extension Authentication {
    var isKey: Bool {
        switch self {
        case .password, .code: false
        default: true
        }
    }

    var code: SecretBytes? { if case .code(let code) = self { code } else { nil } }

    var method: String {
        switch self {
        case .agent: "publickey ssh-agent"
        case .keyFile(let path, _): "publickey \(path)"
        case .password: "password"
        case .code: "keyboard-interactive"
        }
    }
}
