// What a client types, as the bytes that a terminal sends, and whether the far end takes them
// whole. Part of Session; it writes nothing itself.
// Invariant: no line is let through that would be cut without a word.
import Loop
import Spelling
import Terminal
import Wire

/// The keyboard of a session.
@IO struct Keyboard {
    let console: Console

    /// The most bytes of a line that a terminal keeps while it collects lines itself, on Linux
    /// (`N_TTY_BUF_SIZE` less the line's end).
    private nonisolated static let canonicalLimit = 4095

    /// The bytes a terminal sends for text and keys.
    func bytes(_ text: String, _ keys: [String], _ enter: Bool) throws(Fault) -> [UInt8] {
        let modes = console.display.modes
        var bytes = Array(text.utf8)
        if isPaste(text) { bytes = Keys.pasted(bytes) }
        for key in keys {
            do throws(TerminalError) {
                bytes += try Keys.bytes(
                    for: key, applicationCursorKeys: modes.applicationCursorKeys)
            } catch {
                let near = Nearest.match(key, in: Keys.names).map { "; did you mean \"\($0)\"?" }
                throw Fault(.invalidArgument, error.description + (near ?? ""))
            }
        }
        if enter { bytes.append(13) }
        return bytes
    }

    /// Whether text goes in as a paste: lines typed one by one are indented, completed or run by an
    /// editor; pasted ones are not.
    private func isPaste(_ text: String) -> Bool {
        console.display.modes.bracketsPaste && text.utf8.dropLast().contains(10)
    }

    /// What is said of text for a program that has the whole screen, where it goes in as a paste:
    /// an editor takes such text as content, also where it looks like commands.
    func note(on text: String) -> String? {
        guard console.display.modes.isAlternate, isPaste(text) else { return nil }
        return "the lines went in as one paste, as text and not as commands: send each command in a"
            + " call of its own"
    }

    /// Refuses bytes that the far end does not take, or not whole.
    func check(_ bytes: [UInt8]) async throws(Fault) {
        let limit = Console.unsentLimit
        guard bytes.count <= limit else {
            throw Fault(
                .invalidArgument,
                "the input has \(bytes.count) bytes, more than \(limit); send it in parts")
        }
        guard console.transport.unsent + bytes.count <= limit else {
            throw Fault(
                .busy, "session \(console.id) does not read its input; interrupt it with ctrl-c")
        }
        try await checkLines(of: bytes)
    }

    /// Refuses a line that would be cut, and its beginning run or taken for an answer.
    private func checkLines(of bytes: [UInt8]) async throws(Fault) {
        let length = bytes.split { $0 == 10 || $0 == 13 }.map(\.count).max() ?? 0
        guard length > CommandEncoder.lineLimit else { return }
        var limit = console.shell.isRunning ? nil : console.shell.profile.editorLimit
        if limit == nil, await console.asker.hear()?.modes?.isCanonical == true {
            limit = Self.canonicalLimit
        }
        guard let limit, length > limit else { return }
        throw Fault(
            .invalidArgument,
            "a line of the input has \(length) bytes, and what reads it in session \(console.id)"
                + " takes \(limit) of a line: send shorter lines, or use ssh_session_command or"
                + " file_write")
    }
}
