// The exit codes of sysexits(3) that the programs use.

/// Exit codes of sysexits(3).
public enum ExitCode {
    /// Everything went well.
    public static let ok: Int32 = 0
    /// The command was used wrongly.
    public static let usage: Int32 = 64
    /// The given data, an invitation for example, is wrong.
    public static let data: Int32 = 65
    /// A file to read is missing or unreadable.
    public static let noInput: Int32 = 66
    /// A service that is needed does not answer.
    public static let unavailable: Int32 = 69
    /// An internal error: the program has a bug.
    public static let software: Int32 = 70
    /// A file cannot be made.
    public static let cannotCreate: Int32 = 73
    /// Reading or writing failed.
    public static let io: Int32 = 74
    /// Permission is missing.
    public static let noPermission: Int32 = 77
    /// The configuration is wrong.
    public static let configuration: Int32 = 78
}
