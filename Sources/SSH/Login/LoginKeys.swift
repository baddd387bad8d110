// The keys and certificates of one login, read from their files all together and off the loop, so
// that keys and certificates are matched before anything is offered. Used by Login.
// Invariant: a certificate is used only with its own key.
internal import Crypto
import Glibc
internal import Loop

/// The keys and certificates that a login may offer from files.
struct LoginKeys: Sendable {
    /// A certificate and where it came from.
    struct Named: Sendable {
        let file: String
        let certificate: Certificate
    }

    /// A key file that was looked for.
    private struct Found {
        /// The private key in it; nil: it has none, or cannot be read.
        var file: KeyFile?
        var publicKey: [UInt8]?
    }

    /// The certificates, configured ones first.
    private(set) var certificates: [Named] = []
    /// Files that cannot be used, and why.
    private(set) var unusable: [LoginAttempt] = []
    /// Key files that do not exist, and have no public half beside them.
    private(set) var missing: [String] = []
    /// The key files that were looked for, by path.
    private var found: [String: Found] = [:]

    /// Reads what a configuration names.
    @IO static func read(_ configuration: LinkConfiguration) async -> LoginKeys {
        let configured = configuration.certificates
        let ways = configuration.authentication
        guard !configured.isEmpty || ways.contains(where: { $0.path != nil }) else {
            return LoginKeys()
        }
        let admits = configuration.admitsFile
        return await Blocking.run { LoginKeys(ways, certificates: configured, admits) }
    }

    private init() {}

    private init(
        _ ways: [Authentication], certificates configured: [String],
        _ admits: (@Sendable (String, Int32) -> Bool)?
    ) {
        for case .keyFile(let path, _) in ways where found[path] == nil { look(path, admits) }
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
        for path in ways.compactMap(\.path).map({ $0 + "-cert.pub" }) {
            if let certificate = IdentityFile.read(path).flatMap(Certificate.init(text:)) {
                add(certificate, path)
            }
        }
    }

    /// The certificates of the key in a file.
    func certificates(of path: String) -> [Named] {
        guard let own = publicKey(path) else {
            // An old PEM file does not show its public half, so the file name has to match.
            return certificates.filter { $0.file == path + "-cert.pub" }
        }
        return certificates.filter { $0.certificate.key == own }
    }

    /// The public half of a key file, if it shows.
    func publicKey(_ path: String) -> [UInt8]? { found[path]?.publicKey }

    /// The private half of a key file; nil if it cannot be used.
    func signer(_ way: Authentication) -> KeyOffer.Signer? {
        guard case .keyFile(let path, let passphrase) = way, let file = found[path]?.file,
            !file.isEncrypted || passphrase != nil
        else { return nil }
        return .file(path: path, file, passphrase)
    }

    /// Why a key file is not offered, though the ssh-agent may hold its key; nil: it is offered.
    func lack(of way: Authentication) -> String? {
        guard case .keyFile(let path, let passphrase) = way, let known = found[path] else {
            return nil
        }
        guard let file = known.file else {
            guard known.publicKey != nil else { return nil }
            return "only its public half is there, and no ssh-agent signs with it"
        }
        return file.isEncrypted && passphrase == nil ? "needs a passphrase" : nil
    }

    private mutating func look(
        _ path: String, _ admits: (@Sendable (String, Int32) -> Bool)?
    ) {
        let method = "publickey \(path)"
        switch Self.file(path, { admits?(path, $0) ?? true }) {
        case .success(let text):
            let key = Found(
                file: KeyFile(text), publicKey: IdentityFile.publicKey(path, text))
            found[path] = key
            if key.file == nil, key.publicKey == nil {
                let reason = "not a private key that can be read"
                unusable.append(LoginAttempt(method: method, outcome: reason))
            }
        case .failure(let error):
            let half = IdentityFile.read(path + ".pub").flatMap(IdentityFile.line)
            found[path] = Found(publicKey: half)
            guard half == nil else { return }
            if case .file(_, code: ENOENT) = error {
                missing.append(path)
            } else {
                unusable.append(LoginAttempt(method: method, outcome: error.description))
            }
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
