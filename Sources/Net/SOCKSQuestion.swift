// SOCKS 5 (RFC 1928) as a server: what a client asks for. Pure.
// Invariant: it keeps at most one question of 262 bytes; bytes that follow it are the connection's.
internal import Loop

/// What a client of a SOCKS 5 server asks, taken from its bytes as they come.
public struct SOCKSQuestion: Sendable {
    /// How far the dialogue is.
    public enum Stage: Sendable, Equatable {
        /// The client lists how it can log in.
        case greeting
        /// The client says where to connect.
        case request
        /// It wants a connection to a name or address.
        case asked(host: String, port: UInt16)
        /// It was refused; `reply` has been made, and the connection ends.
        case refused
    }

    /// An answer's code (RFC 1928 §6).
    public enum Code: UInt8, Sendable {
        case succeeded = 0
        case failed = 1
        case forbidden = 2
        case hostUnreachable = 4
        case connectionRefused = 5
        case unknownCommand = 7
        case unknownAddress = 8
    }

    /// How far the dialogue is.
    public private(set) var stage = Stage.greeting
    /// What must be sent to the client now.
    public var unsent: [UInt8] = []
    /// Bytes that the client sent after its question, for the destination.
    public private(set) var rest: [UInt8] = []
    private var bytes: [UInt8] = []

    /// A question that has not begun.
    public init() {}

    /// The answer to a question.
    public static func answer(_ code: Code) -> [UInt8] {
        [5, code.rawValue, 0, 1, 0, 0, 0, 0, 0, 0]
    }

    /// Takes bytes of the client.
    public mutating func take(_ more: UnsafeRawBufferPointer) {
        bytes += more
        while step() {}
    }

    /// Takes one message off the bytes; false: it needs more, or is over.
    private mutating func step() -> Bool {
        switch stage {
        case .greeting:
            guard bytes.first == 5 || bytes.isEmpty else { return refuse([]) }
            guard bytes.count >= 2, bytes.count >= 2 + Int(bytes[1]) else { return false }
            let methods = bytes[2..<(2 + Int(bytes[1]))]
            bytes.removeFirst(2 + Int(bytes[1]))
            // Only without a login: the listener is on loopback.
            guard methods.contains(0) else { return refuse([5, 0xff]) }
            unsent += [5, 0]
            stage = .request
            return true
        case .request:
            guard bytes.first == 5 || bytes.isEmpty else { return refuse([]) }
            guard bytes.count >= 5 else { return false }
            guard bytes[1] == 1 else { return refuse(Self.answer(.unknownCommand)) }
            let start = bytes[3] == 3 ? 5 : 4
            let lengths: [UInt8: Int] = [1: 4, 3: Int(bytes[4]), 4: 16]
            guard let length = lengths[bytes[3]], length > 0 else {
                return refuse(Self.answer(.unknownAddress))
            }
            let end = start + length
            guard bytes.count >= end + 2 else { return false }
            guard let host = Self.host(Array(bytes[start..<end]), isName: bytes[3] == 3) else {
                return refuse(Self.answer(.unknownAddress))
            }
            let port = UInt16(bytes[end]) << 8 | UInt16(bytes[end + 1])
            stage = .asked(host: host, port: port)
            bytes.removeFirst(end + 2)
            return true
        case .asked:
            rest += bytes
            bytes = []
            return false
        case .refused:
            bytes = []
            return false
        }
    }

    private mutating func refuse(_ reply: [UInt8]) -> Bool {
        unsent += reply
        (stage, bytes) = (.refused, [])
        return false
    }

    /// A name, which has visible ASCII characters only, or an address as text.
    private static func host(_ bytes: [UInt8], isName: Bool) -> String? {
        guard !isName else {
            guard bytes.allSatisfy({ $0 > 32 && $0 < 127 }) else { return nil }
            return String(decoding: bytes, as: UTF8.self)
        }
        guard bytes.count == 16 else { return bytes.map { "\($0)" }.joined(separator: ".") }
        let groups = stride(from: 0, to: 16, by: 2).map {
            String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16)
        }
        let text = groups.joined(separator: ":")
        return SocketAddress(ip: text, port: 0)?.host ?? text
    }
}

extension SOCKSQuestion {
    /// The most bytes that a client may send before its connection is made.
    private static let restLimit = 64 << 10
    /// How long a client may take to ask: it is a program on the same machine.
    private static let time = Duration.seconds(30)

    /// Asks a client that has connected; nil if it was refused, has left, or is too slow.
    ///
    /// Then the stream is closed, else it is paused: the caller sends `rest` on.
    @IO public static func ask(
        _ stream: any ByteStream
    ) async -> (host: String, port: UInt16, rest: @IO () -> [UInt8])? {
        let dialogue = Dialogue(stream)
        let timer = LoopTimer(after: time) { dialogue.end() }
        defer { timer.cancel() }
        guard case .asked(let host, let port)? = await dialogue.outcome.wait() else { return nil }
        return (host, port, { dialogue.takeRest() })
    }

    /// The dialogue with one client.
    @IO private final class Dialogue {
        let outcome = Once<Stage?>()
        private let stream: any ByteStream
        private var question = SOCKSQuestion()

        init(_ stream: any ByteStream) {
            self.stream = stream
            stream.onClose = { [outcome] _ in outcome.set(nil) }
            stream.onData = { self.take($0) }
            stream.resumeReading()
        }

        func takeRest() -> [UInt8] { question.rest }

        func end() {
            guard outcome.value == nil else { return }
            outcome.set(nil)
            stream.close(nil)
        }

        private func take(_ bytes: UnsafeRawBufferPointer) {
            question.take(bytes)
            if !question.unsent.isEmpty {
                stream.write(question.unsent)
                question.unsent = []
            }
            switch question.stage {
            case .greeting, .request: break
            case .refused:
                outcome.set(nil)
                stream.finish()
            case .asked:
                outcome.set(question.stage)
                // The rest waits in the system, but for what has been read already.
                stream.pauseReading()
                if question.rest.count > SOCKSQuestion.restLimit { end() }
            }
        }
    }
}
