// The keys and certificates of one login, read from their files all together and off the loop, so
// that keys and certificates are matched before anything is offered. Used by Login.
// Invariant: a certificate is used only with its own key.
internal import Crypto
internal import Loop

/// The keys and certificates that a login may offer from files.
struct LoginKeys: Sendable {
    /// A certificate and where it came from.
    struct Named: Sendable {
        let file: String
        let certificate: Certificate
    }

    /// The texts of key files, by path; nil text: why there is none.
    private(set) var texts: [String: Result<[UInt8], CryptoError>] = [:]
    /// The certificates, configured ones first.
    private(set) var certificates: [Named] = []
    /// Configured certificates that cannot be used, and why.
    private(set) var unusable: [LoginAttempt] = []
    /// The public keys of key files, by path.
    private var publicKeys: [String: [UInt8]] = [:]

    /// Reads what a configuration names.
    @IO static func read(_ configuration: LinkConfiguration) async -> LoginKeys {
        let configured = configuration.certificates
        let paths = configuration.authentication.compactMap { way in
            if case .keyFile(let path, _) = way { path } else { nil }
        }
        guard !paths.isEmpty || !configured.isEmpty else { return LoginKeys() }
        let admits = configuration.admitsFile
        return await Blocking.run { LoginKeys(paths, certificates: configured, admits) }
    }

    private init() {}

    private init(
        _ paths: [String], certificates configured: [String],
        _ admits: (@Sendable (String, Int32) -> Bool)?
    ) {
        for path in paths {
            let text = Self.file(path) { admits?(path, $0) ?? true }
            texts[path] = text
            guard case .success = text else { continue }
            publicKeys[path] = IdentityFile.publicKey(path)
        }
        for path in configured {
            switch Self.file(path) {
            case .failure(let error): drop(path, error.description)
            case .success(let text):
                guard let certificate = Certificate(text: text) else {
                    drop(path, "not an OpenSSH certificate")
                    continue
                }
                add(certificate, path)
            }
        }
        for path in paths.map({ $0 + "-cert.pub" }) {
            if let certificate = IdentityFile.read(path).flatMap(Certificate.init(text:)) {
                add(certificate, path)
            }
        }
    }

    /// The certificates of a key.
    func certificates(of way: Authentication) -> [Named] {
        switch way {
        case .keyFile(let path, _):
            guard let own = publicKeys[path] else {
                // An old PEM file does not show its public half, so the file name has to match.
                return certificates.filter { $0.file == path + "-cert.pub" }
            }
            return certificates.filter { $0.certificate.key == own }
        case .agent, .password, .code: return []
        }
    }

    private mutating func add(_ certificate: Certificate, _ path: String) {
        if !certificates.contains(where: { $0.certificate == certificate }) {
            certificates.append(Named(file: path, certificate: certificate))
        }
    }

    private mutating func drop(_ path: String, _ reason: String) {
        unusable.append(LoginAttempt(method: "certificate \(path)", outcome: reason))
    }

    private static func file(
        _ path: String, _ admits: (Int32) -> Bool = { _ in true }
    ) -> Result<[UInt8], CryptoError> {
        Result { () throws(CryptoError) in
            try SecureFile.read(path, limit: 1 << 18, admits: admits)
        }
    }
}
