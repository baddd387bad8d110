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
