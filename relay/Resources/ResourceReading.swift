// Reads what a URI with a handle, a file or a host names: one call at the agent that has it, whose
// result becomes the parts of a resource. Invariant: what is read is bounded, a part that was cut
// says so, and a session's reader is not moved.
import Crypto
import JSON
import Loop
import MCP
import Wire

/// The limits of transcripts.
enum Transcript {
    /// The bytes that are read where the URI does not say how many.
    static let limit = 20_000
    /// The most that one reading gives: more than a model takes at once.
    static let most = 200_000
}

/// The limits of files.
enum FileReading {
    /// The most bytes of a file: as text, below the longest result that clients take.
    static let limit = 256 << 10
}

/// One reading.
@IO struct ResourceReading {
    let router: Router
    /// The URI as the client wrote it.
    let uri: String
    let principal: Principal

    /// The most bytes of each output of a command.
    private static let outputLimit = 100_000
    /// How long a finished command's output may be kept by a client: as long as agents keep it.
    private static let finished = Duration.seconds(3600)

    /// Reads it.
    func read(_ uri: ResourceURI) async throws(Fault) -> Resources.Reading {
        switch uri {
        case .transcript(let id, let offset, let limit):
            return try await transcript(id, offset, min(limit ?? Transcript.limit, Transcript.most))
        case .screen(let id): return try await screen(id)
        case .output(let id): return try await output(id)
        case .file(let place, let path): return try await file(place, path)
        case .host(let place, let view): return try await host(place, view)
        case .statistics, .agents, .targets: throw Fault(.internal, "\(uri) has no handle")
        }
    }

    private func ask(
        _ method: Wire.Method, _ arguments: JSON.Object
    ) async throws(Fault) -> JSON.Object {
        let result = try await send(method, arguments)
        return await result.parsedBesideLoop()
    }

    private func send(
        _ method: Wire.Method, _ arguments: JSON.Object
    ) async throws(Fault) -> RawJSON {
        try await router.send(AgentCall(method, arguments, for: principal)).result
    }

    // MARK: Sessions and commands

    private func transcript(
        _ id: String, _ offset: Int?, _ limit: Int
    ) async throws(Fault) -> Resources.Reading {
        let first: Int
        if let offset {
            first = offset
        } else {
            first = max(0, try await router.session(id, of: principal).nextOffset - limit)
        }
        let answer = try await ask(
            .readOutput, ReadOutput.peek(at: id, .text, offset: first, atMost: limit))
        var text = answer["output"]?.stringValue ?? ""
        var begin = max(0, answer["offset"]?.intValue.map { Int(clamping: $0) } ?? first)
        // The end of the output begins at a line's beginning. Of the bytes before it only those
        // that are text are counted, so that an offset never lies behind that line's beginning.
        if offset == nil, first > 0, let newline = text.utf8.firstIndex(of: 0x0a) {
            let line = text.utf8.index(after: newline)
            let dropped = text.utf8.distance(from: text.utf8.startIndex, to: line)
            let (sum, isTooLarge) = begin.addingReportingOverflow(dropped)
            if !isTooLarge { begin = sum }
            text = String(text[line...])
        }
        var meta = Self.meta(answer, ["next_offset", "lost_bytes", "state"])
        meta[Self.prefix + "offset"] = .integer(begin)
        return Resources.Reading([
            ResourceContents(uri: uri, mimeType: "text/plain", body: .text(text), meta: meta)
        ])
    }

    private func screen(_ id: String) async throws(Fault) -> Resources.Reading {
        let answer = try await ask(
            .readOutput, ReadOutput.peek(at: id, .screen, atMost: Transcript.limit))
        let screen = answer["screen"]?.objectValue ?? [:]
        let rows = screen["rows"]?.arrayValue?.compactMap(\.stringValue) ?? []
        var meta = Self.meta(answer, ["state", "next_offset"])
        let seen = Self.meta(screen, ["cursor", "cols", "rows_count", "title", "alternate"])
        for (name, value) in seen { meta[name] = value }
        return Resources.Reading([
            ResourceContents(
                uri: uri, mimeType: "text/plain", body: .text(rows.joined(separator: "\n")),
                meta: meta)
        ])
    }

    private func output(_ id: String) async throws(Fault) -> Resources.Reading {
        var arguments = ReadCommand.end(of: id, atMost: .integer(Self.outputLimit))
        arguments[SeveralCommands.wait] = 0
        let answer = try await ask(.readCommand, arguments)
        let meta = Self.meta(
            answer,
            [
                "target", "state", "exit_code", "signal", "omitted_bytes", "stdout_next_offset",
                "stderr_next_offset", "duration_ms", "note",
            ])
        var parts = [
            ResourceContents(
                uri: uri, mimeType: "text/plain",
                body: .text(answer["stdout"]?.stringValue ?? ""), meta: meta)
        ]
        if let errors = answer["stderr"]?.stringValue, !errors.isEmpty {
            parts.append(
                ResourceContents(
                    uri: uri + "#stderr", mimeType: "text/plain", body: .text(errors)))
        }
        let isOver = answer["state"]?.stringValue.flatMap(RunState.init(rawValue:))?
            .isOver(isDetached: answer["detached"] == true)
        return Resources.Reading(parts, lifetime: isOver == true ? Self.finished : .zero)
    }

    // MARK: Files and hosts

    private func file(
        _ place: HostPlace, _ path: String
    ) async throws(Fault) -> Resources.Reading {
        let answer = try await ask(
            .readFile,
            [
                "target": .string(place.target), "path": .string(path), "encoding": "base64",
                "length": .integer(FileReading.limit),
            ])
        let (text, uri) = (answer["content"]?.stringValue ?? "", uri)
        let isEnd = answer["end"] == true
        let meta = Self.meta(answer, ["path", "size", "sha256", "next_offset"])
        let content = await Blocking.run(ifLong: text.utf8.count) {
            FileContents.part(base64: text, uri: uri, isEnd: isEnd, meta)
        }
        guard let content else {
            throw Fault(.internal, "the agent's answer has not the content of \(path)")
        }
        var parts = [content]
        if !isEnd, let size = answer["size"]?.intValue, let next = answer["next_offset"]?.intValue {
            parts.append(
                ResourceContents(
                    uri: uri + "#rest", mimeType: "text/plain",
                    body: .text(
                        "[The first \(next) of \(size) bytes: file_read with offset \(next) reads"
                            + " on.]")))
        }
        return Resources.Reading(parts)
    }

    private func host(
        _ place: HostPlace, _ view: HostView
    ) async throws(Fault) -> Resources.Reading {
        switch view {
        case .report:
            let answer = try await ask(.reportHost, ["target": .string(place.target)])
            return Resources.Reading([
                ResourceContents(
                    uri: uri, mimeType: "text/plain",
                    body: .text(answer["report"]?.stringValue ?? ""))
            ])
        case .subject(let subject):
            let answer = try await send(
                .readHost,
                ["target": .string(place.target), "what": .string(subject.rawValue)])
            let text = await Blocking.run(ifLong: answer.bytes.count) {
                (try? answer.parsed(limits: .answer))?.description ?? "{}"
            }
            return .json(uri, text)
        }
    }

    // MARK: Meta

    private static let prefix = "dev.homeline/"

    /// The members of an answer that a client may want beside the content.
    private static func meta(_ answer: JSON.Object, _ names: [String]) -> JSON.Object {
        var meta: JSON.Object = [:]
        for name in names {
            guard let value = answer[name], !value.isNull else { continue }
            meta[prefix + name] = value
        }
        return meta
    }
}

/// Makes a part of a resource from a file's content.
enum FileContents {
    /// Text if it is UTF-8 without a NUL, and otherwise bytes; nil if that is not base64.
    ///
    /// What was cut in the middle of a character is text up to it.
    static func part(
        base64 text: String, uri: String, isEnd: Bool, _ meta: JSON.Object
    ) -> ResourceContents? {
        guard let bytes = Base64.decode(text) else { return nil }
        if !bytes.contains(0) {
            for cut in isEnd ? 0..<1 : 0..<4 {
                guard let whole = String(validating: bytes.dropLast(cut), as: UTF8.self) else {
                    continue
                }
                return ResourceContents(
                    uri: uri, mimeType: "text/plain", body: .text(whole), meta: meta)
            }
        }
        return ResourceContents(
            uri: uri, mimeType: mediaType(bytes), body: .base64(text), meta: meta)
    }

    /// The type of an image that clients can show, by its first bytes; others are only bytes.
    private static func mediaType(_ bytes: [UInt8]) -> String {
        if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47]) { return "image/png" }
        if bytes.starts(with: [0xff, 0xd8, 0xff]) { return "image/jpeg" }
        if bytes.starts(with: Array("GIF8".utf8)) { return "image/gif" }
        if bytes.starts(with: Array("RIFF".utf8)), bytes.dropFirst(8).starts(with: "WEBP".utf8) {
            return "image/webp"
        }
        return "application/octet-stream"
    }
}
