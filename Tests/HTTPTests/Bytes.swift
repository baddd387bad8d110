// The parsers take spans; tests cut arrays.
@testable import HTTP

extension RequestParser {
    mutating func parse(_ bytes: [UInt8], _ limits: HTTPLimits = HTTPLimits()) throws(HTTPError)
        -> Bool
    {
        try parse(bytes.span, limits)
    }
}

extension ResponseParser {
    mutating func parse(_ bytes: [UInt8]) throws(HTTPError) -> Bool {
        try parse(bytes.span, HTTPLimits())
    }
}

extension ChunkedDecoder {
    mutating func decode(_ bytes: [UInt8], into body: inout [UInt8]) throws(HTTPError) -> Int {
        try decode(bytes.span, into: &body)
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
