// Contents of files and differences as people read them. Pure.
import JSON

/// The text of what was read of a file.
struct ContentText {
    private let members: JSON.Object

    init(_ members: JSON.Object) { self.members = members }

    var text: String {
        func number(_ name: String) -> Int64 { members[name]?.intValue ?? 0 }
        var line = StatusLine()
        line.add(members["path"]?.stringValue)
        line.add("\(number("size")) bytes")
        let body: String
        if let matches = members["matches"]?.arrayValue {
            body = matches.map { Self.line(of: $0) + "\n" }.joined()
            line.add(matches.count == 1 ? "1 line matches" : "\(matches.count) lines match")
        } else {
            body = (members["content"]?.stringValue ?? "").endingLine
        }
        if number("offset") > 0 { line.add("from byte \(number("offset"))") }
        line.add(members["encoding"]?.stringValue)
        if number("invalid_bytes") > 0 { line.add("\(number("invalid_bytes")) bytes not UTF-8") }
        line.add(members["sha256"]?.stringValue.map { "sha256 \($0)" })
        if members["truncated"] == true {
            line.add("earlier lines from offset \(number("rest_offset"))")
        }
        if members["end"] != true {
            line.add(next: "file_read from offset \(number("next_offset"))")
        }
        return body + line.text()
    }

    /// A line that matched, as grep -n shows it; where its number is not known, by its offset.
    private static func line(of match: JSON) -> String {
        let place =
            match["line"]?.intValue.map { "\($0)" }
            ?? "@\(match["offset"]?.intValue ?? 0)"
        return "\(place):\(match["text"]?.stringValue ?? "")"
    }
}

/// The text of an edit or a comparison: the difference.
struct DifferenceText {
    private let members: JSON.Object

    init(_ members: JSON.Object) { self.members = members }

    var text: String {
        let difference = (members["diff"]?.stringValue ?? "").endingLine
        var line = StatusLine()
        if let isEqual = members["equal"]?.boolValue {
            line.add(isEqual ? "equal" : "different")
            if members["truncated"] == true { line.add("cut: raise max_bytes") }
        }
        line.add(members["replaced"]?.intValue.map { "\($0) replaced" })
        line.add(members["path"]?.stringValue)
        line.add(members["size"]?.intValue.map { "\($0) bytes" })
        line.add(members["sha256"]?.stringValue.map { "sha256 \($0)" })
        if members["in_place"] == true { line.add("written in place") }
        return difference + line.text()
    }
}
