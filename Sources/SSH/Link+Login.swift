// Logging in: certificates first, as ssh does, then the configured ways in their order, each only if
// the server accepts its method.
// After a full round the methods are asked for again, as a server may want one after the other.
// Invariant: every way tried is recorded for the error, and no secret is in the record.
internal import CSSH2
internal import Crypto
internal import Loop

extension Link {
    func logIn() async throws(SSHError) {
        let limit = configuration.loginTimeout
        let login = Login(self)
        let result = await IO.within(limit) { await login.run() }
        guard let result else {
            throw failure
                ?? .loginTimedOut(user: configuration.user, tried: login.tried, limit: limit)
        }
        if let error = result { throw error }
    }
}

/// One login.
@IO private final class Login {
    private let link: Link
    private let session: Session
    private let user: [CChar]
    /// A way to log in; with a certificate, its key proves that and not itself.
    private struct Way {
        let authentication: Authentication
        var certificate: LoginKeys.Named?
    }

    private var ways: [Way] = []
    private var keys: LoginKeys?
    private var accepted: [String] = []
    private(set) var tried: [LoginAttempt] = []
    /// Ways that have had their answer.
    private var spent: Set<Int> = []
    /// Certificates that were offered, by what they are.
    private var offered: Set<[UInt8]> = []

    init(_ link: Link) {
        self.link = link
        session = link.session
        user = Array(link.configuration.user.utf8CString)
    }

    /// Nil when logged in.
    func run() async -> SSHError? {
        let keys = await LoginKeys.read(link.configuration)
        self.keys = keys
        tried = keys.unusable
        let plain = link.configuration.authentication
        ways = plain.flatMap { way in
            keys.certificates(of: way).map { Way(authentication: way, certificate: $0) }
        }
        ways += plain.map { Way(authentication: $0) }
        // The first key goes unasked: OpenSSH answers the question for methods 5 to 9 ms late.
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

    private func failed() -> SSHError {
        .authenticationFailed(
            user: link.configuration.user, tried: tried, accepted: accepted)
    }

    /// A server that has had enough of failed attempts disconnects.
    private func lost() -> SSHError {
        guard !tried.isEmpty, let goodbye = session.goodbye else {
            return link.failure ?? failed()
        }
        record("then", goodbye)
        return failed()
    }

    private func record(_ method: String, _ outcome: String) {
        if tried.count < 64 { tried.append(LoginAttempt(method: method, outcome: outcome)) }
    }

    /// Asks which methods may go on; false when none is needed or the link is lost.
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
            link.broke(code)
            return false
        }
        accepted = list.split(separator: ",").map(String.init)
        var text: UnsafeMutablePointer<CChar>?
        if libssh2_userauth_banner(raw, &text) == 0, let text {
            link.banner = String(String(cString: text).prefix(16384))
        }
        return true
    }

    private func attempt(_ way: Way, _ index: Int) async -> Bool {
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
        case .key(_, let text, let passphrase): return await tryKey(way, text, passphrase)
        case .password, .code: return false
        }
    }

    // MARK: Keys

    /// Records a refusal; a certificate tells why it may be.
    private func refused(_ name: String, _ certificate: Certificate?) {
        record(name, certificate?.refusal(user: link.configuration.user) ?? "refused")
    }

    private func tryKey(
        _ way: Way, _ text: [UInt8], _ passphrase: [UInt8]?
    ) async -> Bool {
        let certificate = way.certificate?.certificate
        let name = way.certificate?.method ?? way.authentication.method
        if let certificate { offered.insert(certificate.blob) }
        guard let header = KeyFile(text) else {
            record(name, "not a private key that can be read")
            return false
        }
        if header.isEncrypted && passphrase == nil {
            record(name, "needs a passphrase")
            return false
        }
        if let blob = certificate?.blob ?? header.publicKey, let code = await objection(to: blob) {
            if code == LIBSSH2_ERROR_AUTHENTICATION_FAILED {
                refused(name, certificate)
            } else {
                record(name, words(code))
            }
            return false
        }
        let shown = (certificate?.text ?? header.publicText).map { Array($0.utf8) }
        // Pointers cross to a worker thread as numbers; the link waits for it.
        let address = UInt(bitPattern: session.raw)
        let user = user
        let secret =
            (header.isEncrypted ? passphrase ?? [] : []).map { CChar(bitPattern: $0) } + [0]
        let step: @Sendable () -> Int32 = {
            libssh2_userauth_publickey_frommemory(
                OpaquePointer(bitPattern: address), user, user.count - 1,
                shown.map { $0.map { CChar(bitPattern: $0) } }, shown?.count ?? 0,
                text.map { CChar(bitPattern: $0) }, text.count, secret)
        }
        let code =
            header.isEncrypted
            ? await link.performOffLoop(step) : await link.perform { step() }
        switch code {
        case 0: return true
        case LIBSSH2_ERROR_FILE:
            record(name, header.isEncrypted ? "wrong passphrase" : "the key cannot be parsed")
        case LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED
        where header.isEncrypted && session.lastError.hasPrefix("Callback"):
            record(name, "wrong passphrase")
        case LIBSSH2_ERROR_AUTHENTICATION_FAILED, LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED:
            refused(name, certificate)
        default: record(name, session.lastError)
        }
        return false
    }

    /// Why a key of RSA's does not sign here: refused, or with SHA-1 where the target allows none.
    ///
    /// Asked with the public half alone, as libssh2 picks the algorithm by itself.
    private func objection(to blob: [UInt8]) async -> Int32? {
        guard !link.configuration.legacyAlgorithms,
            HostKey(blob: blob)?.type.hasPrefix("ssh-rsa") == true
        else { return nil }
        let (raw, user) = (session.raw, user)
        let signing = Signing(.looking)
        let code = await link.perform {
            hl_ssh_publickey(
                raw, user, blob, blob.count, Signing.callback,
                Unmanaged.passUnretained(signing).toOpaque())
        }
        guard signing.algorithm != nil else { return code }
        return signing.usesSHA1 ? LIBSSH2_ERROR_ALGO_UNSUPPORTED : nil
    }

    /// What went wrong with a key that was not simply refused.
    private func words(_ code: Int32) -> String {
        code == LIBSSH2_ERROR_ALGO_UNSUPPORTED
            ? "the server wants RSA signed with SHA-1, which its target does not allow"
                + " (LegacyAlgorithms yes)"
            : session.lastError
    }

    // MARK: ssh-agent

    private func tryAgent(_ socket: String, _ only: [[UInt8]]?) async -> Bool {
        guard let agent = SSHAgent(socket: socket) else {
            record("publickey ssh-agent", "no agent answers at \(socket)")
            return false
        }
        defer { agent.close() }
        let candidates = candidates(await agent.identities(), only)
        for candidate in candidates {
            let certificate = candidate.certificate
            if let certificate { offered.insert(certificate.blob) }
            let code = await sign(with: candidate, agent)
            if code == 0 { return true }
            if code == LIBSSH2_ERROR_AUTHENTICATION_FAILED {
                refused(candidate.name, certificate)
            } else {
                record(candidate.name, words(code))
            }
            if link.failure != nil { return false }
        }
        if candidates.isEmpty {
            record("publickey ssh-agent", "the agent holds no key for this host")
        }
        return false
    }

    /// A key of the agent, and the certificate to offer in its place.
    private struct Candidate {
        let identity: SSHAgent.Identity
        let certificate: Certificate?
        let name: String

        var blob: [UInt8] { certificate?.blob ?? identity.blob }
    }

    /// What the agent can sign for: configured certificates, its own ones, plain keys.
    private func candidates(
        _ identities: [SSHAgent.Identity], _ only: [[UInt8]]?
    ) -> [Candidate] {
        let configured = keys?.certificates ?? []
        let wanted = only.map { Set($0 + configured.map(\.certificate.key)) }
        var certified: [Candidate] = []
        var plain: [Candidate] = []
        for identity in identities {
            let own = Certificate(blob: identity.blob)
            if let wanted, !wanted.contains(own?.key ?? identity.blob) { continue }
            let name = "publickey ssh-agent \(identity.comment.prefix(80))"
            for named in configured where named.certificate.key == identity.blob {
                certified.append(
                    Candidate(
                        identity: identity, certificate: named.certificate,
                        name: "\(named.method), key in ssh-agent"))
            }
            if let own {
                if configured.contains(where: { $0.certificate == own }) { continue }
                certified.append(
                    Candidate(
                        identity: identity, certificate: own,
                        name: "\(name), certificate \(own.name)"))
            } else if only?.contains(identity.blob) ?? true {
                plain.append(Candidate(identity: identity, certificate: nil, name: name))
            }
        }
        return certified + plain
    }

    private func sign(with candidate: Candidate, _ agent: SSHAgent) async -> Int32 {
        let (raw, user, link) = (session.raw, user, link)
        let (blob, key) = (candidate.blob, candidate.identity.blob)
        let signing = Signing()
        let allowsSHA1 = link.configuration.legacyAlgorithms
        let code = await link.perform {
            let code = hl_ssh_publickey(
                raw, user, blob, blob.count, Signing.callback,
                Unmanaged.passUnretained(signing).toOpaque())
            if code == LIBSSH2_ERROR_EAGAIN, let (data, algorithm) = signing.take() {
                IO.task {
                    let isAllowed = allowsSHA1 || !signing.usesSHA1
                    let bytes =
                        isAllowed
                        ? await agent.sign(data, with: key, algorithm: algorithm) : nil
                    signing.state = bytes.map { .done($0) } ?? .refused
                    link.driveAgain()
                }
            }
            return code
        }
        return code != 0 && signing.usesSHA1 && !allowsSHA1 ? LIBSSH2_ERROR_ALGO_UNSUPPORTED : code
    }

    // MARK: Passwords

    private func tryPassword(_ password: [UInt8], _ index: Int) async -> Bool {
        let (raw, user) = (session.raw, user)
        let text = password.map { CChar(bitPattern: $0) }
        if accepted.contains("password") {
            spent.insert(index)
            let code = await link.perform {
                libssh2_userauth_password_ex(
                    raw, user, UInt32(user.count - 1), text, UInt32(text.count), nil)
            }
            if code == 0 { return true }
            record(
                "password",
                code == LIBSSH2_ERROR_AUTHENTICATION_FAILED ? "refused" : session.lastError)
            if link.failure != nil { return false }
        }
        guard accepted.contains("keyboard-interactive") else { return false }
        spent.insert(index)
        return await tryInteractive(password)
    }

    /// Answers the server's prompts: one that asks for a code gets the code, one that hides what is
    /// typed the password, each once; any other ends the attempt.
    private func tryInteractive(_ password: [UInt8]?) async -> Bool {
        let (raw, user) = (session.raw, user)
        let code = ways.lazy.compactMap(\.authentication.code).first
        var answers = PromptAnswers(password: password, code: code)
        for (index, way) in ways.enumerated() where way.authentication.code != nil {
            spent.insert(index)
        }
        session.answer = { prompt, echoes in answers.answer(prompt, echoes: echoes) }
        defer { session.answer = nil }
        let result = await link.perform {
            libssh2_userauth_keyboard_interactive_ex(
                raw, user, UInt32(user.count - 1), Session.prompted)
        }
        if result == 0 { return true }
        record("keyboard-interactive", answers.outcome)
        return false
    }
}

extension Authentication {
    fileprivate var isKey: Bool {
        switch self {
        case .password, .code: false
        default: true
        }
    }

    fileprivate var code: [UInt8]? { if case .code(let code) = self { code } else { nil } }

    fileprivate var method: String {
        switch self {
        case .agent: "publickey ssh-agent"
        case .keyFile(let path, _): "publickey \(path)"
        case .key(let name, _, _): "publickey \(name)"
        case .password: "password"
        case .code: "keyboard-interactive"
        }
    }
}

extension LoginKeys.Named {
    /// The certificate in messages.
    fileprivate var method: String { "certificate \(file) (\(certificate.name))" }
}
