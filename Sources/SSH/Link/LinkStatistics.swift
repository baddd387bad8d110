// What a link has done so far, for its operators. A value; Link counts.

/// The figures of one link.
public struct LinkStatistics: Sendable, Equatable {
    /// Seconds since 1970 at which it was logged in.
    public var created: Int64
    /// Seconds since 1970 at which a channel was last open.
    public var lastUsed: Int64
    /// Channels that were opened: shells, commands, streams and SFTP.
    public var uses = 0
    /// Channels and requests that were refused or not answered in time.
    public var errors = 0
    /// Bytes received over the connection, encrypted.
    public var bytesReceived: UInt64 = 0
    /// Bytes sent over the connection, encrypted.
    public var bytesSent: UInt64 = 0
    /// Key exchanges after the first.
    public var rekeys = 0
    /// How long the server took for its last answer to the opening of a channel; nil: not asked
    /// yet.
    public var roundTrip: Duration?
}
