// The service manager hears which process is the service now.

extension Supervisor {
    /// Reports that another process is the service's main one from now on.
    public static func isSucceeded(by pid: Int32) { send("MAINPID=\(pid)") }
}
