// The relay's end of a transfer: it receives a file into the drop-box as an agent's Receiver does,
// and sends one as a Sender does. Flow: a target's agent → a stream of frames → DropWriter, and
// back. Invariant: what the agent sends is bounded and checked, and the digest of what is kept is
// that of what was sent.
import JSON
import Loop
import Net
import TransferLines
import Wire

/// Transfers between targets and the drop-box.
@IO final class DropTransfers {
    /// Transfers into the drop-box at once, and those of one principal: each holds a stream.
    nonisolated static let limit = 32
    nonisolated static let share = 16
    /// Those whose end is remembered.
    nonisolated static let kept = 256

    let box: DropBox
    private let router: Router
    private let places = Shares(DropTransfers.limit, share: DropTransfers.share)
    private var known: [DropTransfer] = []

    init(_ box: DropBox, router: Router) { (self.box, self.router) = (box, router) }

    /// A principal's transfer with this id.
    func find(_ id: String, of principal: Principal) throws(Fault) -> DropTransfer {
        guard let found = known.first(where: { $0.id == id && $0.owner == principal.id }) else {
            throw .noCommand(id)
        }
        return found
    }

    // MARK: From a target

    /// Begins a transfer from a target into the drop-box.
    func receive(
        _ wanted: TransferFiles, from member: Fleet.Member, for principal: Principal
    ) async throws(Fault) -> DropTransfer {
        do throws(DropError) { try box.checkUsable() } catch { throw error.fault }
        let place: Shares.Place
        do throws(Lack) { place = try places.take(for: principal.id) } catch {
            throw Fault(
                .limitReached,
                "too many transfers to the drop-box are running: wait until some have ended")
        }
        do throws(Fault) {
            let call = AgentCall(.sendFiles, SendFiles.arguments(wanted), for: principal)
            let stream = try await router.stream(call, to: member).stream
            let transfer = DropTransfer(
                owner: principal.id, source: "\(wanted.target):\(wanted.path)")
            remember(transfer)
            let line = StreamLine(stream)
            transfer.stop = { line.close("it was cancelled") }
            IO.task {
                await self.run(transfer, line, wanted)
                place.giveBack()
            }
            return transfer
        } catch {
            place.giveBack()
            throw error
        }
    }

    private func remember(_ transfer: DropTransfer) {
        known.append(transfer)
        if known.count > Self.kept, let old = known.firstIndex(where: { $0.ended != nil }) {
            known.remove(at: old)
        }
    }

    private func run(
        _ transfer: DropTransfer, _ line: StreamLine, _ wanted: TransferFiles
    ) async {
        do throws(Fault) {
            let (record, url) = try await receive(transfer, line, wanted)
            line.finish()
            transfer.finish(record, url: url)
        } catch {
            line.close(error.message)
            transfer.fail(error)
        }
    }

    private func receive(
        _ transfer: DropTransfer, _ line: StreamLine, _ wanted: TransferFiles
    ) async throws(Fault) -> (DropRecord, String) {
        guard case .total(_, _, _, let own) = try await Self.next(line) else { throw Self.wrong }
        let name = wanted.toPath.hasSuffix("/") ? own : wanted.toPath
        guard wanted.toPath == "/" || !wanted.toPath.contains("/") else {
            throw DropError.badName.fault
        }
        let entry: TransferEntry
        switch try await Self.next(line) {
        case .entry(let found) where found.kind == .file: entry = found
        case .failed(_, let reason): throw Fault(.fileFailed, "at the source: \(reason)")
        case .entry: throw Fault(.fileFailed, "the source is not a file")
        case .total, .data, .hole, .end, .done, .want, .abandon, .broken: throw Self.wrong
        }
        (transfer.name, transfer.total) = (name, entry.size)
        let record = try await Self.faulting { () throws(DropError) in
            try await self.box.expect(name, of: transfer.owner, size: entry.size)
        }
        do throws(Fault) {
            let whole = try await take(entry, as: record, transfer, line)
            return try await Self.faulting { () throws(DropError) in
                (whole, try await self.box.downloadURL(of: whole))
            }
        } catch {
            try? await box.remove([record.id], .deleted)
            throw error
        }
    }

    private func take(
        _ entry: TransferEntry, as record: DropRecord, _ transfer: DropTransfer,
        _ line: StreamLine
    ) async throws(Fault) -> DropRecord {
        let writer = try await Self.faulting { () throws(DropError) in
            try await self.box.write(record, keeps: false)
        }
        let use = box.use(record.id) { line.close("\(DropError.deleted)") }
        defer { box.ended(use) }
        if !entry.isInline { try await line.send(.want(number: entry.number, from: 0)) }
        while true {
            let frame: TransferFrame
            do throws(Fault) { frame = try await Self.next(line) } catch {
                throw await box.isDeleted(record) ? DropError.deleted.fault : error
            }
            let left = entry.size - writer.offset
            switch frame {
            case .data(let bytes) where bytes.count <= left:
                try await Self.faulting { () throws(DropError) in try await writer.add(bytes) }
            case .hole(let count) where count <= left: writer.skip(count)
            case .end(let digest) where left == 0:
                return try await Self.faulting { () throws(DropError) in
                    try await self.box.finish(record, writer, expected: digest)
                }
            case .failed(_, let reason): throw Fault(.fileFailed, "at the source: \(reason)")
            case .data, .hole, .end, .total, .entry, .done, .want, .abandon, .broken:
                throw Self.wrong
            }
            transfer.bytes = writer.offset
        }
    }

    private static let wrong = Fault(.internal, "the source sends what it may not")

    private static func next(_ line: StreamLine) async throws(Fault) -> TransferFrame {
        guard let frame = try await line.input.next() else { throw .transferLost }
        guard case .broken(let code, let reason) = frame else { return frame }
        throw Fault(
            Fault.Code(rawValue: code) ?? .internal, reason.shown(atMost: Self.reasonLimit))
    }

    /// The most characters of an agent's reason that are shown.
    private static let reasonLimit = 1000

    private static func faulting<Value>(
        _ body: @IO () async throws(DropError) -> Value
    ) async throws(Fault) -> Value {
        do throws(DropError) { return try await body() } catch { throw error.fault }
    }

    // MARK: To a target

    /// The file of a transfer from the drop-box.
    func source(
        _ wanted: TransferFiles, for principal: Principal
    ) async throws(Fault) -> DropRecord {
        try await Self.faulting { () throws(DropError) in
            try await self.box.find(wanted.path, of: principal.id)
        }
    }

    /// Sends a file over a stream, until the end of either.
    func send(_ record: DropRecord, over stream: any ByteStream, isVerified: Bool) {
        let line = StreamLine(stream)
        IO.task {
            do throws(Fault) {
                try await self.send(record, over: line, isVerified: isVerified)
                try await line.send(.done)
            } catch {
                try? await line.send(
                    .broken(code: error.code.rawValue, reason: error.message))
            }
            line.finish()
        }
    }

    private func send(
        _ record: DropRecord, over line: StreamLine, isVerified: Bool
    ) async throws(Fault) {
        let file = try await Self.faulting { () throws(DropError) in
            try await self.box.read(record)
        }
        let use = box.use(record.id) { line.close("\(DropError.ended(.deleted))") }
        defer { box.ended(use) }
        try await line.send(
            .total(
                files: 1, bytes: record.size, path: "\(TransferFiles.relay):\(record.name)",
                name: record.name))
        var entry = TransferEntry(number: 0, path: "", kind: .file)
        entry.size = record.size
        entry.modified = UInt32(clamping: record.created)
        try await line.send(.entry(entry))
        guard var offset = try await Self.wanted(line) else { return }
        while offset < record.size {
            switch line.input.poll() {
            case nil: break
            case .abandon: return try await line.send(.end(sha256: []))
            case .broken(let code, let reason):
                throw Fault(
                    Fault.Code(rawValue: code) ?? .internal, reason.shown(atMost: Self.reasonLimit))
            case .total, .entry, .data, .hole, .end, .failed, .done, .want:
                throw Fault(.internal, "the destination sends what only a source may")
            }
            let (start, count) = (offset, min(TransferFrame.piece, record.size - offset))
            let piece = try await Self.faulting { () throws(DropError) in
                try await file.read(at: start, count: count)
            }
            guard !piece.isEmpty else {
                throw Fault(.fileFailed, "the file in the drop-box has become shorter")
            }
            try await line.send(piece.isZeros ? .hole(piece.count) : .data(piece))
            offset += piece.count
        }
        try await line.send(.end(sha256: isVerified ? record.sha256 ?? [] : []))
    }

    /// Where the destination wants the file from; nil: it does not.
    private static func wanted(_ line: StreamLine) async throws(Fault) -> Int? {
        while let frame = try await line.input.next() {
            switch frame {
            case .want(_, let offset): return offset
            case .abandon: continue
            case .broken(let code, let reason):
                throw Fault(Fault.Code(rawValue: code) ?? .internal, reason)
            case .total, .entry, .data, .hole, .end, .failed, .done:
                throw Fault(.internal, "the destination sends what only a source may")
            }
        }
        throw .transferLost
    }
}

extension DropRecord {
    /// When it goes, as RFC 3339 writes it.
    var end: String { UTCTime(expires).rfc3339 }
}
