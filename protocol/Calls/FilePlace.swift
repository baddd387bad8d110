// Where the files of a call are: what every `file.*` call names, and how to enter the target.
import JSON

/// The target whose files a call is about, named by itself or by a session on it.
public struct FilePlace: Sendable {
    /// How the target is named.
    public enum Way: Sendable, Equatable {
        /// `agent/host`, and how to enter it.
        case target(String)
        /// A session: its host, with its login.
        case session(String)
    }

    /// How the target is named.
    public var way: Way
    /// How to enter the target; of no use with a session.
    public var access: TargetAccess

    private static let target = Field.text("target", Shared.target.declaration.sentence).optional
    private static let session = Field.text(
        "session_id",
        "In place of target: a session's host and login; relative paths begin at its "
            + "directory."
    ).optional
    static let path = Field.text(
        "path", "The path; relative ones begin at the user's home.")

    static let arguments = [target.declaration, session.declaration]
    static let routes: [Route] = [.session("session_id"), .target("target")]
    /// Covers reaching the target and the longest time an agent works on one call.
    static let deadline = Deadline(.seconds(105))

    /// A target, entered as it is configured.
    public init(target name: String) throws(Fault) {
        (way, access) = (.target(name), try TargetAccess(Fields(object: [:])))
    }

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        access = try TargetAccess(fields)
        switch (try fields[Self.target], try fields[Self.session]) {
        case (let target?, nil): way = .target(target)
        case (nil, let session?):
            way = .session(session)
            if let given = TargetAccess.arguments.first(where: { fields.has($0.name) }) {
                throw Fault(
                    .invalidArgument,
                    "\"\(given.name)\" does not go with \"session_id\": the session has its login")
            }
        case (nil, nil):
            throw Fault(.invalidArgument, "\"target\" is missing (or give \"session_id\")")
        case (_?, _?):
            throw Fault(
                .invalidArgument, "give either \"target\" or \"session_id\": both were given")
        }
    }

    /// Permission bits as octal digits.
    static func mode(_ text: String?) throws(Fault) -> UInt32? {
        guard let text else { return nil }
        guard (3...4).contains(text.utf8.count), let bits = UInt32(text, radix: 8) else {
            throw Fault(.invalidArgument, "\"mode\" must be octal digits, as \"0644\"")
        }
        return bits
    }

    /// A digest in hexadecimal.
    static func digest(_ text: String?) throws(Fault) -> String? {
        guard let text = text?.lowercased() else { return nil }
        guard text.utf8.count == 64, text.allSatisfy(\.isHexDigit) else {
            throw Fault(.invalidArgument, "\"expect_sha256\" must be 64 hexadecimal digits")
        }
        return text
    }
}
