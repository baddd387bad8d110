// The rows over bare libssh2: a command in a terminal, one-shot, and with a fresh connection.
import CSSH2

enum BareRows {
    /// `echo hi` in a bash on a terminal, its end told by a mark with the exit code.
    static func session() throws -> Operation {
        let link = try BareLink()
        let channel = try link.open()
        try link.check("terminal") {
            libssh2_channel_request_pty_ex(channel, "dumb", 4, nil, 0, 500, 50, 0, 0)
        }
        try link.check("shell") { hl_ssh_shell(channel) }
        var output: [UInt8] = []
        func until(_ end: [UInt8]) throws {
            while !output.ends(with: end) { try link.read(channel, into: &output) }
            output.removeAll(keepingCapacity: true)
        }
        let mark = "printf '\\033]end;%s\\a' $?\n"
        try link.write(channel, Array("PS1=; stty -echo; \(mark)".utf8))
        try until(Array("\u{1b}]end;0\u{7}".utf8))
        let command = Array("echo hi; \(mark)".utf8)
        let end = Array("hi\r\n\u{1b}]end;0\u{7}".utf8)
        return {
            try link.write(channel, command)
            try until(end)
        }
    }

    static func exec() throws -> Operation {
        let link = try BareLink()
        return { try link.execute("true") }
    }

    static func cold() throws -> Operation {
        { try BareLink().execute("true") }
    }
}

extension Array where Element: Equatable {
    fileprivate func ends(with end: [Element]) -> Bool { suffix(end.count).elementsEqual(end) }
}
