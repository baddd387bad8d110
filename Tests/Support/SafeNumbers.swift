// The numbers of a JSON document that not every reader takes exactly. Pure.
public import JSON

extension JSON {
    /// The places of whole numbers outside ±(2⁵³ − 1), at whatever depth, as `path = number`.
    public func unsafeNumbers(at path: String = "$") -> [String] {
        let limit = 9_007_199_254_740_991.0
        switch self {
        case .int(let number):
            return Double(number).magnitude > limit ? ["\(path) = \(number)"] : []
        case .double(let number):
            return number.isFinite && number.magnitude <= limit ? [] : ["\(path) = \(number)"]
        case .array(let elements):
            return elements.enumerated().flatMap { $1.unsafeNumbers(at: "\(path)[\($0)]") }
        case .object(let members):
            return members.flatMap { $0.value.unsafeNumbers(at: "\(path).\($0.key)") }
        case .raw(let raw):
            guard let parsed = try? raw.parsed() else { return ["\(path) is not JSON"] }
            return parsed.unsafeNumbers(at: path)
        case .null, .bool, .string: return []
        }
    }
}
