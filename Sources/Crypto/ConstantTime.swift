// Comparison of secrets: the time taken shows nothing about where they differ.

/// Comparison that takes the same time wherever two secrets differ.
public enum ConstantTime {
    /// Whether two byte strings are equal; only their lengths may show in the time taken.
    public static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }
}
