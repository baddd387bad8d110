// Where things stand in this checkout: its root, the built programs, the Python of the test set-up.
// Found from this file's own path and from the running test's, so any clone and build folder works.
import Foundation

/// Paths of this checkout.
public enum Repository {
    /// The root of the checkout.
    public static let root: String = {
        let here = URL(fileURLWithPath: #filePath)
        return here.deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
    }()

    /// The folder the running tests were built into; the programs stand beside them.
    public static let products: String = {
        let own = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        var folder = own.deletingLastPathComponent()
        while folder.path != "/" {
            let program = folder.appendingPathComponent("homeline-relay").path
            if FileManager.default.isExecutableFile(atPath: program) { return folder.path }
            folder.deleteLastPathComponent()
        }
        return "\(root)/.build/debug"
    }()

    /// The built program `name`; `HOMELINE_PROGRAMS` names another folder to take it from.
    public static func program(_ name: String) -> String {
        let folder = ProcessInfo.processInfo.environment["HOMELINE_PROGRAMS"] ?? products
        return "\(folder)/\(name)"
    }

    /// The Python that `./test` set up with the public clients, or nil where it has not run.
    public static let python: String? = {
        let path = "\(root)/.deps/venv/bin/python"
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }()

    /// The program that scripts/servers.sh unpacked, or nil where it has not run.
    public static func unpacked(_ name: String) -> String? {
        let path = "\(root)/.deps/servers/bin/\(name)"
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }

    /// The folder in which PyPI's playwright has Node and the client of the TypeScript SDK, or nil
    /// where `./test` has not run.
    public static let typeScript: String? = {
        let library = "\(root)/.deps/venv/lib"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: library)) ?? []
        return versions.map { "\(library)/\($0)/site-packages/playwright/driver" }
            .first { FileManager.default.isExecutableFile(atPath: "\($0)/node") }
    }()

    /// Where `./test` unpacked programs that are not to be installed (scripts/proxies.sh).
    private static let proxies = "\(root)/.deps/proxies/usr"

    /// The first executable called `name` in PATH, the system folders, or among those unpacked.
    public static func find(_ name: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let folders = path.split(separator: ":").map(String.init)
        let others = [
            "/usr/sbin", "/sbin", "/usr/local/sbin", "\(proxies)/sbin", "\(proxies)/bin",
        ]
        return (folders + others).map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// What an unpacked program needs in its environment to find its libraries.
    public static let libraryPath: [String: String] = {
        let folders =
            (try? FileManager.default.contentsOfDirectory(atPath: "\(proxies)/lib")) ?? []
        let path = folders.map { "\(proxies)/lib/\($0)" }.joined(separator: ":")
        return path.isEmpty ? [:] : ["LD_LIBRARY_PATH": path]
    }()
}
