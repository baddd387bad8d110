// What one end of a lasting stream must remember so that the stream can go on over another tunnel:
// the bytes that it has sent and the other end has not taken, and how many it has taken itself.
// Pure. Invariant: `acknowledged` ≤ `handed` ≤ `reached` ≤ `written`, and the bytes from
// `acknowledged` to `written` are kept.

/// The bytes of both directions of a lasting stream, seen from one end.
struct StreamLedger {
    /// Bytes that were taken, and then those from the offset `acknowledged` on.
    private var kept: [UInt8] = []
    /// How many bytes at the beginning of `kept` were taken: they leave together, so that each byte
    /// is moved about once.
    private var gone = 0
    /// How many bytes the other end is known to have taken.
    private(set) var acknowledged: UInt64 = 0
    /// How many bytes have been handed to the present tunnel, or been taken over an earlier one.
    private(set) var handed: UInt64 = 0
    /// The most that `handed` has been.
    private(set) var reached: UInt64 = 0
    /// Whether nothing more will be written.
    private(set) var isOver = false
    /// Whether the end has been handed to the present tunnel.
    private(set) var isEndHanded = false
    /// How many bytes of the other end were delivered to the reader here.
    private(set) var received: UInt64 = 0
    /// Whether the end of the other end was delivered.
    private(set) var hasPeerEnd = false

    /// How many bytes were written.
    var written: UInt64 { acknowledged + UInt64(kept.count - gone) }
    /// The bytes that wait to be handed to a tunnel.
    var unsent: Int { Int(written - handed) }
    /// The bytes that were handed to the present tunnel, and that the other end has not taken.
    var inFlight: Int { Int(handed - acknowledged) }
    /// The bytes that were handed to a tunnel, and may have to be sent again.
    var unacknowledged: Int { Int(reached - acknowledged) }
    /// Whether the end is to be handed to the tunnel now.
    var owesEnd: Bool { isOver && !isEndHanded && unsent == 0 }
    /// Whether both ends have sent their end over the present tunnel or an earlier one.
    var isWhole: Bool { isEndHanded && hasPeerEnd }

    // MARK: Out

    /// Adds bytes.
    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        if !isOver { kept.append(contentsOf: bytes) }
    }

    /// Says that nothing more will be written.
    mutating func end() { isOver = true }

    /// How many bytes handing over `count` more adds to those that may have to be sent again.
    func growth(by count: Int) -> Int {
        max(0, Int(handed) + count - Int(reached))
    }

    /// Hands over the next `count` bytes, of those that are unsent.
    mutating func hand(_ count: Int, to take: (UnsafeRawBufferPointer) -> Void) {
        let start = gone + Int(handed - acknowledged)
        kept.withUnsafeBytes {
            take(UnsafeRawBufferPointer(rebasing: $0[start..<start + count]))
        }
        handed += UInt64(count)
        reached = max(reached, handed)
    }

    /// The end was handed over.
    mutating func handEnd() { isEndHanded = true }

    /// The other end has taken all bytes before `offset`, which are kept no longer.
    mutating func acknowledge(_ offset: UInt64) {
        guard offset > acknowledged, offset <= reached else { return }
        gone += Int(offset - acknowledged)
        if gone >= kept.count / 2 {
            kept.removeFirst(gone)
            gone = 0
        }
        acknowledged = offset
        handed = max(handed, offset)
    }

    /// Whether the bytes from `offset` on are here.
    func canResume(at offset: UInt64) -> Bool { (acknowledged...reached).contains(offset) }

    /// Goes on at what the other end has taken, over another tunnel; false: those bytes are gone,
    /// or were never sent.
    mutating func resume(at offset: UInt64) -> Bool {
        guard canResume(at: offset) else { return false }
        acknowledge(offset)
        (handed, isEndHanded) = (offset, false)
        return true
    }

    /// Drops what is kept: nothing more is sent.
    mutating func forget() {
        (acknowledged, handed, reached) = (written, written, written)
        (kept, gone, isOver) = ([], 0, true)
    }

    // MARK: In

    /// Bytes of the other end are delivered to the reader.
    mutating func receive(_ count: Int) { received += UInt64(count) }

    /// The end of the other end has come; false: it had come before.
    mutating func receiveEnd() -> Bool {
        defer { hasPeerEnd = true }
        return !hasPeerEnd
    }
}
