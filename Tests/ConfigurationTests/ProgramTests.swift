// Command lines, environments and files as people write them, right and wrong.

import Configuration
import Foundation
import Testing

extension Setting {
    fileprivate static let data = Setting.text(
        "data", "DIR", "where state lives", default: "/var/x")
    fileprivate static let idleTimeout = Setting.duration(
        "idle-timeout", "ends idle sessions", default: "30m")
    fileprivate static let mcp = Setting.address("mcp", "MCP listener", default: "127.0.0.1:8642")
    fileprivate static let readOnly = Setting.truth("read-only", "refuses writes")
    fileprivate static let tags = Setting.list("tags", "A,B", "tags")
    fileprivate static let json = Setting.truth("json", "prints JSON", flagOnly: true)
    fileprivate static let limit = Setting.number("limit", 1...10, "how many", default: 3)
    fileprivate static let size = Setting.bytes("size", "how large", default: "64k")
    fileprivate static let level = Setting.choice("level", ["low", "high"], "how", default: "low")
    fileprivate static let hostname = Setting.text("hostname", "NAME", "where a target is")
}

private let program = Program(
    "homeline-test", version: "1.2.3", summary: "tests",
    commands: [
        Command(
            "serve", "serves",
            settings: [.data, .idleTimeout, .mcp, .readOnly, .tags, .limit, .size, .level]),
        Command("join", "joins", settings: [.data], positionals: [.required("INVITATION")]),
        Command("tokens", "lists tokens", settings: [.json]),
        Command("tokens revoke", "revokes", settings: [.json], positionals: [.required("NAME")]),
        Command("run", "runs", positionals: [.required("HOST"), .rest("WORD")]),
    ],
    fileBlocks: ["Target": [.hostname, .tags]])

private func parse(
    _ line: String, environment: [String: String] = [:]
) throws -> (name: String, options: Options) {
    let words = line.split(separator: " ").map(String.init)
    guard case .run(let name, let options) = try program.parse(words, environment: environment)
    else { throw ConfigurationError.missingCommand }
    return (name, options)
}

private func printed(_ line: String) throws -> String {
    let words = line.split(separator: " ").map(String.init)
    guard case .print(let text) = try program.parse(words) else { return "" }
    return text
}

private func message(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "no error"
}

@Suite struct ProgramTests {
    @Test func `a flag beats the environment, which beats the file, which beats the default`()
        throws
    {
        let file = "IdleTimeout 1m\n"
        let environment = ["HOMELINE_IDLE_TIMEOUT": "2m"]
        func read(_ line: String, _ environment: [String: String], _ file: String) throws
            -> Duration
        {
            let options = try parse(line, environment: environment).options
            return try program.reading(file: file, path: "x.conf", into: options)
                .duration(.idleTimeout)
        }
        #expect(try read("serve --idle-timeout 3m", environment, file) == .seconds(180))
        #expect(try read("serve", environment, file) == .seconds(120))
        #expect(try read("serve", [:], file) == .seconds(60))
        #expect(try read("serve", [:], "") == .seconds(1800))
    }

    @Test func `each kind reads its value`() throws {
        let options = try parse(
            "serve --mcp=[::1]:0 --read-only --tags a,b --tags c --limit 7 --size 2M --level high"
        ).options
        #expect(options.address(.mcp) == Address(host: "::1", port: 0))
        #expect(options.bool(.readOnly))
        #expect(options.strings(.tags) == ["a", "b", "c"])
        #expect(options.integer(.limit) == 7)
        #expect(options.bytes(.size) == 2 << 20)
        #expect(options.string(.level) == "high")
        #expect(options.string(.data) == "/var/x")
        #expect(!options.isSet(.data))
        #expect(try !parse("serve --no-read-only").options.bool(.readOnly))
        #expect(
            try parse("serve", environment: ["HOMELINE_TAGS": "x, y"]).options.strings(.tags)
                == ["x", "y"])
    }

    @Test func `words and flags stand in any order`() throws {
        let (name, options) = try parse("--json tokens revoke laptop")
        #expect(name == "tokens revoke")
        #expect(options.arguments == ["laptop"])
        #expect(options.bool(.json))
        #expect(try parse("tokens").name == "tokens")
        #expect(try parse("run web -- --json -h").options.arguments == ["web", "--json", "-h"])
    }

    @Test func `a mistake is named with what was meant`() {
        #expect(message { _ = try parse("serve --idle-timout 3m") }.contains("'--idle-timeout'"))
        #expect(message { _ = try parse("srve") }.contains("did you mean 'serve'"))
        #expect(
            message { _ = try parse("tokens revok x") }.contains("tokens does not take 'revok'"))
        #expect(message { _ = try parse("serve --json") } == "serve takes no --json: see --help")
        #expect(message { _ = try parse("serve --data") } == "--data needs a value")
        #expect(message { _ = try parse("serve --data --read-only") } == "--data needs a value")
        #expect(message { _ = try parse("join") } == "join needs INVITATION: see --help")
        #expect(message { _ = try parse("join a b") } == "join does not take 'b': see --help")
        #expect(message { _ = try parse("") } == "no command given: see --help")
        #expect(
            message { _ = try parse("serve --idle-timeout 3x") }
                == "--idle-timeout: '3x' is not a duration such as 15s, 30m or 1h30m")
        #expect(
            message { _ = try parse("serve", environment: ["HOMELINE_LIMIT": "11"]) }
                == "HOMELINE_LIMIT: '11' is not a number from 1 to 10")
        #expect(ConfigurationError.missingCommand.exitCode == 64)
    }

    @Test func `help and version are texts`() throws {
        #expect(try printed("--version") == "homeline-test 1.2.3\n")
        #expect(try printed("--help").contains("join INVITATION"))
        #expect(try printed("help").contains("Commands:"))
        let serve = try printed("serve --help")
        #expect(serve.contains("--idle-timeout TIME"))
        #expect(serve.contains("default 30m, HOMELINE_IDLE_TIMEOUT, IdleTimeout"))
        #expect(try printed("help tokens").contains("tokens revoke NAME"))
        #expect(try printed("tokens revoke --help").hasPrefix("Usage: homeline-test tokens revoke"))
    }

    @Test func `the completion script offers commands, then their words and flags`() throws {
        func complete(_ line: String) throws -> [String] {
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            let script =
                program.completion() + """
                    COMP_WORDS=(\(words.map { "'\($0)'" }.joined(separator: " ")))
                    COMP_CWORD=\(words.count - 1)
                    _homeline_test
                    echo "${COMPREPLY[@]}"
                    """
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/bash")
            process.arguments = ["--norc", "-c", script]
            let pipe = Pipe()
            process.standardOutput = pipe
            try process.run()
            let output = pipe.fileHandleForReading.readDataToEndOfFile()
            return String(decoding: output, as: UTF8.self).split(whereSeparator: \.isWhitespace)
                .map(String.init)
        }
        #expect(try complete("homeline-test s") == ["serve"])
        #expect(try complete("homeline-test tokens ") == ["revoke", "--help", "--json"])
        #expect(try complete("homeline-test serve --id") == ["--idle-timeout"])
    }
}

@Suite struct ConfigurationFileTests {
    private func read(_ text: String) throws -> Options {
        try program.reading(file: text, path: "x.conf", into: Options())
    }

    @Test func `keywords, quotes, comments and equal signs read as in sshd_config`() throws {
        let options = try read(
            "# head\r\n\r\n  data \"/a b/\\\"c\\\"\"  # note\nLIMIT=4\nTags a,b c\nTags d\nReadOnly = yes"
        )
        #expect(options.string(.data) == "/a b/\"c\"")
        #expect(options.integer(.limit) == 4)
        #expect(options.strings(.tags) == ["a", "b", "c", "d"])
        #expect(options.bool(.readOnly))
    }

    @Test func `a block takes the lines under it`() throws {
        let options = try read(
            "Data /d\nTarget web1\n  Hostname 10.0.0.1\ntarget db old\n Tags x\n")
        let blocks = options.blocks("Target")
        #expect(blocks.map(\.names) == [["web1"], ["db", "old"]])
        #expect(blocks[0].options.string(.hostname) == "10.0.0.1")
        #expect(blocks[1].options.strings(.tags) == ["x"])
        #expect(options.string(.data) == "/d")
    }

    @Test func `every line that is not understood is named`() {
        #expect(
            message { _ = try read("\nIdelTimeout 3m") }
                == "x.conf line 2: unknown keyword 'IdelTimeout', did you mean 'IdleTimeout'?")
        #expect(message { _ = try read("Data") } == "x.conf line 1: 'Data' needs a value")
        #expect(message { _ = try read("Data \"a") } == "x.conf line 1: a quote is not closed")
        #expect(
            message { _ = try read("Data a\nData b") } == "x.conf line 2: Data is set twice")
        #expect(message { _ = try read("Data a b") }.contains("takes one value"))
        #expect(message { _ = try read("Json yes") }.contains("unknown keyword"))
        #expect(message { _ = try read("Target a\nData b") }.contains("unknown keyword 'Data'"))
        #expect(
            message { _ = try read("Limit 0") }
                == "x.conf line 1: '0' is not a number from 1 to 10")
    }
}
