// Why something cannot be done in the drop-box, for a tool's answer and for an HTTP client's.
// Invariant: each reason has one sentence, with what to do next, and neither a path nor a secret.
import Wire

/// Why the drop-box refuses or fails.
enum DropError: Error, Equatable, Sendable {
    /// The operator has switched it off.
    case off
    /// The file would exceed one of the drop-box's limits.
    case lacking(DropCaps.Lack, DropCaps)
    /// The file is longer than its upload URL allows.
    case tooLarge(limit: Int)
    /// The relay's disk has no room.
    case diskFull
    /// The relay's disk fails, for this reason.
    case disk(String)
    /// The principal has no whole file of this name.
    case unknownName(String)
    /// The text is no name of a file.
    case badName
    /// A URL that the relay does not know.
    case unknownURL
    /// A URL that has ended.
    case ended(DropURLEnd)
    /// The owner's token lacks a right.
    case scope(Scope)
    /// Bytes that do not follow those that are there.
    case gap(received: Int)
    /// An upload whose body ended before its announced length.
    case cut(received: Int)
    /// A Content-Range that is none.
    case badRange
    /// Another upload to the same URL has taken this one's place.
    case overtaken
    /// What is on the disk is not what was sent.
    case changed
    /// The file was deleted while it came.
    case deleted

    /// The status of an HTTP response.
    var status: Int {
        switch self {
        case .off, .unknownURL, .unknownName: 404
        case .lacking, .diskFull: 507
        case .tooLarge: 413
        case .disk, .changed: 500
        case .badName, .badRange, .cut: 400
        case .ended, .deleted: 410
        case .scope: 403
        case .gap, .overtaken: 409
        }
    }

    /// As a fault.
    var fault: Fault {
        let code: Fault.Code =
            switch self {
            case .off, .ended, .unknownURL, .overtaken: .unavailable
            case .lacking: .limitReached
            case .tooLarge, .badName, .badRange, .gap, .cut: .invalidArgument
            case .diskFull, .disk, .changed, .deleted: .fileFailed
            case .unknownName: .fileNotFound
            case .scope: .refusedByPolicy
            }
        return Fault(code, description)
    }
}

extension DropError: CustomStringConvertible {
    var description: String {
        switch self {
        case .off: "this relay has no drop-box (DropBoxSize 0, or a relay without a port)"
        case .lacking(.ownerFiles, let caps):
            "you have \(caps.ownerFiles) files and upload URLs in the drop-box, the most that one"
                + " may have: delete some with file_drop"
        case .lacking(.files, let caps):
            "the drop-box has \(caps.files) files, the most that it takes: delete some of yours"
                + " with file_drop, or wait until others expire"
        case .lacking(.ownerBytes, let caps):
            "your files in the drop-box may have \(caps.ownerBytes) bytes in all: delete some with"
                + " file_drop"
        case .lacking(.bytes, let caps):
            "the files in the drop-box may have \(caps.bytes) bytes in all: delete some of yours"
                + " with file_drop, or wait until others expire"
        case .tooLarge(let limit): "the file is longer than \(limit) bytes, which this URL allows"
        case .diskFull: "the relay's disk is full: its operator has to make room"
        case .disk(let reason): "the relay's disk failed: \(reason)"
        case .unknownName(let name):
            "you have no file \"\(name)\" in the drop-box: file_drop (action list) shows them"
        case .badName:
            "a file in the drop-box needs a name of 1 to \(DropBox.nameLimit) bytes, without"
                + " slashes and control characters"
        case .unknownURL: "there is no such file: ask for a new URL"
        case .ended(.used):
            "this URL has been used: its file is complete. Ask for a new one for another file"
        case .ended(.expired): "this URL has expired: ask for a new one"
        case .ended(.deleted): "the file of this URL was deleted"
        case .ended(.replaced): "another file has taken the place of this one: ask for its URL"
        case .ended(.renewed): "a newer URL of this file has taken this one's place: ask for that"
        case .ended(.revoked): "this URL was withdrawn: the token of its owner was revoked"
        case .scope(let scope): "the token of this URL's owner lacks the scope \(scope.rawValue)"
        case .gap(let received):
            "\(received) bytes of this upload are here: go on with curl -C \(received) -T FILE URL,"
                + " or send all of it again with curl -T FILE URL"
        case .cut(let received):
            "the body ended early, and \(received) bytes of this upload are here: go on with"
                + " curl -C \(received) -T FILE URL"
        case .badRange: "Content-Range must be bytes FIRST-LAST/TOTAL"
        case .overtaken: "another upload to this URL has taken this one's place"
        case .changed: "the sha256 of the file here is not that of the source: it was removed"
        case .deleted: "the file was deleted from the drop-box while it came"
        }
    }
}
