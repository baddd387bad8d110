// Bytes in and out of nghttp2. Invariant: frames are made only while little is unsent, so that
// calls overtake bulk data; nothing is sent from inside a receive callback.
internal import CNGHTTP2
import Loop
import Net

extension Tunnel {
    func schedule() {
        guard !sending.isScheduled, !isClosed else { return }
        sending.isScheduled = true
        IO.loop.flushAtEndOfTurn(self)
    }

    func receive(_ bytes: UnsafeRawBufferPointer) {
        guard !isClosed else { return }
        pings.heard = IO.now
        if early == nil { traffic.received += UInt64(bytes.count) }
        guard early == nil else {
            early?.append(contentsOf: bytes)
            return
        }
        guard traffic.received <= limits.receivedBytes else {
            return transport.close(.closed(reason: "more than \(limits.receivedBytes) bytes"))
        }
        inSession += 1
        let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let code = nghttp2_session_mem_recv(session, start, bytes.count)
        inSession -= 1
        if isClosed { return free() }
        if code < 0 {
            let reason = String(cString: nghttp2_strerror(Int32(code)))
            transport.close(.closed(reason: "not HTTP/2: \(reason)"))
        } else {
            schedule()
        }
    }

    /// Makes frames while little is unsent, and writes them in records of up to 16 KiB.
    public func flushTurn() {
        sending.isScheduled = false
        // nghttp2 cannot make frames inside its own callbacks.
        guard inSession == 0 else { return schedule() }
        if let bytes = early {
            early = nil
            bytes.withUnsafeBytes { receive($0) }
        }
        guard !isClosed else { return }
        inSession += 1
        var gathered = 0
        sending.isCapped = true
        while !isClosed, transport.unsent + gathered < limits.unsentBytes {
            var bytes: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &bytes)
            guard count > 0, let bytes else {
                sending.isCapped = false
                break
            }
            traffic.sent += UInt64(count)
            if gathered + count > Self.record.count { gathered = writeRecord(gathered) }
            // Only if nothing is gathered before it: frames keep their order.
            if gathered == 0, count > Self.record.count / 2 {
                transport.write(UnsafeRawBufferPointer(start: bytes, count: count))
            } else {
                let space = UnsafeMutableRawBufferPointer(rebasing: Self.record[gathered...])
                space.copyMemory(from: UnsafeRawBufferPointer(start: bytes, count: count))
                gathered += count
            }
        }
        gathered = writeRecord(gathered)
        inSession -= 1
        if isClosed { return free() }
        CrashPoint.reach("tunnel.framed")
        transport.flush()
        CrashPoint.reach("tunnel.flushed")
        tellDrained()
        guard !isClosed else { return }
        // The system took everything, so no drain callback will follow.
        if sending.isCapped, transport.unsent == 0 { schedule() }
        let over =
            nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
        if over || (draining && streams.isEmpty), transport.unsent == 0 { transport.finish() }
    }

    static let record = UnsafeMutableRawBufferPointer.allocate(
        byteCount: 16384, alignment: 16)

    func writeRecord(_ count: Int) -> Int {
        if count > 0 {
            transport.write(UnsafeRawBufferPointer(rebasing: Self.record[0..<count]))
        }
        return 0
    }

    func tellDrained() {
        guard !sending.drained.isEmpty else { return }
        let drained = sending.drained
        sending.drained = []
        for stream in drained where !stream.isClosed && stream.unsent == 0 { stream.onDrain?() }
    }
}
