// The other end of the admin socket: one request to the running relay of a folder.
// Invariant: an absent relay is distinguished from a failing one: only without a relay may the
// store be used directly.

import Configuration
import Crypto
import JSON
import Loop
import Net

/// Asks the running relay of a folder.
@IO enum AdminClient {
    /// How long to wait for a reply, for which the relay only reads or changes its database.
    static let deadline = Duration.seconds(15)
    /// The same for a relay that starts another process first.
    static let upgradeDeadline = Duration.seconds(60)
    /// The longest reply in bytes, which bounds what this process holds; a list of all agents or
    /// tokens is the longest reply.
    private static let replyLimit = 16 << 20

    /// A connection to the folder's relay; nil if none runs.
    ///
    /// What answers must run as the user to whom the folder belongs, or as root: another user's
    /// program would be given the invitations and tokens that are made.
    static func connect(_ folder: DataFolder) async throws(AdminFault) -> SocketStream? {
        guard (try? AdminServer.check(path: folder.socket)) != nil,
            let stream = try? await SocketStream.connect(path: folder.socket)
        else { return nil }
        do throws(CryptoError) {
            let owner = try SecureFile.checkFolder(folder.path)
            if let user = stream.peerUser, user == owner || user == 0 { return stream }
        } catch {
            stream.close()
            throw AdminFault(error)
        }
        stream.close()
        throw AdminFault(
            message: "\(folder.socket) is not the relay's: another user's program listens there."
                + " Find out who put it there; then remove it, and start the relay again",
            exit: ExitCode.noPermission)
    }

    /// The relay's reply to `request`, which its `ok` member holds.
    static func ask(_ stream: SocketStream, _ request: JSON) async throws(AdminFault) -> JSON {
        let deadline = request["command"] == "upgrade" ? upgradeDeadline : deadline
        let line = await IO.within(deadline) {
            await firstLine(stream, after: request.encoded() + [UInt8(ascii: "\n")])
        }
        stream.close()
        guard let line = line ?? nil, let reply = try? JSON(parsing: line) else {
            throw AdminFault(
                message: "the running relay does not answer: see its log",
                exit: ExitCode.unavailable)
        }
        return try result(of: reply)
    }

    /// How long to wait until a forward is open or has connected: the relay asks an agent, which
    /// may have to log in first.
    private static let openDeadline = Duration.seconds(90)

    /// The relay's reply on a connection that goes on afterwards, with the bytes that followed it.
    static func open(
        _ stream: SocketStream, _ request: JSON
    ) async throws(AdminFault) -> (stream: SocketStream, result: JSON, rest: [UInt8]) {
        let line = Once<Int?>()
        var received: [UInt8] = []
        unsafe stream.onData = { [weak stream] bytes in
            unsafe received.append(contentsOf: bytes)
            guard let end = received.firstIndex(of: UInt8(ascii: "\n")) else {
                if received.count > replyLimit { line.set(nil) }
                return
            }
            stream?.pauseReading()
            line.set(end)
        }
        stream.onClose = { _ in line.set(nil) }
        stream.write(request.encoded() + [UInt8(ascii: "\n")])
        let end = await IO.within(openDeadline) { await line.wait() }
        stream.onClose = nil
        guard let end = end ?? nil, let reply = try? JSON(parsing: Array(received[..<end])) else {
            stream.close()
            throw AdminFault(
                message: "the running relay does not answer: see its log",
                exit: ExitCode.unavailable)
        }
        do throws(AdminFault) {
            return (stream, try result(of: reply), Array(received[(end + 1)...]))
        } catch {
            stream.close()
            throw error
        }
    }

    /// Returns the reply's result, or throws the fault it carries.
    static func result(of reply: JSON) throws(AdminFault) -> JSON {
        if let result = reply["ok"] { return result }
        throw AdminFault(
            message: reply["error"]?["message"]?.stringValue
                ?? "the relay's answer has neither a result nor an error: see its log",
            exit: reply["error"]?["exit"]?.intValue.flatMap(Int32.init(exactly:))
                ?? ExitCode.software)
    }

    private static func firstLine(_ stream: SocketStream, after request: [UInt8]) async -> [UInt8]?
    {
        let (lines, feed) = AsyncStream.makeStream(of: [UInt8].self)
        var received: [UInt8] = []
        unsafe stream.onData = { bytes in
            unsafe received.append(contentsOf: bytes)
            if let newline = received.firstIndex(of: UInt8(ascii: "\n")) {
                feed.yield(Array(received[..<newline]))
                feed.finish()
            } else if received.count > replyLimit {
                feed.finish()
            }
        }
        stream.onClose = { _ in feed.finish() }
        stream.write(request)
        for await line in lines { return line }
        return nil
    }
}
