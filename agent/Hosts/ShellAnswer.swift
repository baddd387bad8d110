// What a script of ShellFiles printed, apart from what start files print before it.
// Invariant: content is given only where the script said at its end that it went well, and the
// connection lived until then; no more of it is given than was asked for.
import Crypto
import Loop
import Programs
import SSH
import Wire

/// The answer of one script.
@IO final class ShellAnswer {
    /// The most bytes that start files may print before, and that the tools may say of errors.
    private static let noiseLimit = 64 << 10

    /// The line before what the script prints on both its outputs, and the start of its last one.
    private let mark = "homeline:\(Hex.encode(Random.bytes(8)))"
    private let most: Int
    private var output: [UInt8] = []
    private var words: [UInt8] = []
    private var isTooLong = false

    /// An answer of at most `most` bytes.
    init(most: Int) { self.most = most }

    /// The script with its marks.
    ///
    /// What tools say is in English, as it is read here. Start files may have changed the
    /// directory; what an account's program prints after the last mark is cut off.
    func framed(_ script: String) -> String {
        "LC_ALL=C; export LC_ALL; cd \"$HOME\" 2>/dev/null; echo \(mark); echo \(mark) >&2\n"
            + "(\n\(script)\n)\nr=$?; echo \(mark).; echo \"\(mark) $r\" >&2"
    }

    /// Runs the program, which was just started, to its end.
    func end(of program: any RunningProgram, _ input: [UInt8]) async -> ProgramEnd {
        let over = Once<ProgramEnd>()
        program.onOutput = { [self] bytes in
            output += bytes
            guard output.count > most + 2 * Self.noiseLimit, !isTooLong else { return }
            isTooLong = true
            output = []
            program.close()
        }
        program.onErrorOutput = { [self] bytes in
            words += bytes
            // The end counts: what start files say comes before the marks.
            if words.count > 2 * Self.noiseLimit {
                words.removeFirst(words.count - Self.noiseLimit)
            }
        }
        program.onEnd = { over.set($0) }
        program.write(input)
        program.sendEOF()
        program.resume()
        return await over.wait()
    }

    /// What the script printed; throws what its tools said if it failed.
    func content(_ end: ProgramEnd) throws(FileError) -> [UInt8] {
        // Standard output may lag behind the closing mark, which is on the other output.
        if case .lost(let reason) = end { throw .ended(reason: reason) }
        guard !isTooLong else { throw .tooLong(most) }
        let lines = String(decoding: words, as: UTF8.self).split(separator: "\n").map(String.init)
        let begin = Array("\(mark)\n".utf8)
        guard let last = lines.last(where: { $0.hasPrefix("\(mark) ") }),
            let code = Int32(last.dropFirst(mark.utf8.count + 1)), let start = place(of: begin)
        else { throw unanswered(lines) }
        guard code == 0 else {
            let ours = lines.lastIndex(of: mark).map { lines[$0...] } ?? lines[...]
            let said = ours.filter { !$0.hasPrefix(mark) }
            throw FileError(said: said, code: code)
        }
        let rest = output[(start + begin.count)...]
        guard let end = Self.lastPlace(of: Array("\(mark).".utf8), in: rest) else {
            throw .ended(reason: "the host's answer has no end")
        }
        let content = Array(rest[..<end])
        guard content.count <= most else { throw .tooLong(most) }
        return content
    }

    /// Where a text begins before what an account's program may print after it.
    private static func lastPlace(of text: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        let last = bytes.endIndex - text.count
        guard last >= bytes.startIndex else { return nil }
        return (max(bytes.startIndex, last - noiseLimit)...last).last {
            bytes[$0...].starts(with: text)
        }
    }

    /// Where a text begins behind what start files may print.
    private func place(of text: [UInt8]) -> Int? {
        guard output.count >= text.count else { return nil }
        return (0...min(Self.noiseLimit, output.count - text.count)).first {
            output[$0...].starts(with: text)
        }
    }

    /// The error for a script that never printed its marks, with what the account printed instead.
    private func unanswered(_ lines: [String]) -> FileError {
        let said = (String(decoding: output.prefix(300), as: UTF8.self) + (lines.last ?? ""))
            .shown(atMost: 300)
        return .malformed(
            reason: "the account runs no Unix shell that stands in for it"
                + (said.isEmpty ? "" : ": it says \"\(said)\""))
    }
}

extension FileError {
    fileprivate static func tooLong(_ most: Int) -> FileError {
        .failed(reason: "the answer has more than \(most) bytes")
    }

    /// The error that a host's tools name at the end of a line, in the C locale.
    init(said lines: [String], code: Int32) {
        // The counts of dd say nothing of errors.
        let lines = lines.filter { !$0.contains(" records ") && !$0.contains(" copied, ") }
        for line in lines.reversed() {
            let reason = (line.split(separator: ": ").last.map(String.init) ?? "").lowercased()
            if ["unrecognized option", "invalid option", "illegal option"].contains(
                where: line.lowercased().contains)
            {
                self = .unsupported
                return
            }
            guard let number = SystemError.number(reason) else { continue }
            self.init(system: number)
            return
        }
        let last = lines.last?.shown(atMost: 300) ?? "the host's tools do not say why"
        self = .failed(
            reason: code == 127
                ? "the host has no SFTP, and lacks a program that stands in for it: \(last)" : last)
    }
}
