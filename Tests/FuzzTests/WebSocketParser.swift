// Frames of a WebSocket's peer: to the relay, which are masked, and to the agent.
// Invariant: data is what the cuts leave of it, and no more comes out than went in.
@testable import HTTP

extension Parser {
    /// Frames of a client, or of a server.
    static func webSocket(masked: Bool) -> Parser {
        let mask = masked ? WebSocketMask([1, 2, 0xfd, 0]) : nil
        func frames(_ all: (WebSocketReader.Kind, [UInt8])...) -> [UInt8] {
            var bytes: [UInt8] = []
            for (kind, payload) in all { bytes.append(frame: kind, payload, mask: mask) }
            return bytes
        }
        let fragments: [UInt8] =
            masked
            ? [2, 0x81, 0, 0, 0, 0, 7, 0x80, 0x81, 0, 0, 0, 0, 7] : [2, 1, 7, 0, 0, 0x80, 1, 7]
        return Parser(
            name: "WebSocket frames of a \(masked ? "client" : "server")",
            seeds: [
                frames((.binary, Array(0..<40)), (.ping, [1, 2]), (.close, [3, 0xe8])),
                frames((.binary, [UInt8](repeating: 9, count: 300)), (.pong, [])) + fragments,
                frames((.binary, []), (.binary, [UInt8](repeating: 9, count: 126)), (.ping, [])),
            ]
        ) { bytes in
            let (whole, error) = read(bytes, masked, by: bytes.count)
            for step in [1, 7] where bytes.count < 4000 {
                let (cut, other) = read(bytes, masked, by: step)
                precondition(cut == whole && other == error, "the cuts matter")
            }
            if let error { throw error }
            return whole.count
        }
    }

    /// The data and the payloads of pings that come of bytes in pieces.
    private static func read(
        _ bytes: [UInt8], _ masked: Bool, by size: Int
    ) -> ([UInt8], WebSocketViolation?) {
        var (reader, got) = (WebSocketReader(expectsMask: masked), [UInt8]())
        for start in stride(from: 0, to: bytes.count, by: max(size, 1)) {
            let piece = Array(bytes[start..<min(start + size, bytes.count)])
            var at = 0
            do throws(WebSocketViolation) {
                while let part = try reader.next(piece.span, at: &at) {
                    switch part {
                    case .data(let more), .ping(let more): got += more
                    case .close: return (got, nil)
                    }
                }
            } catch {
                return (got, error)
            }
            precondition(at == piece.count && got.count <= bytes.count)
        }
        return (got, nil)
    }
}
