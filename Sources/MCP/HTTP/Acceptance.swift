// Which kinds of reply a client accepts, read liberally. Invariant: a client that names only JSON
// never gets an event stream.

struct Acceptance: Equatable {
    var json = true
    var stream = true

    init(_ header: String?) {
        // What nearly every client sends is recognised without parsing.
        guard let header, !header.isEmpty, header != "application/json, text/event-stream" else {
            return
        }
        json = false
        stream = false
        var refused: Set<Substring> = []
        for range in header.lowercased().filter({ $0 != " " && $0 != "\t" }).split(separator: ",") {
            let parts = range.split(separator: ";")
            guard let type = parts.first else { continue }
            guard !parts.dropFirst().contains(where: Self.isWeightZero) else {
                refused.insert(type)
                continue
            }
            switch type {
            case "*/*": (json, stream) = (true, true)
            case "application/json", "application/*": json = true
            case "text/event-stream", "text/*": stream = true
            default: break
            }
        }
        if refused.contains("application/json") { json = false }
        if refused.contains("text/event-stream") { stream = false }
    }

    /// Whether a parameter says that its type is not wanted (RFC 9110 §12.4.2).
    private static func isWeightZero(_ parameter: Substring) -> Bool {
        parameter.hasPrefix("q=0") && parameter.dropFirst(3).allSatisfy { $0 == "." || $0 == "0" }
    }

    var isNothing: Bool { !json && !stream }
}
