// SFTP of module SSH alone: a file of 256 MiB from the server into a local file, and back.
import Glibc
import Loop
import SSH

enum FileRows {
    static let names = ["link-file-get", "link-file-put"]

    /// Answers counts until the input ends; the exit code.
    @IO static func measure(_ row: String) async -> Int32 {
        do {
            let setting = LineProtocol.setting
            let folder = try setting("PEER_FILES")
            let link = try await Link.connect(try LinkRows.configuration())
            let files = try await link.openSFTP()
            try await LineProtocol.serveOnLoop { () async throws -> Void in
                if row == "link-file-get" {
                    try await get("\(folder)/source", from: files, to: "\(folder)/got")
                } else {
                    try await put("\(folder)/source", to: "\(folder)/put", of: files)
                }
            }
            link.close()
            return 0
        } catch {
            LineProtocol.complain(error)
            return 70
        }
    }

    @IO private static func get(
        _ path: String, from files: SFTP, to local: String
    ) async throws {
        let descriptor = open(local, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { throw BenchError("cannot write \(local)") }
        defer { close(descriptor) }
        let file = try await files.openFile(path, .read)
        let pieces = file.contents(from: 0)
        while true {
            let piece = try await pieces.next()
            guard !piece.isEmpty else { break }
            guard write(descriptor, piece, piece.count) == piece.count else {
                throw BenchError("cannot write \(local)")
            }
        }
        try await file.close()
    }

    @IO private static func put(
        _ local: String, to path: String, of files: SFTP
    ) async throws {
        let descriptor = open(local, O_RDONLY)
        guard descriptor >= 0 else { throw BenchError("cannot read \(local)") }
        defer { close(descriptor) }
        let file = try await files.openFile(path, [.write, .create, .truncate], mode: 0o600)
        var offset: UInt64 = 0
        while true {
            let bytes = [UInt8](unsafeUninitializedCapacity: 256 << 10) { buffer, count in
                count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
            }
            guard !bytes.isEmpty else { break }
            try await file.write(bytes, at: offset)
            offset += UInt64(bytes.count)
        }
        try await file.close()
    }
}
