// A pipe that child processes of other tests do not inherit: a copy there would keep it open.
import Foundation
import Glibc

struct ClosedPipe: Sendable {
    let reading: FileHandle
    let writing: FileHandle

    init() {
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        reading = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true)
        writing = FileHandle(fileDescriptor: ends[1], closeOnDealloc: true)
    }
}
