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
        for range in header.lowercased().split(separator: ",") {
            let type = range.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
            switch type {
            case "*/*": (json, stream) = (true, true)
            case "application/json", "application/*": json = true
            case "text/event-stream", "text/*": stream = true
            default: break
            }
        }
    }

    var isNothing: Bool { !json && !stream }
}
