// A page of the repository with generated blocks, each between `<!-- MARK: WORDS -->` and
// `<!-- end -->`. Flow: the page's text → each block made anew → the same text if nothing differs.
// HOMELINE_WRITE_TABLES=1 writes the page in place of comparing.
import Foundation

/// The blocks of one page that belong to one mark.
public struct GeneratedPage: Sendable {
    private let path: String
    private let begin: String
    private let block: @Sendable ([String]) -> String?
    private static let end = "<!-- end -->"
    /// Several marks share a page, and their tests run at once: each writes on what is there.
    private static let writing = NSLock()

    /// The page at `path` in the repository; `block` makes the block that the words ask for.
    public init(
        _ path: String, mark: String, block: @escaping @Sendable ([String]) -> String?
    ) {
        self.path = "\(Repository.root)/\(path)"
        begin = "<!-- \(mark): "
        self.block = block
    }

    /// The page's text.
    public func text() throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    /// A text with every block made anew, and the words of the blocks.
    public func made(from text: String) throws -> (text: String, blocks: [[String]]) {
        var lines: [String] = []
        var blocks: [[String]] = []
        var isInside = false
        for line in text.components(separatedBy: "\n") {
            if line == Self.end { isInside = false }
            if !isInside { lines.append(line) }
            guard line.hasPrefix(begin) else { continue }
            let words = line.dropFirst(begin.count).split(separator: " ").dropLast()
                .map(String.init)
            guard let made = block(words) else { throw Unavailable("no block for \(line)") }
            blocks.append(words)
            lines.append(made)
            isInside = true
        }
        return (lines.joined(separator: "\n"), blocks)
    }

    /// The first line that differs from what is generated; nil if the page is right, or was
    /// written anew.
    public func difference() throws -> String? {
        Self.writing.lock()
        defer { Self.writing.unlock() }
        let text = try text()
        let made = try made(from: text).text
        if ProcessInfo.processInfo.environment["HOMELINE_WRITE_TABLES"] != nil {
            try made.write(toFile: path, atomically: true, encoding: .utf8)
            return nil
        }
        guard made != text else { return nil }
        let (is_, should) = (text.components(separatedBy: "\n"), made.components(separatedBy: "\n"))
        for (line, other) in zip(is_, should) where line != other {
            return "the page says \(line), the code \(other)"
        }
        return "the page has \(is_.count) lines, the code \(should.count)"
    }
}
