// Checking what a user filled in. Flow: the client's answer → FormField.read → handler. Invariant:
// a handler gets only values of the kind it asked for; further members are passed on unchecked.
import JSON

/// What was filled in, or what is wrong with it in plain words.
enum FormReading: Equatable {
    case filled(JSON.Object)
    case unfit(String)
}

extension FormField {
    /// Checks the answer to a form.
    static func read(
        _ content: JSON.Object, _ fields: [FormField], in revision: Revision
    ) -> FormReading {
        var content = content
        for field in fields {
            guard let value = content[field.name], !value.isNull else {
                if field.isRequired { return .unfit("\(field.name) is missing") }
                content[field.name] = nil
                continue
            }
            let plain = field.plain(value, in: revision)
            if let problem = field.problem(with: plain) {
                return .unfit("\(field.name) \(problem)")
            }
            content[field.name] = plain
        }
        return .filled(content)
    }

    /// The value in its one form: a list also where the revision's form had a text for it.
    private func plain(_ value: JSON, in revision: Revision) -> JSON {
        guard case .choices = kind, !revision.hasFullForms, let text = value.stringValue else {
            return value
        }
        let values = text.split(separator: ",").map { part in
            String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        return .array(values.filter { !$0.isEmpty }.map(JSON.string))
    }

    private func problem(with value: JSON) -> String? {
        switch kind {
        case .text(let length, let format, _):
            guard let text = value.stringValue else { return "must be a text" }
            if let length, !length.contains(text.unicodeScalars.count) {
                return "must have \(length.lowerBound) to \(length.upperBound) characters"
            }
            if let format, !format.accepts(text) { return "must be a valid \(format.rawValue)" }
        case .integer(let range, _):
            guard let number = value.intValue else { return "must be a whole number" }
            if let range, !range.contains(number) {
                return "must be between \(range.lowerBound) and \(range.upperBound)"
            }
        case .number(let range, _):
            guard let number = value.doubleValue else { return "must be a number" }
            if let range, !range.contains(number) {
                return "must be between \(range.lowerBound) and \(range.upperBound)"
            }
        case .boolean:
            if value.boolValue == nil { return "must be true or false" }
        case .choice(let choices, _, _):
            guard let text = value.stringValue, choices.contains(where: { $0.value == text }) else {
                return "must be one of \(Self.list(choices))"
            }
        case .choices(let choices, let count, _):
            let values = value.arrayValue?.map(\.stringValue)
            guard let values, values.allSatisfy({ text in choices.contains { $0.value == text } })
            else { return "must be a list of some of \(Self.list(choices))" }
            if let count, !count.contains(values.count) {
                return "must have \(count.lowerBound) to \(count.upperBound) values"
            }
        }
        return nil
    }

    private static func list(_ choices: [FormChoice]) -> String {
        choices.map(\.value).joined(separator: ", ")
    }
}

extension FormFormat {
    /// Whether a text has this format.
    func accepts(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        switch self {
        case .email:
            let parts = bytes.split(
                separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
            return parts.count == 2 && parts.allSatisfy { !$0.isEmpty }
                && bytes.allSatisfy { $0 > 0x20 }
        case .uri:
            guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0 else {
                return false
            }
            // RFC 3986 §3.1: letters, digits, plus, dot and hyphen, a letter first.
            let scheme = bytes[..<colon]
            return Self.isLetter(bytes[0]) && bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F }
                && scheme.allSatisfy { Self.isLetter($0) || (0x2B...0x39).contains($0) }
        case .date: return Self.fits(bytes, "dddd-dd-dd") && Self.isDay(bytes)
        case .dateTime:
            guard bytes.count >= 20, Self.isDay(bytes),
                Self.fits(Array(bytes[..<19]), "dddd-dd-ddTdd:dd:dd")
            else { return false }
            var zone = bytes[19...]
            if zone.first == UInt8(ascii: ".") {
                let digits = zone.dropFirst().prefix { (0x30...0x39).contains($0) }
                guard !digits.isEmpty else { return false }
                zone = zone.dropFirst(digits.count + 1)
            }
            return zone.elementsEqual("Z".utf8) || Self.fits(Array(zone), "+dd:dd")
                || Self.fits(Array(zone), "-dd:dd")
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    /// Whether the bytes are the pattern's, where `d` stands for a digit.
    private static func fits(_ bytes: [UInt8], _ pattern: StaticString) -> Bool {
        let pattern = Array("\(pattern)".utf8)
        return bytes.count == pattern.count
            && zip(bytes, pattern).allSatisfy { byte, wanted in
                wanted == UInt8(ascii: "d") ? (0x30...0x39).contains(byte) : byte == wanted
            }
    }

    /// Whether month and day are within their bounds.
    private static func isDay(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 10 else { return false }
        func number(_ at: Int) -> Int { Int(bytes[at]) * 10 + Int(bytes[at + 1]) - 528 }
        return (1...12).contains(number(5)) && (1...31).contains(number(8))
    }
}
