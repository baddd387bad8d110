// A batch of messages, as in revision 2025-03-26: an array in, an array of replies out. Invariant:
// it is never empty, never longer than the limit, and it never contains `initialize`.
import JSON

enum Batch {
    /// One element of a batch.
    enum Element: Sendable {
        case message(Message)
        case bad(BadMessage)
    }

    static func isOne(_ bytes: [UInt8]) -> Bool {
        for byte in bytes where byte != 0x20 && byte != 0x09 && byte != 0x0A && byte != 0x0D {
            return byte == UInt8(ascii: "[")
        }
        return false
    }

    static func elements(of bytes: [UInt8], _ limits: MCPLimits) throws(MCPError) -> [Element] {
        let ranges: [Range<Int>]
        do {
            ranges = try JSON.elements(of: bytes, limits: .message)
        } catch {
            throw .unparsable(error.description)
        }
        guard !ranges.isEmpty, ranges.count <= limits.batchMessages else {
            throw .invalidRequest("a batch holds 1 to \(limits.batchMessages) messages")
        }
        var elements: [Element] = []
        for range in ranges {
            do throws(BadMessage) {
                let message = try Message(bytes, range)
                guard !message.isInitialize else {
                    throw BadMessage(
                        id: message.id, error: .invalidRequest("initialize cannot be in a batch"))
                }
                elements.append(.message(message))
            } catch {
                elements.append(.bad(error))
            }
        }
        return elements
    }

    static func join(_ replies: [[UInt8]]) -> [UInt8] {
        var output: [UInt8] = [UInt8(ascii: "[")]
        for (at, reply) in replies.enumerated() {
            if at > 0 { output.append(",") }
            output.append(contentsOf: reply)
        }
        output.append("]")
        return output
    }
}

extension InFlight {
    /// Answers every request of a legacy batch; `nil` when it has none.
    func answer(
        batch elements: [Batch.Element], _ server: MCPServer, _ caller: Caller,
        notify: @escaping Notify, deliver: @escaping Notify
    ) async -> [UInt8]? {
        var tasks: [Task<Answer?, Never>] = []
        var replies: [[UInt8]] = []
        for element in elements {
            switch element {
            case .bad(let bad):
                replies.append(Envelope.error(bad.id, bad.error, caller.revision))
            case .message(let message):
                guard case .request(let id, let method) = message.kind else {
                    if message.method == "notifications/cancelled" { cancel(message) }
                    caller.legacy?.note(message)
                    continue
                }
                do throws(MCPError) {
                    var request = try Request(message, id: id, method: method, caller: caller)
                    request.deliver = deliver
                    tasks.append(try start(request, server, notify: notify))
                } catch {
                    replies.append(Envelope.error(id, error, caller.revision))
                }
            }
        }
        for task in tasks {
            if let answer = await task.value { replies.append(answer.bytes) }
        }
        return replies.isEmpty ? nil : Batch.join(replies)
    }
}
