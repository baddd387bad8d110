// The account this agent runs as, from the system's user database.
import Glibc
import Loop

/// A user of this machine.
struct UserAccount: Sendable {
    let name: String
    /// An absolute path.
    let home: String
    /// The login shell, an absolute path.
    let shell: String

    /// The account of this process.
    static let current: UserAccount = {
        let environment = Process.environment
        var name = environment["USER"] ?? "root"
        var home = environment["HOME"] ?? "/"
        var shell = "/bin/sh"
        if let entry = unsafe getpwuid(geteuid()) {
            name = unsafe String(cString: entry.pointee.pw_name)
            let itsHome = unsafe String(cString: entry.pointee.pw_dir)
            let itsShell = unsafe String(cString: entry.pointee.pw_shell)
            if environment["HOME"] == nil { home = itsHome }
            if itsShell.hasPrefix("/") { shell = itsShell }
        }
        return UserAccount(name: name, home: home, shell: shell)
    }()
}

extension Place {
    /// The surroundings of this process.
    static var current: Place {
        let user = UserAccount.current
        return Place(environment: Process.environment, user: user.name, home: user.home)
    }
}
