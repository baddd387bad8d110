// The arguments of one call, read by their fields: typed, with a sentence that names a wrong
// argument. Flow: bytes → Fields, once on each side → typed call.
// Invariant: a member that is null counts as absent.
public import JSON

/// The members of an object, to be read by their fields.
public struct Fields: Sendable {
    /// The object.
    public let object: JSON.Object
    /// The prefix of the names in sentences: `term.` for the members of `term`.
    private let path: String

    /// The members of an object.
    public init(object: JSON.Object) {
        self.object = object
        path = ""
    }

    /// The members of `json`; `invalid_argument` if it is not an object.
    public init(_ json: JSON) throws(Fault) {
        guard case .object(let object) = json else {
            throw Fault(.invalidArgument, "the arguments must be an object")
        }
        self.init(object: object)
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

    private init(_ object: JSON.Object, path: String) {
        self.object = object
        self.path = path
    }

    /// The value of an argument.
    public subscript<Value>(_ field: Field<Value>) -> Value {
        get throws(Fault) { try field.read(object[field.name], at: path) }
    }

    /// The members of an argument that is an object; none if it is absent.
    public func inside(_ field: Field<JSON?>) throws(Fault) -> Fields {
        Fields(try self[field]?.objectValue ?? [:], path: "\(path)\(field.name).")
    }

    /// The members of each object of an argument that is a list of objects.
    public func each(_ field: Field<[JSON]>) throws(Fault) -> [Fields] {
        var all: [Fields] = []
        for (number, json) in try self[field].enumerated() {
            guard case .object(let object) = json else {
                throw Fault(
                    .invalidArgument, "\"\(path)\(field.name)[\(number)]\" must be an object")
            }
            all.append(Fields(object, path: "\(path)\(field.name)[\(number)]."))
        }
        return all
    }

    /// Whether an argument of this name is present.
    public func has(_ name: String) -> Bool { object[name].map { !$0.isNull } ?? false }

    /// The same arguments with another value for one of them.
    public func with(_ name: String, _ value: JSON?) -> Fields {
        var object = object
        object[name] = value
        return Fields(object, path: path)
    }
}

extension JSON {
    /// A whole number; one outside `Contract.integers` becomes the nearest one inside.
    public static func integer(_ number: some BinaryInteger) -> JSON {
        let range = Contract.integers
        return .int(Int64(min(max(Int(clamping: number), range.lowerBound), range.upperBound)))
    }
}
