// What a running agent says of its connection, in a small file of its folder: for `install`, which
// waits for it, and for people.
import Crypto
import Glibc
import JSON
import Loop

/// The state of a running agent.
struct AgentStatus: Equatable, Sendable {
    enum State: String, Sendable {
        /// It serves the relay.
        case connected
        /// It dials.
        case offline
        /// The relay refuses it for good: it has ended.
        case refused
    }

    var state: State
    /// While it is connected, the relay's address; otherwise the reason why it is not.
    var words: String
    var process: Int32 = getpid()

    /// What the file says; nil: there is none.
    static func read(_ path: String) -> AgentStatus? {
        guard let bytes = try? SecureFile.read(path), let json = try? JSON(parsing: bytes),
            let state = State(rawValue: json["state"]?.stringValue ?? ""),
            let process = json["process"]?.intValue.flatMap({ Int32(exactly: $0) })
        else { return nil }
        return AgentStatus(
            state: state, words: json["words"]?.stringValue ?? "", process: process)
    }

    /// Its bytes in the file.
    var encoded: [UInt8] {
        let json: JSON = [
            "state": .string(state.rawValue), "words": .string(words), "process": JSON(process),
        ]
        return json.encoded() + [10]
    }
}

/// Keeps the file as it should be.
@IO final class StatusFile {
    private let path: String
    private var next: AgentStatus?
    private var isWriting = false

    init(_ path: String) { self.path = path }

    /// Says what the state is now, to the file and to the service manager.
    func say(_ status: AgentStatus) {
        Supervisor.status("\(status.state.rawValue): \(status.words)")
        next = status
        guard !isWriting else { return }
        isWriting = true
        IO.task { await self.write() }
    }

    private func write() async {
        let path = path
        while let status = next {
            next = nil
            // A disk without room costs this file, not the connection.
            await Blocking.run { try? SecureFile.write(path, status.encoded) }
        }
        isWriting = false
    }

    /// Ends with a last word, or with no file.
    func close(_ last: AgentStatus?) async {
        next = nil
        while isWriting { try? await IO.sleep(for: .milliseconds(5)) }
        if let last {
            say(last)
            while isWriting { try? await IO.sleep(for: .milliseconds(5)) }
        } else {
            _ = unsafe unlink(path)
        }
    }
}
