// What reads bytes of others in one go: peers, people, files. Each parser names valid inputs, which
// Mutation changes. Invariant: a parser gives a value or throws; what comes of an input is bounded
// by its size.
import Foundation
import JSON
import Loop
import Support
import Wire

@testable import Configuration
@testable import HTTP
@testable import SSH
@testable import homeline_agent

/// A parser under test.
struct Parser: Sendable {
    let name: String
    /// Valid inputs.
    let seeds: [[UInt8]]
    /// Reads an input and gives the size of what came of it; throws where the input is refused.
    let read: @IO @Sendable ([UInt8]) async throws -> Int

    static let all: [Parser] = [
        head, chunks, request, reply, hello, invitation, target, pattern, knownHosts,
        agentConfiguration, sshConfiguration, sftp, attributes, shellEntries, offer,
        relayConfiguration, rights, oauth, claims, transferFrames, dropBox,
        tunnel(before: true), tunnel(before: false), connectAnswers,
        socksAnswers, proxyURL, noProxy, webSocket(masked: true), webSocket(masked: false),
        authenticatorData, clientData, forms,
    ]

    private static func texts(_ texts: String...) -> [[UInt8]] { texts.map { Array($0.utf8) } }

    /// The vectors of the protocol whose names end so.
    static func vectors(_ ending: String) -> [[UInt8]] {
        let folder = "\(Repository.root)/protocol/vectors"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().filter { $0.hasSuffix(ending) }.compactMap {
            FileManager.default.contents(atPath: "\(folder)/\($0)").map(Array.init)
        }
    }

    // MARK: HTTP

    private static let head = Parser(
        name: "HTTP head",
        seeds: texts(
            "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:80\r\nContent-Type: application/json\r\n"
                + "Accept: text/event-stream, application/json\r\nContent-Length: 12\r\n\r\n{}",
            "GET http://localhost/mcp?x=1 HTTP/1.1\r\nHost: localhost\r\nOrigin: http://a.example\r\n"
                + "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
            "OPTIONS * HTTP/1.0\r\nX: \t y\r\n\r\n")
    ) { bytes in
        let whole = parsed(bytes, by: bytes.count)
        for step in [1, 7] where bytes.count < 4000 {
            let cut = parsed(bytes, by: step)
            precondition(whole == "more" || cut == whole, "the cuts matter: \(whole), \(cut)")
        }
        return whole.utf8.count
    }

    /// What a head is read as when it comes in pieces.
    private static func parsed(_ bytes: [UInt8], by step: Int) -> String {
        var parser = RequestParser()
        var count = 0
        while count < bytes.count {
            count = min(count + step, bytes.count)
            let some = Array(bytes[..<count])
            guard let isDone = try? parser.parse(some.span, HTTPLimits()) else { return "refused" }
            guard isDone else { continue }
            let head = parser.head
            precondition(head.size <= count && head.size <= HTTPLimits().headBytes)
            for range in [head.method, head.target] + head.fields.map(\.value) {
                precondition(range.lowerBound >= 0 && range.upperBound <= head.size)
            }
            return "\(head)"
        }
        return "more"
    }

    private static let chunks = Parser(
        name: "chunked body",
        seeds: texts(
            "5\r\nhello\r\n0\r\n\r\n", "a;x=\"y\"\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nrest",
            "00000001\r\na\r\n0\r\n\r\n")
    ) { bytes in
        var decoder = ChunkedDecoder(HTTPLimits())
        var body: [UInt8] = []
        let taken = try decoder.decode(bytes.span, into: &body)
        precondition(taken <= bytes.count && body.count <= taken)
        return body.count
    }

    // MARK: The contract

    private static let request = Parser(
        name: "requests", seeds: vectors(".request.json") + [granted]
    ) { bytes in
        let request = try Request(decoding: bytes)
        let fields = try Fields(request.arguments)
        switch Wire.Method(rawValue: request.method) {
        case .hello: _ = try Challenge(fields)
        case .welcome: _ = try Welcome(fields)
        case .refuse: _ = try Refusal(fields)
        case .events: _ = try AskEvents(fields)
        case .drain: _ = try Drain(fields)
        case .offerKey: _ = try OfferKey(fields)
        case .useKey: _ = try UseKey(fields)
        case .progress: _ = try AskProgress(fields)
        case .listTargets: _ = try ListTargets(fields)
        case .openSession: _ = try TargetName(OpenSession(fields).target)
        case .runCommand: _ = try RunCommand(fields)
        case .sendInput: _ = try SendInput(fields)
        case .readOutput: _ = try ReadOutput(fields)
        case .updateSession: _ = try UpdateSession(fields)
        case .listSessions: _ = try ListSessions(fields)
        case .closeSession: _ = try CloseSession(fields)
        case .execute: _ = try TargetName(ExecuteCommand(fields).target)
        case .readCommand: _ = try ReadCommand(fields)
        case .listCommands: _ = try ListCommands(fields)
        case .cancelCommand: _ = try CancelCommand(fields)
        case .listFiles: _ = try ListFiles(fields)
        case .readFile: _ = try ReadFile(fields)
        case .streamFile: _ = try StreamFile(fields)
        case .sendFiles: _ = try SendFiles(fields)
        case .startTransfer: _ = try StartTransfer(fields)
        case .awaitTransfer: _ = try AwaitTransfer(fields)
        case .readHost: _ = try ReadHost(fields)
        case .reportHost: _ = try ReportHost(fields)
        case .writeFile: _ = try WriteFile(fields)
        case .openForward: _ = try OpenForward(fields)
        case .listForwards: _ = try ListForwards(fields)
        case .closeForward: _ = try CloseForward(fields)
        case .connectForward: _ = try ConnectForward(fields)
        case .editFile: _ = try EditFile(fields)
        case .manageFiles: _ = try ManageFiles(fields)
        case .findFiles: _ = try FindFiles(fields)
        case .endPrincipal: _ = try EndPrincipal(fields)
        case .describe, .listPrincipals, nil: break
        }
        // What is read and written again is read as the same.
        let again = request.encoded()
        let same = try Request(decoding: again).encoded() == again
        precondition(same, "another request")
        return again.count
    }

    private static let digest = String(repeating: "A", count: 43)

    /// A call with what persons have granted.
    private static let granted = Request(
        .execute, caller: Caller(id: "7", reach: ["*"]),
        approved: [
            Grant(digest, .once), Grant(digest, .pin), Grant(digest, .secret(Array("s\"\n".utf8))),
        ], arguments: RawJSON(["target": "site/web", "command": "id"])
    ).encoded()

    /// Questions of each kind.
    private static let questions: [[UInt8]] = [
        Question.Matter.hostKey(type: "ssh-rsa", fingerprint: "SHA256:x"),
        .secret(name: "root", program: "sudo", prompt: "Password: "),
        .policy(rule: "AskForTool *", tool: "file_write", text: "{\"path\":\"/\\n\"}"),
    ].map { matter in
        var question = Question(
            matter, target: "db1", place: .init(host: "::1", port: 22, user: "u"), session: "k.1")
        question.digest = digest
        return Reply.fault(Fault(.approvalNeeded, "A person\u{202e}.", asking: question)).encoded()
    }

    private static let reply = Parser(name: "replies", seeds: vectors(".reply.json") + questions) {
        bytes in
        switch Reply(decoding: bytes) {
        case .result(let result):
            _ = try? Hello(Fields(result))
            if let events = try? AgentEvents(Fields(result), after: nil) {
                let again = try AgentEvents(Fields(events.json), after: nil)
                precondition(again == events, "other events")
            }
            return result.bytes.count
        case .fault(let fault):
            precondition(fault.message.unicodeScalars.count <= 4000)
            guard let question = fault.question else { return fault.message.utf8.count }
            precondition(Question(json: question.json) == question, "another question")
            return fault.message.utf8.count + question.digested.count
        }
    }

    private static let hello = Parser(
        name: "hello", seeds: vectors("hello.reply.json") + vectors("hello.joining.reply.json")
    ) { bytes in
        guard case .result(let result) = Reply(decoding: bytes) else { return 0 }
        let hello = try Hello(Fields(result))
        precondition(hello.facts.hostname.unicodeScalars.count <= 255)
        precondition(hello.tags.count <= 32)
        return hello.json.description.utf8.count
    }

    private static let invitation = Parser(
        name: "invitations",
        seeds: vectors("invitations.json").flatMap { bytes -> [[UInt8]] in
            let text = String(decoding: bytes, as: UTF8.self)
            return text.split(separator: "\"").filter { $0.hasPrefix("hl") }.map {
                Array($0.utf8)
            }
        }
    ) { bytes in
        let invitation = try Invitation(String(decoding: bytes, as: UTF8.self))
        let same = try Invitation(invitation.text) == invitation
        precondition(same, "another invitation")
        return invitation.text.utf8.count
    }

    private static let target = Parser(
        name: "targets",
        seeds: texts(
            "site/web", "site/root@db-1.example:22", "a@b@[::ffff:127.0.0.1]:2222", "site/local",
            "site/0x7f.1:22", "fe80::1")
    ) { bytes in
        let name = try TargetName(String(decoding: bytes, as: UTF8.self))
        precondition(!name.host.hasPrefix("-") && name.user?.hasPrefix("-") != true)
        let again = try TargetName("x/\(name)")
        precondition(again == name, "\(name) is read as \(again)")
        return name.description.utf8.count
    }

    private static let pattern = Parser(
        name: "host patterns",
        seeds: texts("web-*", "root@db-?:22", "[::1]:22", "::ffff:1.2.3.4", "0177.0.0.1", "a..")
    ) { bytes in
        let text = String(decoding: bytes.prefix(2000), as: UTF8.self)
        let one = HostName.canonical(text)
        precondition(HostName.canonical(one) == one, "\(one) has another spelling")
        _ = HostPattern(text).matches(host: one, user: text, port: 22)
        return one.utf8.count
    }

    // MARK: Files

    private static let knownHosts = Parser(
        name: "known_hosts",
        seeds: texts(
            "web,10.0.0.* ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0fLvTQPcN8xk1QZzQn0oE4tY0Qy1oFZq3tV0m7yXAB c\n"
                + "|1|c2FsdHNhbHRzYWx0c2FsdHNh|aGFzaGhhc2hoYXNoaGFzaGhhc2g= ssh-rsa AAAAB3NzaC1yc2EAAAA=\n"
                + "@revoked [x]:22 ssh-ed25519 AAAA\n@cert-authority * ssh-rsa AAAA\n# c\n\n!a,*b* k v\n"
        )
    ) { bytes in
        var known = KnownHosts()
        known.add(String(decoding: bytes, as: UTF8.self), file: "f")
        _ = known.keyTypes(host: "web", port: 22)
        _ = known.authority(host: "10.0.0.1", port: 2222, alias: "x")
        return known.entries.count + known.warnings.count
    }

    private static let agentConfiguration = Parser(
        name: "agent.conf",
        seeds: texts(
            "SshConfig ~/c\nAcceptNew yes\nDenyTarget a,b\nMaxSessions 20\nSecret pw file /x\n"
                + "Target web db-*\n    Password pw\n    Port 22\n    SecretInput a:sudo\n# c\n"
                + "Secret s command \"cat \\\"x\\\"\"\nAllowPath web:/srv/*\n")
    ) { bytes in
        let program = homeline_agent.Settings.program
        let options = try program.reading(
            file: String(decoding: bytes, as: UTF8.self), path: "f", into: Options())
        let settings = try AgentSettings(options, folder: "/nonexistent")
        return settings.targets.blocks.count + settings.secrets.sources.count
    }

    private static let sshConfiguration = Parser(
        name: "ssh_config",
        seeds: texts(
            "Host a b *.c !d\n  HostName 1.2.3.4\n  IdentityFile \"~/x y\"\nMatch exec \"true\"\n"
                + "Include sub/*\nInclude f\nHost=e\n")
    ) { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        // A file that includes itself; a long one less often, as each time takes as long.
        var scanner = ConfigurationScanner(
            home: "/h", read: { text.utf8.count < 2000 || $0 == "f" ? text : nil },
            glob: { [$0, text.utf8.count < 2000 ? "f" : "g"] })
        scanner.scan("f", folder: "/h")
        precondition(scanner.names.count <= 5000 && scanner.keys.count <= 5000)
        return 0
    }

    // MARK: SSH servers

    private static let sftp = Parser(
        name: "SFTP replies",
        seeds: [
            [0, 0, 0, 5, 2, 0, 0, 0, 3], [0, 0, 0, 13, 102, 0, 0, 0, 1, 0, 0, 0, 4, 1, 2, 3, 4],
            [0, 0, 0, 9, 101, 0, 0, 0, 1, 0, 0, 0, 4],
            [0, 0, 0, 14, 103, 0, 0, 0, 2, 0, 0, 0, 5, 1, 2, 3, 4, 5],
            [
                0, 0, 0, 23, 104, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 97, 0, 0, 0, 1, 97, 0, 0, 0,
                0, 0,
            ],
        ]
    ) { bytes in
        var splitter = SFTPSplitter()
        var size = 0
        for start in stride(from: 0, to: bytes.count, by: 9) {
            guard let messages = splitter.take(Array(bytes[start..<min(start + 9, bytes.count)]))
            else { throw Unavailable("too long") }
            for message in messages {
                guard let (_, reply) = SFTPReply.read(message) else { continue }
                size += "\(reply)".utf8.count / 100
            }
        }
        return size
    }

    private static let attributes = Parser(
        name: "SFTP messages",
        seeds: [
            [105, 0, 0, 0, 2] + [0, 0, 0, 15] + [UInt8](repeating: 1, count: 32),
            [104, 0, 0, 0, 2, 0, 0, 0, 200, 0, 0, 0, 1, 97, 0, 0, 0, 1, 97, 0, 0, 0, 0],
            [101, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 3, 97, 98, 99, 0, 0, 0, 0],
        ]
    ) { bytes in
        SFTPReply.read(bytes[...]).map { "\($0.reply)".utf8.count / 100 } ?? 0
    }

    private static let shellEntries = Parser(
        name: "entries through a shell",
        seeds: texts(
            "./a//./b c//\n81a4 12 0 0 1700000000 ./a\na1ff 3 1 1 - ./b c\n/\n",
            "./x//\ndrwxr-sr-T 4096 0 0 1700000000 ./x\n/\n./y//\n/\n")
    ) { bytes in
        _ = ShellFileScript.ties(from: bytes)
        _ = ShellFileScript.attributes(from: bytes[...])
        guard let found = ShellFileScript.entries(from: bytes) else { throw Unavailable("none") }
        return found.count
    }

    private static let offer = Parser(
        name: "SSH offers",
        seeds: [
            Array("SSH-2.0-x\r\n".utf8) + [0, 0, 0, 60, 4, 20] + [UInt8](repeating: 0, count: 16)
                + [0, 0, 0, 2, 97, 44] + [UInt8](repeating: 0, count: 40)
                + [0, 0, 0, 14, 2, 31, 0, 0, 0, 2, 1, 1, 0, 0, 0, 1, 2, 0, 0]
        ]
    ) { bytes in
        var first = FirstExchange(offering: ["a"])
        let refusal = bytes.withUnsafeBytes { first.take($0) }
        let offer = first.offer.map { $0.ciphers.count + $0.keyExchanges.count } ?? 0
        return offer + (refusal == nil ? 0 : 1)
    }
}
