// The limits of the relay that others run into, on memory, places, rates and waits, in one list:
// `homeline-relay limits` prints it, and protocol/README.md shows it.
// Invariant: each row reads the constant that the code uses.
import Configuration
import HTTP
import JSON
import Loop
import MCP
import Net
import Tunnel
import Wire

/// The relay's limits.
enum Limits {
    static let all = connections + requests + clients + people + agents + log

    private static let http = HTTPLimits()
    private static let mcp = MCPLimits()
    private static let tunnel = Gate.tunnelLimits
    private static let freight = Freight.Limits()

    private static let connections: [Limit] = [
        Limit(
            "connections of unknown peers, for each port", count: Admissions.places,
            "the oldest without a TLS handshake is closed, or else the oldest"),
        Limit(
            "of these from one address (not of this machine)", count: Admissions.share,
            "that address's own are closed first"),
        Limit(
            "connections accepted in one turn of the loop, for each port",
            count: Listener.perTurn, "the next ones wait for the next turn"),
        Limit(
            "from an agent's connection to its welcome", time: Gate.patience,
            "the connection is closed"),
        Limit(
            "an agent's reply before the welcome", bytes: Gate.strangerBodyBytes,
            "the connection is closed"),
        Limit(
            "all of an agent's frames before the welcome", bytes: Gate.strangerBytes,
            "the connection is closed"),
        Limit(
            "TLS handshakes of one address (not of this machine) at once",
            count: HandshakeRate.burst, "the connection is closed"),
        Limit(
            "TLS handshakes of it per second after that", count: HandshakeRate.perSecond,
            "the connection is closed"),
        Limit(
            "connections to the agents' port that speak HTTP", count: DownloadDoor.visitors, "503"),
        Limit("of these from one address", count: DownloadDoor.visitorShare, "503"),
        Limit("agent programs being sent to new sites", count: DownloadDoor.places, "503"),
        Limit("of these to one address", count: DownloadDoor.share, "503"),
        Limit(
            "from the beginning of such a program to its end", time: DownloadDoor.patience,
            "the connection is closed"),
        Limit("connections to the MCP port", count: http.connections, "503"),
        Limit(
            "raw streams at agents", count: AgentStreams.limit, share: AgentStreams.share,
            "`limit_reached`"),
        Limit(
            "forwards that listen at the relay", count: Forwards.limit,
            share: Shares.share(of: Forwards.limit), "`limit_reached`"),
        Limit(
            "connections of these forwards", count: Forwards.connectionLimit,
            share: Forwards.connectionShare, "a connection waits 10 s, then it is closed"),
        Limit(
            "files of the drop-box", count: DropBox.files, share: DropBox.ownerFiles,
            "`limit_reached`, 507"),
        Limit(
            "files of the drop-box that clients send or receive", count: FileDoor.places,
            share: FileDoor.share, "503"),
        Limit(
            "bytes of the disk that the drop-box leaves free", bytes: DropFile.spare,
            "the relay's disk counts as full, 507"),
        Limit(
            "transfers from targets to the drop-box", count: DropTransfers.limit,
            share: DropTransfers.share, "`limit_reached`"),
        Limit(
            "bytes of raw streams that may have to be sent again", bytes: AgentStreams.keptBytes,
            share: AgentStreams.keptShare, "the streams wait for their readers"),
        Limit(
            "descriptors that MCP clients never get", count: ClientEntrance.reserve,
            "fewer connections to the MCP port"),
        Limit(
            "a connection to the MCP port without a request", time: http.idleDeadline,
            "the connection is closed"),
        Limit(
            "a frame of an agent's WebSocket", bytes: WebSocketLimits.frameBytes,
            "the connection is closed"),
        Limit(
            "frames without data, in a row", count: WebSocketLimits.idleFrames,
            "the connection is closed"),
        Limit(
            "questions that wait for a person", count: ApprovalTable.most,
            share: ApprovalTable.mostWaiting, "`limit_reached`"),
        Limit(
            "how long a question waits, and its answer for the call", time: Approvals.lifetime,
            "the call asks again"),
        Limit(
            "how long a call waits for a person", time: Approvals.patience,
            "its answer says where to approve"),
        Limit(
            "answers to calls that were made with a person's secret", bytes: Approvals.keptBytes,
            "`outcome_unknown`"),
        Limit(
            "connections to the admin socket", count: AdminServer.connectionLimit,
            "the connection is closed"),
        Limit(
            "an admin connection without a request", time: AdminServer.idleLimit,
            "the connection is closed"),
    ]

    private static let requests: [Limit] = [
        Limit("a request's line", bytes: http.lineBytes, "414"),
        Limit("a request's head", bytes: http.headBytes, "431"),
        Limit("one header line", bytes: http.lineBytes, "431"),
        Limit("a request's header fields", count: http.headerCount, "431"),
        Limit("a request's body, and an MCP message", bytes: http.bodyBytes, "413"),
        Limit(
            "requests sent ahead on one connection", bytes: http.memory.pipelined,
            "they are read later"),
        Limit("values in one MCP message", count: MCPLimits.messageValues, "an error"),
        Limit("from a request's first byte to its head's end", time: http.headDeadline, "408"),
        Limit("from there to its body's end", time: http.bodyDeadline, "408"),
        Limit(
            "what an upload to the drop-box must bring in each such time",
            bytes: HTTPLimits.uploadStep, "408"),
        Limit(
            "a reply that the client does not read", time: http.writeDeadline,
            "the connection is closed"),
        Limit(
            "refused requests on one connection", count: http.refusals, "the connection is closed"),
        Limit("messages in a batch", count: mcp.batchMessages, "an error"),
    ]

    private static let clients: [Limit] = [
        Limit("bodies, of all clients", bytes: http.memory.bodies, "503"),
        Limit("bodies, of one client", bytes: http.memory.clientBodies, "503"),
        Limit("unread replies, of all clients", bytes: http.memory.replies, "503"),
        Limit("unread replies, of one client", bytes: http.memory.clientReplies, "503"),
        Limit(
            "unread messages of one connection", bytes: mcp.queuedBytes,
            "further notifications are left out"),
        Limit(
            "requests that run when the relay is told to end", time: RelayService.drainTime,
            "an error"),
        Limit("running requests of one client", count: mcp.perPrincipal.running, "an error"),
        Limit(
            "sessions and commands that clients watch as resources", count: ResourceWatch.limit,
            share: ResourceWatch.share, "an error"),
        Limit(
            "between two looks at such ones at one agent, for one client",
            time: ResourceWatch.period, "a change is told later"),
        Limit(
            "look-ups of names for lists and completion, at agents", count: Directory.lookUps,
            share: Directory.share, "names are left out"),
        Limit("such a look-up", time: Directory.patience, "names are left out"),
        Limit(
            "names that were looked up and are remembered for seconds", bytes: Directory.bytes,
            share: Directory.bytesOfOne, "the oldest are dropped"),
        Limit(
            "directories that one client has completed at once", count: Directory.listings.burst,
            "no values"),
        Limit("of these per second after that", count: Directory.listings.perSecond, "no values"),
        Limit("a file that is read as a resource", bytes: FileReading.limit, "it is cut"),
        Limit(
            "files in the folder of prompts", count: RunbookFolder.mostFiles, "a line in the log"),
        Limit("such a file", bytes: RunbookFolder.longestFile, "a line in the log"),
        Limit(
            "requests for OAuth tokens of one address that fail at once",
            count: OAuthDoor.failureBurst, "429 for those that fail"),
        Limit(
            "of these per second after that", count: OAuthDoor.failuresPerSecond,
            "429 for those that fail"),
        Limit(
            "requests for OAuth tokens of all addresses that fail at once",
            count: OAuthDoor.failureBurstOfAll, "429 for those that fail"),
        Limit(
            "of these per second after that", count: OAuthDoor.failuresPerSecondOfAll,
            "429 for those that fail"),
        Limit(
            "registrations of OAuth clients of one address at once",
            count: OAuthDoor.registrationBurst, "429"),
        Limit("the time in which one more may come", time: OAuthDoor.registrationTime, "429"),
        Limit(
            "registrations of OAuth clients of all addresses at once",
            count: OAuthDoor.registrationBurstOfAll, "429"),
        Limit("the time in which one more may come", time: OAuthDoor.registrationTimeOfAll, "429"),
        Limit(
            "requests of one address for a person's consent, without a login, at once",
            count: AuthorizationDoor.burst, "429"),
        Limit("of these per second after that", count: AuthorizationDoor.perSecond, "429"),
        Limit(
            "such requests of all addresses at once", count: AuthorizationDoor.burstOfAll, "429"),
        Limit("of these per second after that", count: AuthorizationDoor.perSecondOfAll, "429"),
        Limit(
            "addresses whose rate is remembered, for each kind of rate", count: Rates.keptLimit,
            "those that were quiet are forgotten, or else all"),
        Limit(
            "OAuth clients that have registered themselves", count: Store.clientLimit,
            "one that got no token for 10 minutes is dropped, or else 429"),
        Limit(
            "metadata documents of OAuth clients being fetched", count: ClientDocuments.places,
            share: ClientDocuments.share, "it waits, or 503"),
        Limit("such a fetch", time: DocumentFetch.patience, "the client is refused"),
        Limit(
            "such a document, and a registration", bytes: ClientDocument.limit,
            "the client is refused, 413"),
        Limit(
            "clients with such documents that are remembered", count: ClientDocuments.limit,
            "the one that would end first is forgotten"),
        Limit(
            "OAuth codes that are remembered", count: CodeBook.limit, "the oldest is forgotten"),
        Limit(
            "access tokens of one grant that are good at once", count: AccessToken.share,
            "the oldest end"),
        Limit(
            "used refresh tokens of one grant that are remembered", count: Int(RefreshToken.kept),
            "the oldest are forgotten"),
        Limit(
            "grants of one person to one OAuth client", count: Store.grantShare,
            "the one that has rested longest ends"),
        Limit("legacy MCP sessions", count: mcp.sessions.count, "503"),
        Limit(
            "legacy MCP sessions of one client", count: mcp.sessions.perPrincipal,
            "the one that has rested longest ends"),
        Limit("a legacy MCP session without requests", time: mcp.sessions.idle, "it ends"),
        Limit(
            "messages kept for legacy clients that lose a stream", bytes: mcp.sessions.replay.bytes,
            "the oldest are dropped"),
        Limit(
            "of these for one client", bytes: mcp.sessions.replay.principalBytes,
            "the oldest are dropped"),
        Limit(
            "how long they are kept", time: mcp.sessions.replay.time, "they are dropped"),
    ]

    private static let agents: [Limit] = [
        Limit(
            "requests being sent, to all agents", bytes: freight.requests,
            "a long call waits, a short one fails"),
        Limit(
            "requests being sent, to one agent", bytes: freight.agentRequests,
            "a long call waits, a short one fails"),
        Limit(
            "room of an agent that long calls leave to short ones", bytes: freight.kept,
            "a long call waits"),
        Limit("long calls that wait for room, per agent", count: freight.waiting, "the call fails"),
        Limit("a short call", bytes: freight.long, "the call is long, and may wait"),
        Limit("replies being passed on, of all agents", bytes: freight.replies, "the call fails"),
        Limit(
            "replies being passed on, of one agent", bytes: freight.agentReplies, "the call fails"),
        Limit("a reply with output or a file", bytes: MethodRow.largeReply, "the call fails"),
        Limit("any other reply", bytes: MethodRow.smallReply, "the call fails"),
        Limit("values in a reply", count: JSONLimits.answer.values, "the call fails"),
        Limit("an agent's answer with events", bytes: AgentEvents.bytes, "it is not asked again"),
        Limit(
            "such answers that are arriving, of all agents", bytes: EventWatch.answerBytes,
            "it is asked again"),
        Limit("questions for events to one agent at once", count: EventWatch.burst, "they wait"),
        Limit("of these per second after that", count: EventWatch.perSecond, "they wait"),
        Limit("calls to one agent at once", count: tunnel.waitingCalls, "the call fails"),
        Limit("of these of one client", count: OpenCalls.limit, "the call fails"),
        Limit(
            "calls to one agent that are given up at once", count: tunnel.resetBurst,
            "further ones wait for their end"),
        Limit(
            "of these per second after that", count: tunnel.resetsPerSecond,
            "further ones wait for their end"),
        Limit("an agent's silence before a ping", time: tunnel.pingTime(.caller), "a ping is sent"),
        Limit(
            "an agent's silence that ends its tunnel", time: tunnel.silence, "it is offline"),
        Limit(
            "an agent's silence that ends its tunnel during a call", time: tunnel.callSilence,
            "it is offline"),
    ]

    private static let people: [Limit] = [
        Limit("a link for a person", time: Store.linkLifetime, "it ends"),
        Limit(
            "from a login's challenge to its answer", time: .seconds(Challenges.lifetime),
            "it is refused"),
        Limit("challenges that are not answered yet", count: Challenges.limit, "429"),
        Limit("passkeys of one person", count: PasskeyRecord.limit, "409"),
        Limit(
            "a session of the page without requests", time: .seconds(PageSessionRecord.idle),
            "it ends"),
        Limit(
            "a session of the page", time: .seconds(PageSessionRecord.lifetime), "it ends"),
        Limit(
            "sessions of the page of one person", count: PageSessionRecord.limit,
            "the one that has rested longest ends"),
        Limit("logins and links that one address tries at once", count: LoginPages.burst, "429"),
        Limit("of these per second after that", count: LoginPages.perSecond, "429"),
        Limit(
            "logins and links that all addresses try at once", count: LoginPages.burstOfAll, "429"),
        Limit("of these per second after that", count: LoginPages.perSecondOfAll, "429"),
        Limit("a form that is sent to a page", bytes: FormBody.limit, "413"),
    ]

    private static let log: [Limit] = [
        Limit(
            "lines a minute about refused agents", count: GateLog.linesInAll,
            "they are counted"),
        Limit("of these for one reason", count: GateLog.lines, "they are counted"),
        Limit("characters of such a line", count: GateLog.lineLimit, "it is cut"),
        Limit(
            "lines a minute about agents' wrong answers", count: AgentLog.linesInAll,
            "they are counted"),
        Limit("of these about one agent", count: AgentLog.lines, "they are counted"),
        Limit(
            "lines a minute about refused logins, and about refused links", count: LoginLog.lines,
            "they are counted"),
        Limit(
            "lines a minute about clients that use TLS wrongly, for one reason",
            count: DoorLog.lines, "they are counted"),
    ]
}
