// What one call asks of a link beside what is configured. A value; never logged.
import Crypto
import SSH

/// How a caller wants to enter a target.
struct LinkOptions: Sendable {
    /// A private key file, tried before the configured ones.
    var key: String?
    /// A password, tried last.
    var password: String?
    /// The limit on reaching the target.
    var connectTimeout: Duration?
    /// The limit on logging in.
    var loginTimeout: Duration?

    /// Tells links entered in different ways apart, without keeping a password.
    var identity: [UInt8] {
        guard key != nil || password != nil else { return [] }
        return SHA256.hash(Array("\(key ?? "")\0\(password ?? "")".utf8))
    }
}

extension SSHTarget {
    /// The ways to log in: the key asked for, the agent's keys and files, the password.
    func configuration(_ options: LinkOptions, files exists: (String) -> Bool) -> LinkConfiguration
    {
        var ways: [Authentication] = []
        if let key = options.key { ways.append(.keyFile(path: key, passphrase: nil)) }
        let files = identityFiles.filter(exists)
        if let agentSocket {
            let own = identitiesOnly ? files.compactMap(Self.publicBlob) : nil
            ways.append(.agent(socket: agentSocket, only: own))
        }
        // Hardware keys need the touch of a person.
        for file in files where !file.hasSuffix("_sk") && file != options.key {
            ways.append(.keyFile(path: file, passphrase: nil))
        }
        if let password = options.password { ways.append(.password(Array(password.utf8))) }
        var configuration = LinkConfiguration(
            host: hostname, port: port, user: user, knownHosts: knownHosts, authentication: ways)
        configuration.hostKeyAlias = hostKeyAlias
        configuration.acceptNew = acceptsNew
        configuration.legacyAlgorithms = allowsLegacy
        configuration.connectTimeout =
            options.connectTimeout ?? connectTimeout ?? configuration.connectTimeout
        configuration.loginTimeout = options.loginTimeout ?? configuration.loginTimeout
        return configuration
    }

    /// The public key that stands beside a private one.
    private static func publicBlob(_ file: String) -> [UInt8]? {
        guard let bytes = try? SecureFile.read(file + ".pub", limit: 1 << 16) else { return nil }
        let words = String(decoding: bytes, as: UTF8.self).split(separator: " ")
        return words.count >= 2 ? Base64.decode(String(words[1])) : nil
    }
}
