// One open forward: what listens for it, its connections and its counters.
// Invariant: every connection is either waiting for its destination, joined to it, or closed; once
// the forward is closed, none is left and none is added.
import Configuration
import Loop
import Net
import SSH
import Wire

/// A forward.
@IO final class Forward {
    let id: String
    let owner: Owner
    /// `agent/host`, as this agent names it.
    var target: String
    let kind: ForwardKind
    let side: ForwardSide
    /// Where connections go; nil with `dynamic`.
    let destination: Configuration.Address?
    /// The host that makes the connections.
    let host: any Host
    /// The address it listens on, as results show it.
    private(set) var listen: String
    /// Whether it accepts no more.
    private(set) var isClosed = false
    /// The port it listens on, once that is known.
    private(set) var port: UInt16?
    /// What listens; closes when it is called.
    private var stopListening: (@IO () -> Void)?
    private var joints: [ObjectIdentifier: Joint] = [:]
    /// Connections whose destination is being reached, to be closed with the forward.
    private var waiting: [ObjectIdentifier: any ByteStream] = [:]
    private var counts = Counts()
    private let quiet = Condition()

    /// What has been counted of connections that are over, and of all.
    private struct Counts {
        var accepted = 0
        var failed = 0
        var sent = 0
        var received = 0
        var error: String?
        /// Whether what listened is lost, and is looked for again.
        var isPaused = false
    }

    init(
        id: String, _ call: OpenForward, owner: Owner, to destination: Configuration.Address?,
        by host: any Host, listen: String
    ) {
        (self.id, self.owner, self.destination, self.host) = (id, owner, destination, host)
        (target, kind, side, self.listen) = (call.target, call.kind, call.side, listen)
    }

    /// It has something that listens.
    func listens(on listener: HostListener) {
        guard !isClosed else { return listener.stop() }
        (listen, port, stopListening) = (listener.address, listener.port, listener.stop)
        if counts.isPaused { (counts.isPaused, counts.error) = (false, nil) }
    }

    /// What listened for it is lost.
    func pauses(_ reason: String) {
        (counts.isPaused, stopListening) = (true, nil)
        counts.error = "it does not listen now, and tries again: \(reason)"
    }

    /// The forward as results show it.
    var info: ForwardInfo {
        var info = ForwardInfo(
            forwardID: id, target: target, owner: owner.label, kind: kind, side: side,
            listen: listen, destination: destination?.description)
        info.open = joints.count
        (info.accepted, info.failed, info.error) = (counts.accepted, counts.failed, counts.error)
        info.sent = joints.values.reduce(counts.sent) { $0 + $1.forth }
        info.received = joints.values.reduce(counts.received) { $0 + $1.back }
        return info
    }

    // MARK: Connections

    /// The most connections of a remote forward at once: each may have 2 MiB that its link keeps
    /// while the destination does not read.
    nonisolated static let remoteLimit = 8

    /// A connection was accepted; it is closed with the forward.
    ///
    /// False: the forward is closed already, or has no room.
    func accepts(_ near: any ByteStream) -> Bool {
        guard !isClosed else {
            near.close(nil)
            return false
        }
        counts.accepted += 1
        guard kind != .remote || joints.count + waiting.count < Self.remoteLimit else {
            near.close(nil)
            failed(nil, "\(Self.remoteLimit) connections of a remote forward are open already")
            return false
        }
        waiting[ObjectIdentifier(near)] = near
        return true
    }

    /// A connection was asked for by the relay, which has accepted it.
    func accepts() { counts.accepted += 1 }

    /// The destination of a connection was not reached.
    func failed(_ near: (any ByteStream)?, _ why: String) {
        if let near { waiting[ObjectIdentifier(near)] = nil }
        counts.failed += 1
        counts.error = why
    }

    /// A client left, or was refused by the protocol, before its connection was made.
    func forget(_ near: any ByteStream) { waiting[ObjectIdentifier(near)] = nil }

    /// Passes bytes between a connection and its destination until both are done with.
    func carry(_ near: any ByteStream, _ far: any ByteStream) async {
        waiting[ObjectIdentifier(near)] = nil
        guard !isClosed else {
            near.close(nil)
            return far.close(nil)
        }
        let joint = Joint.join(near, far)
        joints[ObjectIdentifier(joint)] = joint
        _ = await joint.ended()
        joints[ObjectIdentifier(joint)] = nil
        counts.sent += joint.forth
        counts.received += joint.back
        quiet.broadcast()
    }

    // MARK: The end

    /// Stops listening; connections end by themselves until `drain` is over, then they are cut.
    func close(drain: Duration = .zero) async {
        stop()
        if drain > .zero, !joints.isEmpty {
            await quiet.wait(until: IO.now + drain) { joints.isEmpty }
        }
        cut()
    }

    /// Stops listening, and closes what has no destination yet.
    func stop() {
        isClosed = true
        stopListening?()
        stopListening = nil
        for near in waiting.values { near.close(nil) }
        waiting = [:]
    }

    /// Cuts every connection.
    func cut() {
        stop()
        for joint in joints.values { joint.cut() }
    }
}
