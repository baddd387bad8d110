// What the peer sends: headers, data and ends of streams; also answers its calls.
internal import CNGHTTP2
import Loop
import Net

extension Tunnel {
    func beginHeaders(_ frame: UnsafePointer<nghttp2_frame>) {
        guard frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else { return }
        let stream = TunnelStream(self, .bytes)
        stream.id = frame.pointee.hd.stream_id
        streams[stream.id] = stream
    }

    func receiveHeader(
        _ frame: UnsafePointer<nghttp2_frame>, _ name: UnsafeBufferPointer<UInt8>,
        _ value: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        guard let stream = streams[frame.pointee.hd.stream_id] else { return true }
        stream.head.bytes += name.count + value.count
        guard stream.head.bytes <= limits.headerBytes else { return false }
        guard name.count > 1, name[0] == UInt8(ascii: ":") else {
            return receiveStreamHeader(stream, name, value)
        }
        switch name[1] {
        case UInt8(ascii: "m"): stream.head.method = String(decoding: value, as: UTF8.self)
        case UInt8(ascii: "p"): stream.head.isStanding = value.elementsEqual("/standing".utf8)
        case UInt8(ascii: "a"):
            stream.head.opening.authority = String(decoding: value, as: UTF8.self)
        case UInt8(ascii: "s") where name.count == 7:
            stream.head.status = value.reduce(0) { $0 &* 10 &+ Int($1) &- 48 }
        default: break
        }
        return true
    }

    private func receiveStreamHeader(
        _ stream: TunnelStream, _ name: UnsafeBufferPointer<UInt8>,
        _ value: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        if name.elementsEqual("homeline-offset".utf8) {
            guard let offset = StreamHead.offset(value) else { return false }
            stream.head.opening.offset = offset
        } else if name.elementsEqual("homeline-principal".utf8) {
            stream.head.opening.principal = String(decoding: value, as: UTF8.self)
        }
        return true
    }

    func data(_ id: Int32, _ bytes: UnsafeRawBufferPointer) {
        guard let stream = streams[id], case .bytes = stream.kind else {
            _ = streams[id]?.receive(bytes, limit: limits.bodyBytes)
            if !isClosed { nghttp2_session_consume(session, id, bytes.count) }
            return
        }
        // The stream's own window stops the sender of what nobody reads: others must not stop.
        nghttp2_session_consume_connection(session, bytes.count)
        taken(stream.receive(bytes, limit: limits.bodyBytes), of: stream)
    }

    /// Counts bytes of a raw stream that its reader has taken, and tells the sender at each step.
    func taken(_ count: Int, of stream: TunnelStream) {
        guard !isClosed, !stream.isClosed else { return }
        guard let step = stream.taken(count, step: limits.acknowledgedBytes) else { return }
        nghttp2_submit_window_update(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, Int32(step))
        schedule()
    }

    func frame(_ frame: UnsafePointer<nghttp2_frame>) {
        let type = UInt32(frame.pointee.hd.type)
        let flags = UInt32(frame.pointee.hd.flags)
        switch type {
        case NGHTTP2_PING.rawValue where flags & NGHTTP2_FLAG_ACK.rawValue != 0: return pong()
        case NGHTTP2_GOAWAY.rawValue:
            // The peer takes nothing more, for a fault and not for its end: a new tunnel will do.
            let code = frame.pointee.goaway.error_code
            guard code == NGHTTP2_NO_ERROR.rawValue else {
                return transport.close(
                    .closed(reason: "the other end gave up: HTTP/2 code \(code)"))
            }
            draining = true
            endStandingCalls()
            onDrain?()
            return
        default: break
        }
        guard let stream = streams[frame.pointee.hd.stream_id] else { return }
        let ended = flags & NGHTTP2_FLAG_END_STREAM.rawValue != 0
        if type == NGHTTP2_HEADERS.rawValue, frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST {
            if stream.head.method == "POST" { stream.kind = .callIn(nil) } else { accept(stream) }
            if !stream.head.isStanding { lookSoon() }
        }
        if type == NGHTTP2_HEADERS.rawValue, frame.pointee.headers.cat == NGHTTP2_HCAT_RESPONSE {
            stream.receiveAnswer()
        }
        if type == NGHTTP2_WINDOW_UPDATE.rawValue { stream.onAcknowledged?() }
        guard ended else { return }
        if case .callIn = stream.kind { answer(stream) } else { stream.receiveEnd() }
    }

    func answer(_ stream: TunnelStream) {
        guard let onCall else { return reset(stream, NGHTTP2_REFUSED_STREAM.rawValue) }
        CrashPoint.reach("tunnel.received")
        let body = stream.body.bytes
        stream.body.bytes = []
        stream.kind = .callIn(
            IO.task {
                let reply = await onCall(body)
                guard !stream.isClosed, !self.isClosed else { return }
                stream.kind = .callIn(nil)
                stream.send(body: reply)
                self.respond(to: stream, Self.okHeaders)
                // A standing call is answered at any time.
                if !stream.head.isStanding { CrashPoint.reach("tunnel.responded") }
            })
    }

    func accept(_ stream: TunnelStream) {
        guard stream.head.method == "CONNECT",
            case .accepted(let offset) = onStream?(stream) ?? .refused
        else {
            stream.finish()
            return respond(to: stream, Self.refusedHeaders)
        }
        var text = String(offset)
        text.withUTF8 {
            respond(to: stream, [header(":status", "200"), header("homeline-offset", $0)])
        }
    }

    func respond(to stream: TunnelStream, _ headers: [nghttp2_nv]) {
        var source = provider(of: stream)
        nghttp2_submit_response(session, stream.id, headers, headers.count, &source)
        schedule()
    }

    func streamClosed(_ id: Int32, _ code: UInt32) {
        guard let stream = streams.removeValue(forKey: id) else { return }
        sending.resets.waiting[id] = nil
        stream.ended(code: code)
        if draining, streams.isEmpty { schedule() }
    }
}
