// The process that takes over from this one: it has the same standard descriptors, is the leader of
// a session of its own, and is given some more of this process's descriptors.
// Invariant: it outlives this process.
internal import CUV
import Glibc
public import Programs

/// A started process that outlives its starter.
@IO public final class Successor {
    /// Its process id.
    public let pid: Int32
    /// How it ended, if this process still runs then.
    public let end: Once<ProgramEnd>

    /// Starts the program at `path` (searched in PATH when it has no slash).
    ///
    /// `environment` replaces the whole environment. `descriptors` are 3, 4 and so on in the new
    /// process.
    public init(
        path: String, arguments: [String], environment: [String: String], descriptors: [Int32]
    ) throws(LoopError) {
        let process = UnsafeMutablePointer<uv_process_t>.allocate(capacity: 1)
        let end = Once<ProgramEnd>()
        self.end = end
        var stdio = ([0, 1, 2] + descriptors).map { descriptor in
            var container = uv_stdio_container_t()
            container.flags = UV_INHERIT_FD
            container.data.fd = descriptor
            return container
        }
        process.pointee.data = nil
        let code = withCStrings([path] + arguments) { argv in
            withCStrings(environment.map { "\($0)=\($1)" }) { envp in
                stdio.withUnsafeMutableBufferPointer { stdio in
                    var options = uv_process_options_t()
                    options.file = UnsafePointer(argv[0])
                    options.args = argv
                    options.env = envp
                    options.flags = UV_PROCESS_DETACHED.rawValue
                    options.stdio_count = Int32(stdio.count)
                    options.stdio = stdio.baseAddress
                    options.exit_cb = { process, status, signal in
                        guard let process else { return }
                        let end = process.pointee.data.map {
                            Unmanaged<Once<ProgramEnd>>.fromOpaque($0).takeRetainedValue()
                        }
                        IO.assume {
                            end?.set(
                                signal == 0
                                    ? .exited(Int32(status)) : .signalled(Signal.name(signal)))
                            closeHandle(process)
                        }
                    }
                    return uv_spawn(IO.loop.raw, process, &options)
                }
            }
        }
        guard code == 0 else {
            closeHandle(process)
            throw .cannotStart(program: path, reason: LoopError.reason(code))
        }
        pid = process.pointee.pid
        process.pointee.data = Unmanaged.passRetained(end).toOpaque()
    }

    /// Kills it, if it has not ended.
    public func kill() {
        if end.value == nil { _ = Glibc.kill(pid, SIGKILL) }
    }
}
