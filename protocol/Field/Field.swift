// A declaration with the type of its value: how an agent reads an argument and writes a member.
// Flow: a static constant beside each call → Fields (reading), Members (writing), MethodRow
// (schema, table). Invariant: a field accepts exactly what its declaration says.
import JSON

/// An argument or a member of a result whose value is a `Value`.
///
/// A constant with many readers, and a class, because copying its parts would cost each reader
/// about ten reference counts.
public final class Field<Value: Sendable>: Sendable {
    /// The declaration.
    public let declaration: Declaration
    /// Reads a value that is present; nil if it is not of the kind.
    let decode: @Sendable (JSON) -> Value?
    /// Writes a value; nil if the member is left out.
    let encode: @Sendable (Value) -> JSON?
    /// The value of an absent one; nil if it must be present.
    let absent: Value?

    /// Its name.
    public var name: String { declaration.name }

    private init(
        _ declaration: Declaration, absent: Value?, decode: @escaping @Sendable (JSON) -> Value?,
        encode: @escaping @Sendable (Value) -> JSON?
    ) {
        self.declaration = declaration
        self.absent = absent
        self.decode = decode
        self.encode = encode
    }

    /// A field that must be present.
    convenience init(
        _ name: String, _ kind: Kind, _ sentence: String,
        decode: @escaping @Sendable (JSON) -> Value?, encode: @escaping @Sendable (Value) -> JSON?
    ) {
        self.init(
            Declaration(name: name, kind: kind, need: .required, sentence: sentence), absent: nil,
            decode: decode, encode: encode)
    }

    /// The same field, but optional: it may be absent.
    public var optional: Field<Value?> {
        let (decode, encode) = (decode, encode)
        return Field<Value?>(
            declaration.with(.optional), absent: .some(nil),
            decode: { json in
                guard let value = decode(json) else { return nil }
                return .some(value)
            },
            encode: { $0.flatMap(encode) })
    }

    /// The same field, but null if there is no value.
    public var nullable: Field<Value?> {
        let (decode, encode) = (decode, encode)
        let told = declaration
        return Field<Value?>(
            Declaration(
                name: told.name, kind: .nullable(told.kind), need: told.need,
                sentence: told.sentence), absent: .some(nil),
            decode: { json in
                if json.isNull { return .some(nil) }
                guard let value = decode(json) else { return nil }
                return .some(value)
            },
            encode: { $0.flatMap(encode) ?? .null })
    }

    /// The value of an argument; throws a sentence that names the argument if it is wrong or
    /// missing.
    func read(_ json: JSON?, at path: String) throws(Fault) -> Value {
        guard let json, !json.isNull else {
            if let absent { return absent }
            throw Fault(.invalidArgument, "\"\(path)\(name)\" is missing")
        }
        if let value = decode(json) { return value }
        throw Fault(.invalidArgument, "\"\(path)\(name)\" must be \(declaration.kind.demand)")
    }
}

extension Field where Value: Equatable {
    /// The same field, but an absent one counts as `standard`, and a result leaves that value out.
    public func or(_ standard: Value) -> Field {
        let encode = encode
        return Field(
            declaration.with(.standard(encode(standard) ?? .null)), absent: standard,
            decode: decode, encode: { $0 == standard ? nil : encode($0) })
    }
}

extension Declaration {
    fileprivate func with(_ need: Need) -> Declaration {
        Declaration(name: name, kind: kind, need: need, sentence: sentence)
    }
}
