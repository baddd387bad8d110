// What a server answered to a request to log in, beyond yes or no: libssh2 drops the methods that
// can continue and whether the request itself was accepted (RFC 4252 §5.1), so Session reads them
// from the message when libssh2 frees it. Pure.
// Invariant: bytes that are not such a message give nil.

/// The answer to a request to log in that did not end the login.
enum LoginReply: Equatable {
    /// The methods that can continue; with `isPartial` the request was accepted, and the server
    /// wants another step.
    case failure(methods: [String], isPartial: Bool)
    /// The password is right and has expired; what the server asks for.
    case passwordChange(prompt: String)

    /// SSH_MSG_USERAUTH_FAILURE, and SSH_MSG_USERAUTH_PASSWD_CHANGEREQ, whose number the prompts of
    /// keyboard-interactive share.
    private static let failure: UInt8 = 51
    private static let passwordChange: UInt8 = 60
    /// The most bytes of a message that are read: no list of methods comes near it.
    static let limit = 1024

    /// Reads a message; there may be more bytes after it.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let type = bytes.first, type == Self.failure || type == Self.passwordChange else {
            return nil
        }
        var reader = WireReader(Array(bytes.prefix(Self.limit)))
        guard reader.byte() == type, let text = reader.string() else { return nil }
        if type == Self.passwordChange {
            self = .passwordChange(prompt: String(decoding: text, as: UTF8.self))
            return
        }
        guard text.allSatisfy({ $0 > 32 && $0 < 127 }), let flag = reader.byte(), flag < 2 else {
            return nil
        }
        let names = String(decoding: text, as: UTF8.self).split(separator: ",").map(String.init)
        self = .failure(methods: names, isPartial: flag == 1)
    }
}
