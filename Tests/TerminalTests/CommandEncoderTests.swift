// What is typed: printable, short, and refused where no shell could take it.
import Support
import Testing

@testable import Terminal

@Suite struct CommandEncoderTests {
    @Test(arguments: ShellProfile.allCases)
    func `every typed line is printable ASCII below 900 bytes`(profile: ShellProfile) throws {
        let encoder = CommandEncoder(profile: profile)
        var random = Seeded(state: 7)
        for size in [0, 1, 200, 899, 900, 901, 5000, 70_000] {
            let code = (0..<size).map { _ in UInt8.random(in: 1...255, using: &random) }
            let lines = try encoder.encode(code, number: 123_456, previous: 255, arms: true)
            for part in lines.pieces + [lines.command] + profile.setUp(nonce: testNonce) {
                #expect(part.last == 10)
                for line in part.split(separator: 10) {
                    #expect(line.count < CommandEncoder.lineLimit)
                    #expect(line.allSatisfy { $0 >= 32 && $0 < 127 })
                }
            }
            #expect(!(lines.pieces + [lines.command]).contains { $0.contains(UInt8(ascii: "!")) })
        }
    }

    @Test func `a short command is one line`() throws {
        let lines = try CommandEncoder(profile: .bash).encode(
            Array("echo 'hi'\n".utf8), number: 3, previous: 1)
        #expect(lines.pieces.isEmpty)
        let text = String(decoding: lines.command, as: UTF8.self)
        #expect(
            text
                == " __n=3 __s=297 __r=1 __c=$'echo \\047hi\\047\\n'\"$__t\";{ __b&&:;} 3>&0 >&- 2>&-;"
                + "\\builtin eval \"$__q$__c\";{ __e 3;} 3>&0 >&- 2>&-\n")
    }

    @Test func `fish takes characters whole, in one word or in pieces`() throws {
        let encoder = CommandEncoder(profile: .fish)
        let lines = try encoder.encode(Array("echo 'é\\'\n".utf8), number: 3, previous: 1)
        let text = String(decoding: lines.command, as: UTF8.self)
        #expect(
            text
                == " set -g __c 'echo \\''\\Xc3\\Xa9'\\\\\\''\\n$__t;__b 3 1;eval $__q$__c;__e 3\n")
        let long = try encoder.encode(
            Array(String(repeating: "🙂x", count: 500).utf8), number: 4, previous: 0)
        for piece in long.pieces {
            let text = String(decoding: piece, as: UTF8.self)
            #expect(
                text.split(separator: "\\Xf0").dropFirst().allSatisfy {
                    $0.hasPrefix("\\X9f\\X99\\X82")
                })
        }
    }

    @Test func `a NUL and more than the limit are refused`() {
        let encoder = CommandEncoder(profile: .dash)
        #expect(throws: TerminalError.commandHoldsNUL) {
            try encoder.encode([97, 0, 98], number: 1, previous: 0)
        }
        let long = [UInt8](repeating: 97, count: CommandEncoder.codeLimit + 1)
        #expect(throws: TerminalError.self) { try encoder.encode(long, number: 1, previous: 0) }
    }

    @Test(arguments: [
        ("echo a &&", true), ("ls |", true), ("ls || \n\t ", true), ("ls |&", true),
        ("sleep 1 &", false),
        ("", false), ("&", false), ("echo '|'", false), ("a & b", false),
    ])
    func `a dangling operator is seen`(code: String, dangles: Bool) {
        #expect((FishDialect.lastOperator(Array(code.utf8)) != nil) == dangles)
    }

    @Test(arguments: [
        ("echo hi", false), ("alias e 'echo \\!*'", false), ("if (! -e f) echo no", false),
        ("if ($x != 1) echo 'hi!'", true), ("echo hi!", false), ("echo \"wow!\"", false),
        ("echo a!b", true), ("!!", true),
    ])
    func `words of tcsh's history are seen`(code: String, recalls: Bool) {
        #expect(TcshDialect.recalls(Array(code.utf8)) == recalls)
    }

    @Test func `shells are known by their program`() {
        let programs = [
            "/bin/bash", "-zsh", "/usr/bin/dash", "busybox", "sh", "zsh-5.9", "fish", "tcsh", "",
        ]
        #expect(
            programs.map { ShellProfile(program: $0) }
                == [.bash, .zsh, .dash, .ash, .dash, .zsh, .fish, .tcsh, nil])
    }

    @Test func `keys have names`() throws {
        #expect(try Keys.bytes(for: "ctrl-c") == [3])
        #expect(try Keys.bytes(for: "Ctrl-Z") == [26])
        #expect(try Keys.bytes(for: "up") == Array("\u{1b}[A".utf8))
        #expect(try Keys.bytes(for: "alt-X") == [0x1b, 88])
        #expect(try Keys.bytes(for: "é") == Array("é".utf8))
        #expect(throws: TerminalError.unknownKey("hyper-q")) { try Keys.bytes(for: "hyper-q") }
    }
}
