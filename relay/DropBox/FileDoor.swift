// The drop-box over HTTP: `GET`, `HEAD` and `PUT` of `/files/SECRET`, as curl speaks. Flow: a
// request → the URL's secret → the file → its bytes, piece by piece. Invariant: who has no URL that
// is open gets nothing, and of a file at most one piece is held.
import Crypto
import HTTP
import Loop
import Wire

/// Answers the requests for files of the drop-box.
@IO final class FileDoor {
    /// Files that are being sent or received at once, and those of one owner.
    nonisolated static let places = 64
    nonisolated static let share = 16

    let box: DropBox
    private let principal: @IO (String) -> Principal?
    private let places = Shares(FileDoor.places, share: FileDoor.share)

    /// `principal` gives the one with an id, as long as it has rights.
    init(_ box: DropBox, _ principal: @escaping @IO (String) -> Principal?) {
        (self.box, self.principal) = (box, principal)
    }

    /// Whether a path is answered here.
    nonisolated static func serves(_ path: String) -> Bool { DropURL(path: path) != nil }

    /// Answers a request whose path `serves` takes.
    func handle(_ request: HTTPRequest, _ responder: HTTPResponder) async {
        do throws(DropError) {
            guard let url = DropURL(path: request.path) else { throw .unknownURL }
            let (record, direction) = try await box.find(url)
            try check(record, direction)
            responder.client = record.owner
            let place: Shares.Place
            do throws(Lack) { place = try places.take(for: record.owner) } catch {
                return responder.send(
                    status: 503, text: "too many files at once: try again in a moment",
                    headers: ["Retry-After": "2"])
            }
            defer { place.giveBack() }
            switch (direction, request.method) {
            case (.download, "GET"), (.download, "HEAD"):
                try await send(record, request, responder)
            case (.upload, "PUT"): try await receive(record, request, responder)
            case (.upload, "HEAD"):
                responder.send(
                    status: 204,
                    headers: Self.headers(["Upload-Offset": "\(await box.received(of: record))"]))
            case (.download, _):
                responder.send(
                    status: 405, text: "this URL is for a download",
                    headers: ["Allow": "GET, HEAD"])
            case (.upload, _):
                responder.send(
                    status: 405, text: "this URL is for an upload: curl -T FILE URL",
                    headers: ["Allow": "PUT, HEAD"])
            }
        } catch {
            Self.refuse(error, responder)
        }
    }

    private func check(
        _ record: DropRecord, _ direction: DropDirection
    ) throws(DropError) {
        guard let owner = principal(record.owner) else { throw .ended(.revoked) }
        let scope: Scope = direction == .download ? .filesRead : .filesWrite
        guard owner.holds([scope]) else { throw .scope(scope) }
    }

    private static func refuse(_ error: DropError, _ responder: HTTPResponder) {
        var headers = Self.headers([:])
        switch error {
        case .gap(let received), .cut(let received): headers["Upload-Offset"] = "\(received)"
        case .off, .lacking, .tooLarge, .diskFull, .disk, .unknownName, .badName, .unknownURL,
            .ended, .scope, .badRange, .overtaken, .changed, .deleted:
            break
        }
        responder.send(status: error.status, text: "\(error)", headers: headers)
    }

    /// The headers of every answer: no cache keeps it, and no page is made of it.
    private static func headers(_ more: HTTPHeaders) -> HTTPHeaders {
        var headers = more
        headers["Cache-Control"] = "private, no-store"
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        return headers
    }

    // MARK: Downloads

    private func send(
        _ record: DropRecord, _ request: HTTPRequest, _ responder: HTTPResponder
    ) async throws(DropError) {
        let digest = record.sha256 ?? []
        let tag = "\"\(Hex.encode(digest))\""
        var headers = Self.headers([
            "Content-Type": "application/octet-stream", "Accept-Ranges": "bytes", "ETag": tag,
            "Content-Disposition": DropURL.disposition(record.name),
            "Repr-Digest": "sha-256=:\(Base64.encode(digest)):",
        ])
        if let wanted = request.header("if-match"), !EntityTags(wanted).contains(tag) {
            return responder.send(
                status: 412, text: "the file is another one by now", headers: headers)
        }
        if let known = request.header("if-none-match"), EntityTags(known).contains(tag) {
            return responder.send(status: 304, headers: headers)
        }
        let range = ByteRange(
            request.method == "GET" ? request.soleHeader("range") : nil,
            condition: request.soleHeader("if-range"), size: record.size, tag: tag)
        let part: Range<Int>
        switch range {
        case .whole: part = 0..<record.size
        case .part(let wanted):
            part = wanted
            headers["Content-Range"] =
                "bytes \(wanted.lowerBound)-\(wanted.upperBound - 1)/\(record.size)"
        case .unsatisfiable:
            headers["Content-Range"] = "bytes */\(record.size)"
            return responder.send(
                status: 416, text: "the file has \(record.size) bytes", headers: headers)
        }
        let file = try await box.read(record)
        let use = box.use(record.id) { responder.abort() }
        defer { box.ended(use) }
        responder.start(
            status: range == .whole ? 200 : 206, headers: headers, length: part.count)
        guard request.method == "GET" else { return responder.end() }
        var offset = part.lowerBound
        do {
            while offset < part.upperBound {
                let bytes = try await file.read(
                    at: offset, count: min(DropFile.piece, part.upperBound - offset))
                guard !bytes.isEmpty else { break }
                try await responder.write(bytes)
                offset += bytes.count
            }
        } catch {
            // The client has left, or the disk fails: what is missing tells the client.
            return responder.abort()
        }
        responder.end()
    }

    // MARK: Uploads

    private func receive(
        _ record: DropRecord, _ request: HTTPRequest, _ responder: HTTPResponder
    ) async throws(DropError) {
        let range = try Self.place(of: request)
        if let encoding = request.header("content-encoding"), encoding.lowercased() != "identity" {
            return responder.send(status: 415, text: "send the file without Content-Encoding")
        }
        // Else the body counts as empty, whatever follows.
        guard
            request.header("content-length") != nil || request.header("transfer-encoding") != nil
        else {
            return responder.send(
                status: 411, text: "say how long the file is (Content-Length), or send it chunked")
        }
        let announced =
            range?.count
            ?? request.soleHeader("content-length").flatMap { Int($0) } ?? request.body.count
        let start = range?.first ?? 0
        guard announced <= record.room - start, range?.total ?? 0 <= record.room else {
            throw .tooLarge(limit: record.room)
        }
        if start > 0 {
            let received = await box.received(of: record)
            guard start == received else { throw .gap(received: received) }
        }
        let writer = try await box.write(record, keeps: start > 0)
        guard writer.offset == start else { throw .gap(received: writer.offset) }
        let use = box.use(record.id) { responder.cancel() }
        defer { box.ended(use) }
        let whole: DropRecord?
        do {
            try await box.makeRoom(for: record, upTo: start + announced)
            var room = start + announced
            try await take(request, responder, into: writer) { (offset) throws(DropError) in
                guard offset <= range?.total ?? .max else { throw .badRange }
                guard offset > room else { return }
                guard offset <= record.room else { throw .tooLarge(limit: record.room) }
                room = min(record.room, offset + DropBox.step)
                do throws(DropError) {
                    try await self.box.makeRoom(for: record, upTo: room)
                } catch .lacking {
                    // What has come may fit all the same.
                    room = offset
                    try await self.box.makeRoom(for: record, upTo: room)
                }
            }
            // A part of the file alone, as its client says: the rest is to come.
            whole =
                if let total = range?.total, writer.offset < total {
                    nil
                } else {
                    try await box.finish(record, writer)
                }
        } catch let error as DropError {
            await box.breakOff(record, writer)
            throw error
        } catch {
            await box.breakOff(record, writer)
            guard let error = error as? HTTPError, case .refused(let status) = error else {
                if await box.isDeleted(record) { throw .deleted }
                throw Task.isCancelled ? .overtaken : .cut(received: writer.offset)
            }
            return responder.send(
                status: status,
                text: status == 408
                    ? "the file came too slowly: \(writer.offset) bytes of it are here"
                    : "the body is malformed")
        }
        guard let whole else {
            await box.breakOff(record, writer)
            return responder.send(
                status: 202, text: "\(writer.offset) bytes of this upload are here",
                headers: Self.headers(["Upload-Offset": "\(writer.offset)"]))
        }
        responder.send(
            status: 201,
            text: "\(whole.name): \(whole.size) bytes, sha256 \(Hex.encode(whole.sha256 ?? []))",
            headers: Self.headers([:]))
    }

    /// The place of the request's bytes in the file; nil: they are all of it.
    private static func place(of request: HTTPRequest) throws(DropError) -> ContentRange? {
        guard let header = request.soleHeader("content-range") else { return nil }
        guard let range = ContentRange(header) else { throw .badRange }
        return range
    }

    private func take(
        _ request: HTTPRequest, _ responder: HTTPResponder, into writer: DropWriter,
        _ makeRoom: @IO (Int) async throws(DropError) -> Void
    ) async throws {
        while let bytes = try await responder.nextPiece() {
            try await makeRoom(writer.offset + bytes.count)
            try await writer.add(bytes)
        }
    }
}
