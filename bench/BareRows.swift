// The rows over bare libssh2: a command in a terminal, one-shot, and with a fresh connection.
import CSSH2
import Terminal

enum BareRows {
    /// `echo hi` in a bash on a terminal; a mark with the exit code shows its end.
    static func session() throws -> Operation {
        let shell = try BareShell()
        let mark = "printf '\\033]end;%s\\a' $?\n"
        try shell.type(Array("PS1=; stty -echo; \(mark)".utf8))
        try shell.read { $0.suffix(8).elementsEqual("\u{1b}]end;0\u{7}".utf8) }
        let command = Array("echo hi; \(mark)".utf8)
        let end = Array("hi\r\n\u{1b}]end;0\u{7}".utf8)
        return {
            try shell.type(command)
            try shell.read { $0.suffix(end.count).elementsEqual(end) }
        }
    }

    /// `echo hi` with the lines that Homeline types, up to the prompt's mark, which is not parsed.
    static func marks() throws -> Operation {
        let shell = try BareShell()
        let encoder = CommandEncoder(profile: .bash)
        let nonce = Nonce()
        let prompt = Array("\u{1b}]133;D;\(nonce.text);".utf8)
        let end = Array(";\(nonce.text)\u{7}".utf8)
        func untilPrompt() throws {
            try shell.read {
                $0.suffix(end.count).elementsEqual(end)
                    && $0[($0.lastIndex(of: 0x1b) ?? 0)...].starts(with: prompt)
            }
        }
        for line in ShellProfile.bash.setUp(nonce: nonce) {
            try shell.type(line)
            try untilPrompt()
        }
        var number = 0
        return {
            number += 1
            let lines = try encoder.encode(Array("echo hi".utf8), number: number, previous: 0)
            try shell.type(lines.command)
            try untilPrompt()
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

/// A shell on a terminal, on its own link.
private final class BareShell {
    private let link: BareLink
    private let channel: OpaquePointer
    private var output: [UInt8] = []

    init() throws {
        link = try BareLink()
        let channel = try link.open()
        try link.check("terminal") {
            libssh2_channel_request_pty_ex(channel, "dumb", 4, nil, 0, 500, 50, 0, 0)
        }
        try link.check("shell") { hl_ssh_shell(channel) }
        self.channel = channel
    }

    func type(_ line: [UInt8]) throws { try link.write(channel, line) }

    /// Reads until the output since the last read is complete.
    func read(isComplete: ([UInt8]) -> Bool) throws {
        while !isComplete(output) { try link.read(channel, into: &output) }
        output.removeAll(keepingCapacity: true)
    }
}
