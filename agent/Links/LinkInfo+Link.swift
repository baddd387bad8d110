// A link of the pool, as it is reported to the relay.
import Loop
import SSH
import Wire

extension LinkInfo {
    /// The description of an open link.
    @IO init(_ link: Link, target: String, via: [String]) {
        let (to, figures) = (link.configuration, link.statistics)
        let host = to.host.contains(":") ? "[\(to.host)]" : to.host
        self.init(target: target, host: "\(host):\(to.port)", user: to.user)
        self.via = via
        channels = link.channelCount
        cipher = link.server.cipher
        created = UTCTime(figures.created).rfc3339
        lastUsed = UTCTime(figures.lastUsed).rfc3339
        uses = figures.uses
        bytesIn = Int(clamping: figures.bytesReceived)
        bytesOut = Int(clamping: figures.bytesSent)
        errors = figures.errors
        rekeys = figures.rekeys
        roundTripMS = figures.roundTrip.map { Double($0 / .microseconds(1)) / 1000 }
    }
}
