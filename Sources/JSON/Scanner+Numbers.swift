// Number tokens by the RFC 8259 grammar: Int64 if it fits, else the nearest double.
// Invariant: a returned number is finite.

extension Scanner {
    /// Takes the number here.
    mutating func number(_ text: Span<UInt8>) throws(JSONError) -> JSON {
        let start = at
        let negative = take(0x2D, text)
        let first = at
        var mantissa: UInt64 = 0
        var exact = true
        digits(text, &mantissa, &exact)
        guard at > first else {
            if at == text.count { throw .unexpectedEnd }
            throw negative ? .invalidNumber(at: start) : .unexpectedByte(at: start)
        }
        guard at - first == 1 || text[first] != 0x30 else { throw .invalidNumber(at: start) }
        var exponent = 0
        var whole = true
        if take(0x2E, text) {
            whole = false
            let fraction = at
            digits(text, &mantissa, &exact)
            guard at > fraction else { throw malformed(text, start) }
            exponent = fraction - at
        }
        if at < text.count, text[at] | 0x20 == 0x65 {
            whole = false
            at += 1
            exponent += try scientific(text, start, &exact)
        }
        if whole, exact, !(negative && mantissa == 0) {
            if !negative, let value = Int64(exactly: mantissa) { return .int(value) }
            if negative, mantissa <= UInt64(Int64.max) + 1 {
                return .int(Int64(truncatingIfNeeded: 0 &- mantissa))
            }
        }
        // Clinger's fast path: both operands are exact doubles, so one rounding is the right one.
        if exact, mantissa <= 1 << 53, exponent.magnitude <= 22 {
            let scale = powersOfTen[Int(exponent.magnitude)]
            let value = exponent < 0 ? Double(mantissa) / scale : Double(mantissa) * scale
            return .double(negative ? -value : value)
        }
        let digits = text.extracting(start..<at)
        let string = unsafe digits.withUnsafeBufferPointer {
            unsafe String(decoding: $0, as: UTF8.self)
        }
        guard let value = Double(string), value.isFinite else { throw .invalidNumber(at: start) }
        return .double(value)
    }

    private func malformed(_ text: Span<UInt8>, _ start: Int) -> JSONError {
        at == text.count ? .unexpectedEnd : .invalidNumber(at: start)
    }

    /// Takes digits into `mantissa`; `exact` becomes false once it no longer holds them all.
    @inline(__always)
    private mutating func digits(
        _ text: Span<UInt8>, _ mantissa: inout UInt64, _ exact: inout Bool
    ) {
        while at < text.count, text[at] &- 0x30 < 10 {
            if mantissa < 1_000_000_000_000_000_000 {
                mantissa = mantissa &* 10 &+ UInt64(text[at] &- 0x30)
            } else {
                exact = false
            }
            at += 1
        }
    }

    /// Takes sign and digits of an exponent.
    private mutating func scientific(
        _ text: Span<UInt8>, _ start: Int, _ exact: inout Bool
    ) throws(JSONError) -> Int {
        let negative = take(0x2D, text)
        if !negative { _ = take(0x2B, text) }
        let first = at
        var value = 0
        while at < text.count, text[at] &- 0x30 < 10 {
            if value < 100_000 { value = value * 10 + Int(text[at] &- 0x30) }
            at += 1
        }
        guard at > first else { throw malformed(text, start) }
        return negative ? -value : value
    }
}

private let powersOfTen: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
]
