// What the agent reports about the machine it runs on.
import Glibc
import Wire

/// The machine and the program.
enum Machine {
    /// The agent's version.
    static let version = "0.1.0"

    /// What is known without a look at files.
    static let facts: AgentFacts = {
        var facts = AgentFacts()
        facts.version = version
        var name = utsname()
        unsafe uname(&name)
        facts.hostname = text(of: name.nodename)
        facts.system = system(text(of: name.sysname))
        facts.architecture = architecture(text(of: name.machine))
        return facts
    }()

    /// The contract's name for an operating system that `uname` names: `linux`, `macos`.
    static func system(_ name: String) -> String {
        let name = name.lowercased()
        return name == "darwin" ? "macos" : name
    }

    /// The contract's name for a processor that `uname` names: `x86_64`, `arm64`.
    ///
    /// Linux calls the second `aarch64`, FreeBSD the first `amd64`.
    static func architecture(_ name: String) -> String {
        switch name {
        case "aarch64": "arm64"
        case "amd64": "x86_64"
        default: name
        }
    }

    /// The kernel's release.
    static var kernel: String {
        var name = utsname()
        unsafe uname(&name)
        return text(of: name.release)
    }

    private static func text<Chars>(of chars: Chars) -> String {
        unsafe withUnsafeBytes(of: chars) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
