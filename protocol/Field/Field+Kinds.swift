// The kinds of fields, one function for each: `Field.text("name", "What it is.")`. Pure.
public import JSON

extension Field where Value == String {
    /// A string of at most `limit` bytes.
    ///
    /// The limit holds for what is read; what is written is cut where it is made.
    public static func text(
        _ name: String, atMost limit: Int = Contract.textBytes, _ sentence: String
    ) -> Field {
        Field(
            name, .text(atMost: limit), sentence, decode: { $0.text(atMost: limit) },
            encode: { .string($0) })
    }

    /// One of some strings, without a type for them.
    public static func word(_ name: String, of options: [String], _ sentence: String) -> Field {
        Field(
            name, .choice(options), sentence,
            decode: { $0.stringValue.flatMap { options.contains($0) ? $0 : nil } },
            encode: { .string($0) })
    }
}

extension Field where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of the cases of `Value`.
    public static func choice(_ name: String, _ sentence: String) -> Field {
        Field(
            name, .choice(Value.allCases.map(\.rawValue)), sentence,
            decode: { $0.stringValue.flatMap(Value.init(rawValue:)) },
            encode: { .string($0.rawValue) })
    }
}

extension Field where Value == Bool {
    /// True or false.
    public static func flag(_ name: String, _ sentence: String) -> Field {
        Field(name, .flag, sentence, decode: \.boolValue, encode: { .bool($0) })
    }
}

extension Field where Value == Int {
    /// A whole number.
    public static func integer(
        _ name: String, in range: ClosedRange<Int> = Contract.integers, _ sentence: String
    ) -> Field {
        let range = range.clamped(to: Contract.integers)
        return Field(
            name, .integer(range), sentence,
            decode: { json in
                guard let number = json.intValue.flatMap({ Int(exactly: $0) }),
                    range.contains(number)
                else { return nil }
                return number
            }, encode: { .integer($0) })
    }

    /// A whole number from 0 up: a size, an offset, a count.
    public static func count(_ name: String, _ sentence: String) -> Field {
        .integer(name, in: 0...Contract.integers.upperBound, sentence)
    }
}

extension Field where Value == Double {
    /// A number.
    public static func number(_ name: String, _ sentence: String) -> Field {
        Field(name, .number(nil), sentence, decode: \.doubleValue, encode: { .double($0) })
    }
}

extension Field where Value == Duration {
    /// A time in seconds, fractions allowed.
    public static func seconds(
        _ name: String, in range: ClosedRange<Double>, _ sentence: String
    ) -> Field {
        Field(
            name, .seconds(range), sentence,
            decode: { json in
                guard let number = json.doubleValue, range.contains(number) else { return nil }
                return .milliseconds(Int64(number * 1000))
            },
            encode: { time in
                let seconds = time / .seconds(1)
                return Int(exactly: seconds).map { .integer($0) } ?? .double(seconds)
            })
    }
}

extension Field where Value == [String] {
    /// A list of strings.
    public static func texts(
        _ name: String, atMost limit: Int? = nil, _ sentence: String
    ) -> Field {
        Field(
            name, .list(.text(atMost: Contract.textBytes), atMost: limit), sentence,
            decode: { json in
                guard let list = json.arrayValue, list.count <= limit ?? .max else { return nil }
                let texts = list.compactMap { $0.text(atMost: Contract.textBytes) }
                return texts.count == list.count ? texts : nil
            }, encode: { .array($0.map { .string($0) }) })
    }
}

extension Field where Value == [(String, String)] {
    /// An object of strings under names that the caller chooses.
    public static func pairs(_ name: String, atMost limit: Int, _ sentence: String) -> Field {
        Field(
            name, .texts(atMost: limit), sentence,
            decode: { json in
                guard let object = json.objectValue, object.count <= limit else { return nil }
                let pairs = object.compactMap { member in
                    member.value.text(atMost: Contract.variableBytes).map { (member.key, $0) }
                }
                return pairs.count == object.count ? pairs : nil
            }, encode: { .object(JSON.Object($0.map { ($0.0, .string($0.1)) })) })
    }
}

extension Field where Value == JSON {
    /// An object of known members.
    public static func object(
        _ name: String, _ members: [Declaration], _ sentence: String
    ) -> Field {
        Field(
            name, .object(members), sentence,
            // A bare nil would be read as the value null.
            decode: { $0.objectValue == nil ? Optional.none : $0 },
            encode: { $0 })
    }
}

extension Field where Value == [JSON] {
    /// A list of objects of known members.
    public static func objects(
        _ name: String, _ members: [Declaration], _ sentence: String
    ) -> Field {
        Field(
            name, .list(.object(members), atMost: nil), sentence, decode: \.arrayValue,
            encode: { .array($0) })
    }
}

extension JSON {
    /// The string, unless it is longer than `limit` bytes.
    fileprivate func text(atMost limit: Int) -> String? {
        stringValue.flatMap { $0.utf8.count <= limit ? $0 : nil }
    }
}
