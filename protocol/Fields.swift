// Reading arguments: typed, with a sentence that names the argument when it is wrong.
public import JSON

/// The members of an object, read by name and type.
public struct Fields: Sendable {
    /// The object.
    public let object: JSON.Object

    /// The members of an object.
    public init(object: JSON.Object) { self.object = object }

    /// The members of `json`; `invalid_argument` when it is no object.
    public init(_ json: JSON) throws(Fault) {
        guard case .object(let object) = json else {
            throw Fault(.invalidArgument, "the arguments must be an object")
        }
        self.object = object
    }

    /// The members of an object given as bytes.
    public init(_ raw: RawJSON) throws(Fault) {
        let json: JSON
        do throws(JSONError) {
            json = try raw.parsed()
        } catch {
            throw Fault(.invalidArgument, "the arguments are not JSON: \(error)")
        }
        try self.init(json)
    }

    private func value(_ name: String) -> JSON? {
        guard let value = object[name], !value.isNull else { return nil }
        return value
    }

    private func wrong(_ name: String, _ kind: String) -> Fault {
        Fault(.invalidArgument, "\"\(name)\" must be \(kind)")
    }

    /// A string that must be there.
    public func string(_ name: String) throws(Fault) -> String {
        guard let text = try optionalString(name) else {
            throw Fault(.invalidArgument, "\"\(name)\" is missing")
        }
        return text
    }

    /// A string.
    public func optionalString(_ name: String) throws(Fault) -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.stringValue else { throw wrong(name, "a string") }
        return text
    }

    /// A whole number within `range`.
    public func integer(_ name: String, in range: ClosedRange<Int>) throws(Fault) -> Int? {
        guard let value = value(name) else { return nil }
        guard let number = value.intValue, let whole = Int(exactly: number), range.contains(whole)
        else { throw wrong(name, "a whole number from \(range.lowerBound) to \(range.upperBound)") }
        return whole
    }

    /// Yes or no.
    public func flag(_ name: String) throws(Fault) -> Bool? {
        guard let value = value(name) else { return nil }
        guard let flag = value.boolValue else { throw wrong(name, "true or false") }
        return flag
    }

    /// A time in seconds, fractions allowed, within `range`.
    public func seconds(_ name: String, in range: ClosedRange<Double>) throws(Fault) -> Duration? {
        guard let value = value(name) else { return nil }
        guard let number = value.doubleValue ?? value.intValue.map(Double.init),
            range.contains(number)
        else { throw wrong(name, "seconds from \(range.lowerBound) to \(range.upperBound)") }
        return .milliseconds(Int64(number * 1000))
    }

    /// A list of strings.
    public func strings(_ name: String, limit: Int = 1000) throws(Fault) -> [String]? {
        guard let value = value(name) else { return nil }
        guard let list = value.arrayValue, list.count <= limit else {
            throw wrong(name, "a list of at most \(limit) strings")
        }
        var strings: [String] = []
        for entry in list {
            guard let text = entry.stringValue else { throw wrong(name, "a list of strings") }
            strings.append(text)
        }
        return strings
    }

    /// An object of strings.
    public func dictionary(_ name: String, limit: Int = 200) throws(Fault) -> [(String, String)]? {
        guard let value = value(name) else { return nil }
        guard let object = value.objectValue, object.count <= limit else {
            throw wrong(name, "an object of at most \(limit) strings")
        }
        var pairs: [(String, String)] = []
        for (key, entry) in object {
            guard let text = entry.stringValue else { throw wrong(name, "an object of strings") }
            pairs.append((key, text))
        }
        return pairs
    }

    /// An object inside.
    public func fields(_ name: String) throws(Fault) -> Fields? {
        guard let value = value(name) else { return nil }
        guard case .object = value else { throw wrong(name, "an object") }
        return try Fields(value)
    }
}

extension JSON.Object {
    /// Adds a member unless there is no value: absent optional members are left out.
    mutating func add(_ name: String, _ value: JSON?) {
        if let value { self[name] = value }
    }
}

extension JSON {
    /// A string, unless there is none.
    init?(_ text: String?) {
        guard let text else { return nil }
        self = .string(text)
    }

    /// A whole number, unless there is none.
    init?(_ number: Int?) {
        guard let number else { return nil }
        self = .integer(number)
    }

    /// A whole number; one beyond `Contract.integers` is cut to the nearest that it holds.
    public static func integer(_ number: some BinaryInteger) -> JSON {
        let range = Contract.integers
        return .int(Int64(min(max(Int(clamping: number), range.lowerBound), range.upperBound)))
    }
}
