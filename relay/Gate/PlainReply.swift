// What a client gets that speaks plain HTTP to a port with TLS: an answer that it can show.
// Invariant: one whole response, after which the connection closes.

/// An answer in plain HTTP.
enum PlainReply {
    /// Status 400 with one line.
    static func saying(_ sentence: String) -> [UInt8] {
        let body = "\(sentence)\n"
        let head = [
            "HTTP/1.1 400 Bad Request", "Content-Type: text/plain; charset=utf-8",
            "Content-Length: \(body.utf8.count)", "Connection: close", "", "",
        ]
        return Array((head.joined(separator: "\r\n") + body).utf8)
    }
}
