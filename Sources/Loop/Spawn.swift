// Starts programs by libuv: the one place that fills in its options. Each program leads a session
// and a process group of its own.
// Invariant: who asked hears of the program's end once; no program is left a zombie.
internal import CUV
import Glibc
import Programs

/// Starts programs.
@IO enum Spawn {
    /// Starts the program at `path` (searched in PATH when it has no slash); returns its id.
    ///
    /// `environment` replaces the whole environment; `stdio` are the program's descriptors 0, 1 and
    /// so on. `onEnd` is kept until the program ends.
    static func start(
        path: String, arguments: [String], environment: [String: String], directory: String? = nil,
        stdio: [uv_stdio_container_t], onEnd: @escaping @IO (ProgramEnd) -> Void
    ) throws(LoopError) -> Int32 {
        let process = UnsafeMutablePointer<uv_process_t>.allocate(capacity: 1)
        process.pointee.data = nil
        var stdio = stdio
        let folder = directory.map { strdup($0) } ?? nil
        defer { free(folder) }
        let code = withCStrings([path] + arguments) { argv in
            withCStrings(environment.map { "\($0)=\($1)" }) { envp in
                stdio.withUnsafeMutableBufferPointer { stdio in
                    var options = uv_process_options_t()
                    options.file = UnsafePointer(argv[0])
                    options.args = argv
                    options.env = envp
                    options.cwd = folder.map { UnsafePointer($0) }
                    options.flags = UV_PROCESS_DETACHED.rawValue
                    options.stdio_count = Int32(stdio.count)
                    options.stdio = stdio.baseAddress
                    options.exit_cb = { process, status, signal in
                        IO.assume(process) { process in
                            guard let process else { return }
                            let ending = process.pointee.data.map {
                                Unmanaged<Ending>.fromOpaque($0).takeRetainedValue()
                            }
                            closeHandle(process)
                            ending?.report(
                                signal == 0
                                    ? .exited(Int32(status)) : .signalled(Signal.name(signal)))
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
        process.pointee.data = Unmanaged.passRetained(Ending(onEnd)).toOpaque()
        return process.pointee.pid
    }

    /// The entry of a descriptor that the program is given; the caller still owns it.
    static func inherited(_ descriptor: Int32) -> uv_stdio_container_t {
        var container = uv_stdio_container_t()
        container.flags = UV_INHERIT_FD
        container.data.fd = descriptor
        return container
    }

    /// What libuv keeps of who asked.
    private final class Ending {
        let report: @IO (ProgramEnd) -> Void

        init(_ report: @escaping @IO (ProgramEnd) -> Void) { self.report = report }
    }
}
