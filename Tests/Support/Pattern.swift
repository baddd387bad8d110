// Many bytes at little cost: a test that computes each one would hold up every other on the loop.

private let block = (0..<65_521).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }

/// Bytes with a prime period, so that what is lost or moved shows.
public func pattern(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + block.count)
    while bytes.count < count { bytes.append(contentsOf: block) }
    bytes.removeLast(bytes.count - count)
    return bytes
}
