// The contract between relay and agent: values and bytes, no I/O, no clock. The relay calls, the
// agent answers; each call is one JSON-RPC 2.0 request on one stream of the tunnel. README.md in
// this folder is the specification.

/// Constants of the contract.
public enum Contract {
    /// The version both ends must speak; it is raised by a change that an older end would
    /// misinterpret.
    public static let version: Int64 = 2
    /// The ALPN protocol of a tunnel.
    public static let applicationProtocol = "homeline/1"
    /// The protocol of the WebSocket that carries a tunnel's TLS (`Sec-WebSocket-Protocol`).
    public static let webSocketProtocol = "homeline.1"
    /// The path of that WebSocket where the address names none.
    public static let webSocketPath = "/tunnel"
    /// The label of the keying material a hello is bound to (RFC 8446 §7.5), 32 bytes.
    public static let exporterLabel = "EXPORTER-homeline-agent-hello"
    /// Bytes of the keying material and of the relay's nonce.
    public static let bindingBytes = 32
    /// The whole numbers that every JSON reader keeps exactly, ±(2⁵³ − 1): a double cannot hold all
    /// larger ones, and LLM services refuse a request whose tool schemas name one.
    public static let integers = -9_007_199_254_740_991...9_007_199_254_740_991

    /// The most bytes of a text argument that names something: a path, a pattern, a target.
    ///
    /// On Linux a path is no longer (`PATH_MAX`).
    public static let textBytes = 4096
    /// The most bytes of a call, and of its reply; longer contents of files are sent in pieces.
    public static let callBytes = 8 << 20
    /// The most bytes of an argument that is content: a command line, input, a file.
    ///
    /// A call is no longer, so its own limit is met first where there are other arguments.
    public static let contentBytes = callBytes
    /// The most bytes of a name for people.
    public static let nameBytes = 255
    /// The most bytes of one environment variable: Linux takes no more (`MAX_ARG_STRLEN`).
    public static let variableBytes = 128 << 10

    /// The most bytes of a call's key: twice those of a random key that never repeats.
    public static let keyBytes = 64

    /// The most bytes of an agent's name or id: as many as a label of a host name has (RFC 1035).
    public static let agentNameBytes = 63
    /// What an agent's name or id looks like, for people.
    public static let agentNamePattern = "[a-z0-9][a-z0-9-]{0,\(agentNameBytes - 1)}"

    /// Whether a text can be an agent's name or id: it stands in `agent/host`, in handles and in
    /// shell lines.
    public static func isAgentName(_ text: String) -> Bool {
        (1...agentNameBytes).contains(text.utf8.count) && text.utf8.first != UInt8(ascii: "-")
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || $0 == UInt8(ascii: "-")
            }
    }

    /// What an agent signs to prove its identity: a fixed context, the binding, the nonce.
    public static func helloMessage(binding: [UInt8], nonce: [UInt8]) -> [UInt8] {
        Array("homeline agent hello 1\0".utf8) + binding + nonce
    }

    /// What an agent signs with the key that it offers: a fixed context, the nonce, the agent's id.
    public static func keyMessage(nonce: [UInt8], agentID: String) -> [UInt8] {
        Array("homeline agent key 1\0".utf8) + nonce + Array(agentID.utf8)
    }

    /// The least characters of an agent's id that the ids of its sessions and commands begin with.
    ///
    /// Four characters of base32 tell a million agents apart, and leave seven of twelve for a
    /// number.
    public static let handlePrefix = 4

    /// What a session's or command's id (`k3f9.7`) says of its agent: the agent's id, or the
    /// beginning of it that no other agent's id has.
    ///
    /// Routing therefore needs no table of sessions, and a relay that restarted finds every session
    /// again.
    public static func agentPart(of handle: String) -> String? {
        guard let dot = handle.firstIndex(of: "."), dot != handle.startIndex else { return nil }
        return String(handle[..<dot])
    }
}
