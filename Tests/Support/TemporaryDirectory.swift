// A folder of its own for one test, removed with the last reference to it.
// Fixtures keep every file they write in one of these.
// Invariant: nothing outside the folder is ever touched.
import Foundation

/// A private folder that is removed when the value goes away.
public final class TemporaryDirectory: Sendable {
    /// The absolute path, without a trailing slash.
    public let path: String

    /// Makes a new empty folder with mode 0700.
    public init(_ name: String = "test") throws {
        var template = Array("/tmp/homeline-\(name)-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw Unavailable("mkdtemp: errno \(errno)") }
        path = String(cString: made)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of `name` inside the folder.
    public func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes `text` to `name` and returns its path.
    @discardableResult
    public func write(_ text: String, to name: String, mode: Int = 0o600) throws -> String {
        let target = file(name)
        try Self.write(text, toFile: target, mode: mode)
        return target
    }

    /// Writes a file anywhere, and hands no process that starts meanwhile a descriptor of it, as
    /// Foundation does: a program that is open for writing cannot be run (`Text file busy`).
    public static func write(_ text: String, toFile path: String, mode: Int) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Unavailable("\(path): errno \(errno)") }
        defer { close(file) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(file, $0.baseAddress, $0.count) }
            guard count > 0 else { throw Unavailable("\(path): errno \(errno)") }
            rest = rest.dropFirst(count)
        }
        guard fchmod(file, mode_t(mode)) == 0 else { throw Unavailable("\(path): errno \(errno)") }
    }

    /// Makes the folder `name` inside and returns its path.
    @discardableResult
    public func folder(_ name: String) throws -> String {
        let target = file(name)
        try FileManager.default.createDirectory(
            atPath: target, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        return target
    }
}

/// A fixture that cannot start here, with the reason.
public struct Unavailable: Error, CustomStringConvertible {
    /// What is missing or went wrong.
    public let description: String

    /// An error that says `description`.
    public init(_ description: String) { self.description = description }
}
