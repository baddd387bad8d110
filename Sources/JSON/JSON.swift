// One JSON value, as all code above the wire uses it. Flow: bytes → Scanner → Reader → JSON →
// Writer → bytes. Invariant: a value read from bytes is strict RFC 8259 (UTF-8, no lone surrogate,
// finite numbers, at most `JSONLimits.depth` deep) and has no repeated key.

#if canImport(Glibc)
    import Glibc  // links libm, which the standard library's whole-number test calls
#endif

/// A JSON value; `raw` carries bytes that were validated elsewhere and are written unchanged.
public enum JSON: Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    case array([JSON])
    case object(JSON.Object)
    case raw(RawJSON)
}

extension JSON {
    /// The member of an object; `nil` when absent or when this is not an object.
    public subscript(key: String) -> JSON? {
        guard case .object(let object) = self else { return nil }
        return object[key]
    }

    /// The element of an array; `nil` outside its bounds or when this is not an array.
    public subscript(index: Int) -> JSON? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    /// The string, if this is one.
    public var stringValue: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    /// The integer; a double counts if it is whole and fits, as in JSON Schema.
    public var intValue: Int64? {
        switch self {
        case .int(let value): return value
        case .double(let value): return Int64(exactly: value)
        default: return nil
        }
    }

    /// The number as a double; an integer past 2^53 is rounded.
    public var doubleValue: Double? {
        switch self {
        case .int(let value): return Double(value)
        case .double(let value): return value
        default: return nil
        }
    }

    /// The truth value, if this is one.
    public var boolValue: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    /// The elements, if this is an array.
    public var arrayValue: [JSON]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    /// The members, if this is an object.
    public var objectValue: JSON.Object? {
        guard case .object(let object) = self else { return nil }
        return object
    }

    /// Whether this is `null`.
    public var isNull: Bool {
        guard case .null = self else { return false }
        return true
    }
}

extension JSON: Equatable {
    /// Equality of meaning: member order is free, `1` equals `1.0`, raw bytes equal the value they
    /// contain.
    public static func == (one: JSON, other: JSON) -> Bool {
        switch (one, other) {
        case (.null, .null): return true
        case (.bool(let a), .bool(let b)): return a == b
        case (.int(let a), .int(let b)): return a == b
        case (.double(let a), .double(let b)): return a == b
        case (.int(let a), .double(let b)): return Int64(exactly: b) == a
        case (.double(let a), .int(let b)): return Int64(exactly: a) == b
        case (.string(let a), .string(let b)): return a == b
        case (.array(let a), .array(let b)): return a == b
        case (.object(let a), .object(let b)): return a == b
        case (.raw(let a), .raw(let b)) where a.bytes == b.bytes: return true
        case (.raw(let a), _):
            guard let parsed = try? a.parsed() else { return false }
            return parsed == other
        case (_, .raw(let b)):
            guard let parsed = try? b.parsed() else { return false }
            return one == parsed
        default: return false
        }
    }
}

extension JSON: CustomStringConvertible {
    /// The JSON text.
    public var description: String { String(decoding: encoded(), as: UTF8.self) }
}
