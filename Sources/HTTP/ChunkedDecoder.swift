// Decodes a chunked body (RFC 9112 §7.1), however its bytes are split. Pure. Invariant: it never
// takes a byte beyond the body's end, and both the body and its framing are capped.

/// The state of one chunked body.
struct ChunkedDecoder {
    private enum State {
        case size, padding, text, sizeLF, data, dataCR, dataLF, trailerStart, trailerName, trailer,
            trailerLF, endLF
        case done
    }

    private var state = State.size
    private var remaining = 0
    private var digits = 0
    private var overhead = 0
    private let limits: HTTPLimits

    init(_ limits: HTTPLimits) { self.limits = limits }

    var isDone: Bool { state == .done }

    /// Appends decoded bytes to `body`; returns how many bytes of `input` belong to this body.
    mutating func decode(
        _ input: Span<UInt8>, into body: inout [UInt8]
    ) throws(HTTPError) -> Int {
        var at = 0
        while at < input.count, state != .done {
            if state == .data {
                let taken = min(remaining, input.count - at)
                unsafe input.extracting(at..<(at + taken)).withUnsafeBufferPointer {
                    unsafe body.append(contentsOf: $0)
                }
                at += taken
                remaining -= taken
                if remaining == 0 { state = .dataCR }
                continue
            }
            try step(input[at], body.count)
            at += 1
        }
        return at
    }

    private mutating func step(_ byte: UInt8, _ bodyBytes: Int) throws(HTTPError) {
        switch state {
        case .size:
            if let digit = hexDigit(byte) {
                guard digits < 8 else { throw .refused(status: 413) }
                digits += 1
                remaining = remaining << 4 | digit
                return
            }
            guard digits > 0 else { throw .refused(status: 400) }
            guard remaining <= limits.bodyBytes - bodyBytes else { throw .refused(status: 413) }
            switch byte {
            case 0x0D: state = .sizeLF
            case 0x3B: state = .text
            case 0x20, 0x09: state = .padding
            default: throw .refused(status: 400)
            }
        case .padding:
            try spend()
            switch byte {
            case 0x20, 0x09: break
            case 0x3B: state = .text
            default: throw .refused(status: 400)
            }
        case .text:
            try spend()
            if byte == 0x0D { state = .sizeLF } else { try checkText(byte) }
        case .sizeLF:
            try expect(byte, 0x0A)
            state = remaining > 0 ? .data : .trailerStart
            digits = 0
        case .dataCR:
            try expect(byte, 0x0D)
            state = .dataLF
        case .dataLF:
            try expect(byte, 0x0A)
            state = .size
        case .trailerStart:
            try spend()
            if byte == 0x0D {
                state = .endLF
            } else {
                guard TokenTable().contains(byte) else { throw .refused(status: 400) }
                state = .trailerName
            }
        case .trailerName:
            try spend()
            if byte == 0x3A {
                state = .trailer
            } else {
                guard TokenTable().contains(byte) else { throw .refused(status: 400) }
            }
        case .trailer:
            try spend()
            if byte == 0x0D { state = .trailerLF } else { try checkText(byte) }
        case .trailerLF:
            try expect(byte, 0x0A)
            state = .trailerStart
        case .endLF:
            try expect(byte, 0x0A)
            state = .done
        case .data, .done: break
        }
    }

    private mutating func spend() throws(HTTPError) {
        overhead += 1
        guard overhead <= limits.chunkOverheadBytes else { throw .refused(status: 431) }
    }

    private func expect(_ byte: UInt8, _ expected: UInt8) throws(HTTPError) {
        guard byte == expected else { throw .refused(status: 400) }
    }

    private func checkText(_ byte: UInt8) throws(HTTPError) {
        guard isFieldByte(byte) else { throw .refused(status: 400) }
    }

    private func hexDigit(_ byte: UInt8) -> Int? {
        switch byte {
        case 0x30...0x39: Int(byte - 0x30)
        case 0x41...0x46: Int(byte - 0x37)
        case 0x61...0x66: Int(byte - 0x57)
        default: nil
        }
    }
}
