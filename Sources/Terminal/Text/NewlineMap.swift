// Undoes what the terminal does to line ends: a program's LF arrives as CR LF (ONLCR), and the log
// stores the program's own bytes. So one CR before each LF is removed, but only where mark C has
// shown that the terminal maps: `printf 'a\r\nb'` arrives as CR CR LF and is stored as CR LF.
// Invariant: holds back one CR at most.

/// An incremental inverse of ONLCR.
///
/// Switching ONLCR off instead would need a program on the host (stty), stair-step every nested
/// terminal, and be lost with the next `stty sane`.
public struct NewlineMap: Sendable {
    /// Whether the terminal maps LF to CR LF at this moment.
    public var isMapping = true
    private var holdsCR = false

    /// A map with nothing held back and mapping on.
    public init() {}

    /// Adds the program's bytes for a piece of what the terminal sent.
    public mutating func append(_ bytes: ArraySlice<UInt8>, to output: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        guard isMapping else {
            finish(to: &output)
            output.append(contentsOf: bytes)
            return
        }
        var rest = bytes
        if holdsCR {
            holdsCR = false
            if rest.first != 10 { output.append(13) }
        }
        while let carriage = rest.place(of: 13) {
            output.append(contentsOf: rest[rest.startIndex..<carriage])
            rest = rest[(carriage + 1)...]
            if rest.isEmpty {
                holdsCR = true
            } else if rest.first != 10 {
                output.append(13)
            }
        }
        output.append(contentsOf: rest)
    }

    /// Adds a CR that was held back, as no LF follows it.
    public mutating func finish(to output: inout [UInt8]) {
        if holdsCR { output.append(13) }
        holdsCR = false
    }
}
