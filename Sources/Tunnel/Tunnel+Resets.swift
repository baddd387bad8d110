// Resets of streams (RST_STREAM), at a rate that the peer takes: its HTTP/2 library takes a burst
// of 1,000 and 33 a second as an attack (CVE-2023-44487), and ends the tunnel for everybody. A
// stream whose reset waits has let go of its bytes, and drops what still comes for it.
// Invariant: a call that is given up returns when its stream is reset or has ended, so that whoever
// counts calls counts the streams at the peer, too.
internal import CNGHTTP2
import Loop

/// The streams of a tunnel that wait for their reset.
struct Resets {
    var rate: Rate
    /// Their HTTP/2 error codes by the streams' ids.
    var waiting: [Int32: UInt32] = [:]
    var timer: LoopTimer?

    init(_ limits: TunnelLimits) {
        rate = Rate(burst: limits.resetBurst, perSecond: limits.resetsPerSecond)
    }
}

extension Tunnel {
    /// Resets a stream now, or as soon as the rate permits.
    func reset(_ stream: TunnelStream, _ code: UInt32) {
        guard !isClosed, streams[stream.id] === stream else { return }
        guard sending.resets.waiting[stream.id] == nil else { return }
        sending.resets.waiting[stream.id] = code
        sendResets()
    }

    /// Resets the streams that have waited for longest, as many as the rate permits.
    private func sendResets() {
        guard sending.resets.timer == nil else { return }
        while !isClosed, let id = sending.resets.waiting.keys.min() {
            guard sending.resets.rate.admits(at: IO.now) else {
                sending.resets.timer = LoopTimer(after: sending.resets.rate.wait) { [weak self] in
                    self?.sending.resets.timer = nil
                    self?.sendResets()
                }
                return
            }
            guard let code = sending.resets.waiting.removeValue(forKey: id) else { return }
            nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, code)
            schedule()
            streams[id]?.finishAbandoned()
        }
    }
}
