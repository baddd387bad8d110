// What only a person may decide before a call goes on: an agent asks it with the fault
// `approval_needed`, the relay shows it to a person. Pure. Invariant: it holds all that the person
// must see, and its digest stands for all of it.
public import JSON

/// A question of an agent to a person.
public struct Question: Equatable, Sendable {
    /// What is asked.
    public enum Matter: Equatable, Sendable {
        /// Whether the host that shows this key is the right one; none is stored for it.
        ///
        /// `type` is as in known_hosts (`ssh-ed25519`), `fingerprint` as OpenSSH prints it.
        case hostKey(type: String, fingerprint: String)
        /// A secret, for the program that asks for it with `prompt`; `program` is `login` where
        /// the login itself asks.
        case secret(name: String, program: String, prompt: String)
        /// Whether a call may be made that a rule of agent.conf has asked about.
        ///
        /// `text` is the command or the arguments as they will be used.
        case policy(rule: String, tool: String, text: String)
    }

    /// The kinds of questions, by their names in messages.
    public enum Kind: String, Sendable, CaseIterable {
        case hostKey = "host_key"
        case secret
        case policy
    }

    /// What is asked.
    public let matter: Matter
    /// The target as the caller or the configuration wrote it, without the agent's name; nil: the
    /// call names none.
    public let target: String?
    /// Where that leads: the host, port and user in use; nil: not looked up yet.
    public let place: Place?
    /// The session in which a program asks; nil: none.
    public let session: String?
    /// Stands for all that is asked: base64url of 32 bytes, computed by the agent; empty until
    /// then.
    public var digest = ""

    /// Where a target leads.
    public struct Place: Equatable, Sendable {
        /// The host that is dialled.
        public var host: String
        /// The port that is dialled.
        public var port: Int
        /// The user to log in as.
        public var user: String

        /// A place.
        public init(host: String, port: Int, user: String) {
            (self.host, self.port, self.user) = (host, port, user)
        }
    }

    /// The most bytes of the text of a policy's question, which a person has to read.
    public static let textBytes = 16 << 10
    /// The most bytes of each other text: a prompt and a rule are far shorter.
    public static let wordBytes = 1024
    /// The length of a digest.
    public static let digestLength = 43

    /// A question without a digest.
    public init(
        _ matter: Matter, target: String?, place: Place? = nil, session: String? = nil
    ) {
        (self.matter, self.target, self.place) = (matter, target, place)
        self.session = session
    }

    /// The kind of what is asked.
    public var kind: Kind {
        switch matter {
        case .hostKey: .hostKey
        case .secret: .secret
        case .policy: .policy
        }
    }
}

extension Question {
    /// The members of `error.data.question`.
    public var json: JSON { .object(members(withDigest: true)) }

    /// The bytes that the digest is computed over: every member but the digest.
    public var digested: [UInt8] { JSON.object(members(withDigest: false)).encoded() }

    private func members(withDigest: Bool) -> JSON.Object {
        var all: JSON.Object = ["kind": .string(kind.rawValue)]
        if withDigest { all["digest"] = .string(digest) }
        all["target"] = target.map(JSON.string)
        if let place {
            all["host"] = .string(place.host)
            all["port"] = .int(Int64(place.port))
            all["user"] = .string(place.user)
        }
        all["session_id"] = session.map(JSON.string)
        switch matter {
        case .hostKey(let type, let fingerprint):
            all["key_type"] = .string(type)
            all["fingerprint"] = .string(fingerprint)
        case .secret(let name, let program, let prompt):
            all["secret"] = .string(name)
            all["program"] = .string(program)
            all["prompt"] = .string(prompt)
        case .policy(let rule, let tool, let text):
            all["rule"] = .string(rule)
            all["tool"] = .string(tool)
            all["text"] = .string(text)
        }
        return all
    }

    /// Reads a question of an agent; nil if it is none, or longer than one may be.
    public init?(json: JSON) {
        func word(_ name: String) -> String? {
            guard let text = json[name]?.stringValue, text.utf8.count <= Self.wordBytes else {
                return nil
            }
            return text
        }
        let matter: Matter
        switch json["kind"]?.stringValue.flatMap(Kind.init) {
        case .hostKey:
            guard let type = word("key_type"), let print = word("fingerprint") else { return nil }
            matter = .hostKey(type: type, fingerprint: print)
        case .secret:
            guard let name = word("secret"), let program = word("program"),
                let prompt = word("prompt")
            else { return nil }
            matter = .secret(name: name, program: program, prompt: prompt)
        case .policy:
            guard let rule = word("rule"), let tool = word("tool"),
                let text = json["text"]?.stringValue, text.utf8.count <= Self.textBytes
            else { return nil }
            matter = .policy(rule: rule, tool: tool, text: text)
        case nil: return nil
        }
        var place: Place?
        if json["host"] != nil {
            guard let host = word("host"), let user = word("user"),
                let port = json["port"]?.intValue, (0...65535).contains(port)
            else { return nil }
            place = Place(host: host, port: Int(port), user: user)
        }
        for name in ["target", "session_id"] where json[name] != nil && word(name) == nil {
            return nil
        }
        guard let digest = json["digest"]?.stringValue, Self.isDigest(digest) else { return nil }
        self.init(matter, target: word("target"), place: place, session: word("session_id"))
        self.digest = digest
    }

    /// Whether a text has the form of a digest.
    public static func isDigest(_ text: String) -> Bool {
        text.utf8.count == digestLength && Base64URL.decode(text)?.count == 32
    }
}

/// A person's answer to one question, which goes to the agent beside the call.
public struct Grant: Equatable, Sendable {
    /// What the person has decided.
    public enum Answer: Equatable, Sendable {
        /// Yes, this time.
        case once
        /// Yes, and the host's key is stored.
        case pin
        /// The secret's bytes.
        case secret([UInt8])
    }

    /// The digest of the question.
    public let digest: String
    /// The decision.
    public let answer: Answer

    /// The most bytes of a secret: programs that ask for one take no more.
    public static let secretBytes = 1024
    /// The most grants beside one call, and so the most questions that a call may raise: more than
    /// its jump hosts, its target and a rule do.
    public static let most = 16

    /// An answer to the question with this digest.
    public init(_ digest: String, _ answer: Answer) {
        (self.digest, self.answer) = (digest, answer)
    }

    /// The entry of `params.approved`.
    public var json: JSON {
        var all: JSON.Object = ["digest": .string(digest)]
        switch answer {
        case .once: all["choice"] = "once"
        case .pin: all["choice"] = "pin"
        case .secret(let bytes): all["secret"] = .string(String(decoding: bytes, as: UTF8.self))
        }
        return .object(all)
    }

    /// Reads an entry; nil if it is none.
    public init?(json: JSON) {
        guard let digest = json["digest"]?.stringValue, Question.isDigest(digest) else {
            return nil
        }
        if let secret = json["secret"]?.stringValue {
            guard (1...Self.secretBytes).contains(secret.utf8.count) else { return nil }
            self.init(digest, .secret(Array(secret.utf8)))
            return
        }
        switch json["choice"]?.stringValue {
        case "once": self.init(digest, .once)
        case "pin": self.init(digest, .pin)
        default: return nil
        }
    }
}

extension Grant: CustomStringConvertible, CustomReflectable {
    /// The digest; never the secret.
    public var description: String { "a grant for \(digest)" }
    /// Nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
