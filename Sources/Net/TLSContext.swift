// The certificate that a TLS end presents and whom it trusts (SSL_CTX). TLS 1.3, and 1.2 only where
// another TLS is inside; there is no "accept all": a client pins the server's key or checks a
// public certificate. Made once, used by many streams.
internal import COpenSSL
public import Crypto

/// The settings of one end of TLS.
///
/// Unchecked, as nothing changes after `init`, and OpenSSL lets any thread make streams from an
/// SSL_CTX.
public final class TLSContext: @unchecked Sendable {
    /// Whom a client trusts.
    public enum Trust: Sendable, Equatable {
        /// The server whose key has this pin.
        case pin(PublicKeyPin)
        /// A server with a certificate for its name from the system's authorities.
        case authorities(extraFile: String?)

        var isPin: Bool { if case .pin = self { true } else { false } }
    }

    // Read-only after init, which is what makes it sendable: OpenSSL counts its references.
    let raw: OpaquePointer
    let trust: Trust?
    /// The length-prefixed ALPN list, kept for as long as OpenSSL's callback may read it.
    private let alpn: UnsafeMutableBufferPointer<UInt8>

    /// A server's end with its certificate chain and key in PEM.
    public init(
        serverCertificate certificate: [UInt8], key: [UInt8], alpn protocols: [String]
    ) throws(NetError) {
        guard let raw = SSL_CTX_new(TLS_server_method()) else { throw .tls(reason: "no memory") }
        self.raw = raw
        trust = nil
        alpn = Self.encode(protocols)
        configure()
        try use(certificate, key)
        SSL_CTX_set_alpn_select_cb(raw, Self.select, UnsafeMutableRawPointer(alpn.baseAddress))
    }

    /// A client's end.
    ///
    /// `allowsTLS12` is for web servers that only pass on what has a TLS of its own.
    public init(
        client trust: Trust, alpn protocols: [String], allowsTLS12: Bool = false
    ) throws(NetError) {
        guard let raw = SSL_CTX_new(TLS_client_method()) else { throw .tls(reason: "no memory") }
        self.raw = raw
        self.trust = trust
        alpn = Self.encode(protocols)
        configure(oldest: allowsTLS12 ? TLS1_2_VERSION : TLS1_3_VERSION)
        if !protocols.isEmpty {
            SSL_CTX_set_alpn_protos(raw, alpn.baseAddress, UInt32(alpn.count - 1))
        }
        if case .authorities(let file) = trust {
            SSL_CTX_set_default_verify_paths(raw)
            if let file, SSL_CTX_load_verify_locations(raw, file, nil) != 1 {
                throw .badCredentials(reason: "cannot read certificates from \(file)")
            }
            SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nil)
        }
    }

    deinit {
        SSL_CTX_free(raw)
        alpn.deallocate()
    }

    private func configure(oldest: Int32 = TLS1_3_VERSION) {
        _ = hl_ctx_set_min_proto(raw, oldest)
        hl_ctx_no_renegotiation(raw)
        _ = hl_ctx_sess_cache(raw, Int(SSL_SESS_CACHE_OFF))
        SSL_CTX_set_num_tickets(raw, 0)
        // An idle connection keeps no record buffers: 15.8 instead of 27.8 KB.
        _ = hl_ctx_set_mode(raw, Int(SSL_MODE_RELEASE_BUFFERS))
    }

    private func use(_ certificate: [UInt8], _ key: [UInt8]) throws(NetError) {
        let chain = Self.memory(certificate)
        let secret = Self.memory(key)
        defer {
            BIO_free(chain)
            BIO_free(secret)
            ERR_clear_error()
        }
        guard let leaf = PEM_read_bio_X509(chain, nil, nil, nil) else {
            throw .badCredentials(reason: "no PEM certificate")
        }
        defer { X509_free(leaf) }
        guard SSL_CTX_use_certificate(raw, leaf) == 1 else {
            throw .badCredentials(reason: "the certificate is not usable")
        }
        while let next = PEM_read_bio_X509(chain, nil, nil, nil) {
            _ = SSL_CTX_ctrl(raw, SSL_CTRL_CHAIN_CERT, 0, UnsafeMutableRawPointer(next))
        }
        guard let pkey = PEM_read_bio_PrivateKey(secret, nil, nil, nil) else {
            throw .badCredentials(reason: "no PEM private key without a passphrase")
        }
        defer { EVP_PKEY_free(pkey) }
        guard SSL_CTX_use_PrivateKey(raw, pkey) == 1, SSL_CTX_check_private_key(raw) == 1 else {
            throw .badCredentials(reason: "the key does not belong to the certificate")
        }
    }

    private static func memory(_ bytes: [UInt8]) -> OpaquePointer? {
        let bio = BIO_new(BIO_s_mem())
        BIO_write(bio, bytes, Int32(bytes.count))
        return bio
    }

    /// Length-prefixed names (RFC 7301 §3.1) and a closing 0 for the callback.
    private static func encode(_ protocols: [String]) -> UnsafeMutableBufferPointer<UInt8> {
        let bytes = protocols.flatMap {
            [UInt8(truncatingIfNeeded: $0.utf8.count)] + Array($0.utf8)
        }
        let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count + 1)
        _ = buffer.initialize(from: bytes + [0])
        return buffer
    }

    private static let select: SSL_CTX_alpn_select_cb_func = {
        _, out, outLength, offered, count, own in
        guard let own, let offered, let out else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        let list = own.assumingMemoryBound(to: UInt8.self)
        var length = 0
        while list[length] != 0 { length += 1 + Int(list[length]) }
        guard length > 0 else { return SSL_TLSEXT_ERR_NOACK }
        var chosen: UnsafeMutablePointer<UInt8>?
        let code = SSL_select_next_proto(&chosen, outLength, list, UInt32(length), offered, count)
        guard code == OPENSSL_NPN_NEGOTIATED else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        out.pointee = UnsafePointer(chosen)
        return SSL_TLSEXT_ERR_OK
    }
}
