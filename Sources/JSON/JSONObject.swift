// The members of a JSON object, in order. Invariant: no key occurs twice; a later value for a key
// replaces the earlier one at its position. Keys compare as Swift strings do.

extension JSON {
    /// An object's members: iterates `(key, value)` in order and looks up by key.
    public struct Object: Sendable {
        /// One member.
        public typealias Element = (key: String, value: JSON)

        var members: [Element]

        /// No members.
        public init() { members = [] }

        /// The members given; for a repeated key the last value wins.
        public init(_ pairs: [(String, JSON)]) {
            var builder = Builder()
            for (key, value) in pairs { builder.add(key, value) }
            self = builder.object
        }

        /// Members whose keys are known to differ, so repeated keys are not looked for.
        public init(unique members: [Element]) {
            assert(Set(members.map(\.key)).count == members.count, "a key occurs twice")
            self.members = members
        }

        /// The value of a key; assigning `nil` removes the member, a new key goes last.
        public subscript(key: String) -> JSON? {
            get {
                for member in members where member.key == key { return member.value }
                return nil
            }
            set {
                let at = members.firstIndex { $0.key == key }
                switch (at, newValue) {
                case (let at?, let value?): members[at].value = value
                case (let at?, nil): members.remove(at: at)
                case (nil, let value?): members.append((key, value))
                case (nil, nil): break
                }
            }
        }

        /// The keys in order.
        public var keys: [String] { members.map(\.key) }
    }
}

extension JSON.Object: RandomAccessCollection {
    /// Always zero.
    public var startIndex: Int { 0 }
    /// The number of members.
    public var endIndex: Int { members.count }
    /// The member at a position.
    public subscript(position: Int) -> Element { members[position] }
}

extension JSON.Object: ExpressibleByDictionaryLiteral {
    /// The members in the order written; for a repeated key the last value wins.
    public init(dictionaryLiteral elements: (String, JSON)...) { self.init(elements) }
}

extension JSON.Object: Equatable {
    /// Equal members in any order.
    public static func == (one: JSON.Object, other: JSON.Object) -> Bool {
        guard one.count == other.count else { return false }
        if one.count <= KeyIndex.linear {
            return one.members.allSatisfy { other[$0.key] == $0.value }
        }
        let values = Dictionary(uniqueKeysWithValues: other.members.map { ($0.key, $0.value) })
        return one.members.allSatisfy { values[$0.key] == $0.value }
    }
}

extension JSON.Object {
    /// Collects members while reading; repeated keys are found without quadratic work.
    struct Builder {
        private(set) var members: [Element] = []
        private var index = KeyIndex()

        mutating func add(_ key: String, _ value: JSON) {
            let at = index.place(key, among: members.count) { members[$0].key }
            if let at {
                members[at].value = value
            } else {
                if members.isEmpty { members.reserveCapacity(4) }
                members.append((key, value))
            }
        }

        var object: JSON.Object { JSON.Object(unique: members) }
    }
}

/// Finds a repeated key: by comparison while there are few, by a hash table once there are many (a
/// hostile object of a million keys must not cost a million squared).
struct KeyIndex {
    /// Keys up to which comparing is cheap enough to need no table.
    static let linear = 16
    private var places: [String: Int] = [:]

    /// The index of `key` among the keys so far; if it is new, `nil`, and it is remembered as the
    /// next one.
    mutating func place(_ key: String, among count: Int, _ name: (Int) -> String) -> Int? {
        if count < Self.linear {
            for at in 0..<count where name(at) == key { return at }
            return nil
        }
        if places.isEmpty {
            for at in 0..<count { places[name(at)] = at }
        }
        if let at = places[key] { return at }
        places[key] = count
        return nil
    }
}
