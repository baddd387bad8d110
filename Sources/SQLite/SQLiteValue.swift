// The values of a statement's parameters and of a row's columns.

/// One value of a statement's parameter or of a row's column.
public enum SQLiteValue: Sendable, Hashable {
    /// SQL's NULL.
    case null
    /// A whole number.
    case integer(Int64)
    /// A floating-point number.
    case real(Double)
    /// A text.
    case text(String)
    /// Bytes.
    case blob([UInt8])

    /// A text, or NULL for nil.
    public static func optional(_ text: String?) -> SQLiteValue { text.map(Self.text) ?? .null }

    /// A whole number, or NULL for nil.
    public static func optional(_ number: Int64?) -> SQLiteValue {
        number.map(Self.integer) ?? .null
    }
}

/// One row of a result, copied out of SQLite.
public struct Row: Sendable {
    let names: [String: Int]
    let values: [SQLiteValue]

    /// The value of a column; NULL if the result has no such column.
    public subscript(name: String) -> SQLiteValue {
        names[name].map { values[$0] } ?? .null
    }

    /// A column's text; nil for NULL and every other type.
    public func text(_ name: String) -> String? {
        guard case .text(let text) = self[name] else { return nil }
        return text
    }

    /// A column's whole number; nil for NULL and every other type.
    public func integer(_ name: String) -> Int64? {
        guard case .integer(let number) = self[name] else { return nil }
        return number
    }

    /// A column's bytes; nil for NULL and every other type.
    public func blob(_ name: String) -> [UInt8]? {
        guard case .blob(let bytes) = self[name] else { return nil }
        return bytes
    }
}
