// `homeline-relay approvals`: what waits for a person, and a person's answer, from a terminal of
// the relay's machine. Flow: the admin socket of the running relay. Invariant: a secret is read
// without echo, or from standard input, never from the command line; what is asked is shown whole.
import Configuration
import Crypto
import Glibc
import JSON
import Loop
import Net

/// Lists and answers the questions of agents to persons.
enum ApprovalsCommand {
    static let pin = Setting.truth("pin", "store the host's key for good", flagOnly: true)
    static let secretInput = Setting.truth(
        "secret-stdin", "read the secret from standard input, its first line", flagOnly: true)

    private static let id = [Command.Positional.required("ID")]

    static let all = [
        Command("approvals", "lists what waits for a person's answer", settings: [.data, .json]),
        Command(
            "approvals list", "lists what waits for a person's answer", settings: [.data, .json]),
        Command(
            "approvals grant",
            "agrees once, or gives the secret that is asked for; ID may be its first characters",
            settings: [pin, secretInput, .data, .json], positionals: id),
        Command(
            "approvals deny", "refuses; until it expires, nobody is asked again",
            settings: [.data, .json], positionals: id),
        Command(
            "approvals watch", "prints each question when it comes, until it is ended",
            settings: [.data, .json]),
    ]

    /// Runs one of them.
    @IO static func run(_ name: String, _ options: Options) async -> Outcome {
        let folder = DataFolder(options.string(.data), environment: Process.environment)
        do throws(AdminFault) {
            switch name {
            case "approvals grant": return try await grant(options, folder)
            case "approvals deny":
                let request: JSON = [
                    "command": "approvals deny", "id": .string(options.arguments[0]),
                ]
                return answered(try await ask(folder, request), options)
            case "approvals watch": return try await watch(options, folder)
            default:
                let list = try await ask(folder, ["command": "approvals"])
                guard !options.bool(.json) else { return Outcome(output: "\(list)\n") }
                let rows = list["approvals"]?.arrayValue ?? []
                return Outcome(
                    output: rows.isEmpty
                        ? "nothing waits for a person\n" : rows.map(text).joined(separator: "\n"))
            }
        } catch {
            return Outcome(errors: "homeline-relay: \(error.message)\n", exit: error.exit)
        }
    }

    @IO private static func ask(
        _ folder: DataFolder, _ request: JSON
    ) async throws(AdminFault) -> JSON {
        guard let stream = try await AdminClient.connect(folder) else {
            throw AdminFault(
                message: "no relay runs on \(folder.path): only a running one has questions",
                exit: ExitCode.unavailable)
        }
        return try await AdminClient.ask(stream, request)
    }

    @IO private static func grant(
        _ options: Options, _ folder: DataFolder
    ) async throws(AdminFault) -> Outcome {
        let start = options.arguments[0]
        let list = try await ask(folder, ["command": "approvals"])
        let found = (list["approvals"]?.arrayValue ?? []).filter {
            $0["id"]?.stringValue?.hasPrefix(start) == true
        }
        // The relay refuses what is not the beginning of one id.
        var request: JSON.Object = ["command": "approvals grant", "id": .string(start)]
        if options.bool(pin) { request["pin"] = true }
        if found.count == 1, found[0]["question"]?["kind"] == "secret" {
            let secret = try await secret(options, for: found[0])
            guard let text = String(validating: secret.copy, as: UTF8.self) else {
                throw AdminFault(
                    message: "the secret is not UTF-8, and no other text reaches an agent: give it"
                        + " in UTF-8",
                    exit: ExitCode.data)
            }
            request["secret"] = .string(text)
            // It is for the question that was shown, whatever else begins so by now.
            request["id"] = found[0]["id"]
        }
        return answered(try await ask(folder, .object(request)), options)
    }

    private static func answered(_ result: JSON, _ options: Options) -> Outcome {
        guard !options.bool(.json) else { return Outcome(output: "\(result)\n") }
        let approval = result["approval"]
        let kind = approval?["question"]?["kind"]
        let state = approval?["state"]?.stringValue ?? ""
        let outcome =
            kind == "secret" && state == "used"
            ? "the secret was passed on, and the call is being made with it" : state
        let asked = (approval?["asks"]?.stringValue ?? "").visible
        return Outcome(output: "\(outcome): \(asked)\n")
    }

    @IO private static func watch(
        _ options: Options, _ folder: DataFolder
    ) async throws(AdminFault) -> Outcome {
        var seen: [String] = []
        while !Task.isCancelled {
            let list = try await ask(
                folder,
                ["command": "approvals", "seen": .array(seen.map(JSON.string)), "wait_s": 10])
            let rows = list["approvals"]?.arrayValue ?? []
            for row in rows where !seen.contains(row["id"]?.stringValue ?? "") {
                Process.print(options.bool(.json) ? "\(row)\n" : text(row) + "\n")
            }
            seen = rows.compactMap { $0["id"]?.stringValue }
        }
        return Outcome()
    }

    /// A question as a person reads it.
    private static func text(_ row: JSON) -> String {
        var lines = [("", row["asks"]?.stringValue ?? "")]
        let label = row["label"]?.stringValue ?? ""
        lines.append(
            ("asked by", label + (row["client"]?.stringValue.map { ", through \($0)" } ?? "")))
        if let reason = row["reason"]?.stringValue {
            lines.append(("reason", "\(reason) (in the model's words)"))
        }
        lines.append(("expires", row["expires"]?.stringValue ?? ""))
        if let url = row["url"]?.stringValue { lines.append(("page", url)) }
        let id = row["id"]?.stringValue ?? ""
        return "\(id)\n"
            + lines.map { name, text in
                "  " + (name.isEmpty ? "" : "\(name): ") + text.visible + "\n"
            }.joined()
    }

    // MARK: The secret

    /// The most bytes that are read of a secret's line.
    private static let lineLimit = 1025

    /// The secret, from the terminal without echo, or from standard input.
    @IO private static func secret(
        _ options: Options, for row: JSON
    ) async throws(AdminFault) -> SecretBytes {
        let question = (row["asks"]?.stringValue ?? "").visible
        let isInput = options.bool(secretInput)
        guard isInput || isatty(STDIN_FILENO) == 1 else {
            throw AdminFault(
                message: "a secret is asked for: run this on a terminal, or give --secret-stdin",
                exit: ExitCode.usage)
        }
        let line = await Blocking.run { () -> SecretBytes in
            isInput ? readLine() : readHidden(question)
        }
        guard line.count > 0 else {
            throw AdminFault(message: "no secret was given", exit: ExitCode.data)
        }
        return line
    }

    /// A line of standard input, byte by byte, so that no buffer keeps it.
    private static func readLine() -> SecretBytes {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(lineLimit)
        var byte: UInt8 = 0
        while bytes.count < lineLimit, unsafe read(STDIN_FILENO, &byte, 1) == 1, byte != 10 {
            bytes.append(byte)
        }
        let secret = SecretBytes(bytes)
        bytes.wipe()
        return secret
    }

    private static func readHidden(_ question: String) -> SecretBytes {
        var shown = termios()
        unsafe tcgetattr(STDIN_FILENO, &shown)
        var hidden = shown
        hidden.c_lflag &= ~tcflag_t(ECHO)
        unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden)
        defer {
            unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown)
            Process.complain("")
        }
        Process.complain("\(question)\nSecret (it is not shown):")
        return readLine()
    }
}
