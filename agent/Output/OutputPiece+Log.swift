// A log's bytes as the part of a result that shows an output: an excerpt, or exact bytes.
// Invariant: the next offset is where reading goes on without a gap.
import Crypto
import Loop
import Wire

extension Excerpt {
    /// The excerpt in a result.
    var piece: OutputPiece {
        var piece = OutputPiece()
        piece.text = text
        piece.omittedBytes = omittedBytes + lostBytes
        piece.nextOffset = nextOffset
        piece.isUTF8 = isUTF8
        return piece
    }
}

extension OutputPiece {
    /// The exact bytes of a log from an offset on, as base64.
    @IO init(exactly log: OutputLog, from offset: Int, to end: Int, maxBytes: Int) {
        self.init()
        let lower = min(max(offset, log.start), end)
        let upper = min(end, lower + maxBytes)
        text = Base64.encode(log.bytes(lower..<upper))
        omittedBytes = max(0, lower - offset)
        nextOffset = upper
    }
}
