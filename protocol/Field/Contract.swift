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
    /// The label of the keying material a hello is bound to (RFC 8446 §7.5), 32 bytes.
    public static let exporterLabel = "EXPORTER-homeline-agent-hello"
    /// Bytes of the keying material and of the relay's nonce.
    public static let bindingBytes = 32
    /// The whole numbers that every JSON reader keeps exactly, ±(2⁵³ − 1): a double cannot hold all
    /// larger ones, and LLM services refuse a request whose tool schemas name one.
    public static let integers = -9_007_199_254_740_991...9_007_199_254_740_991

    /// What an agent signs to prove its identity: a fixed context, the binding, the nonce.
    public static func helloMessage(binding: [UInt8], nonce: [UInt8]) -> [UInt8] {
        Array("homeline agent hello 1\0".utf8) + binding + nonce
    }

    /// The agent's id inside a session's or command's id (`AGENT.…`).
    ///
    /// Routing therefore needs no table, and a relay that restarted finds every session again.
    public static func agentID(of handle: String) -> String? {
        guard let dot = handle.firstIndex(of: "."), dot != handle.startIndex else { return nil }
        return String(handle[..<dot])
    }
}
