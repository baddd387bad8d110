// The web server in front of a relay that is reached by WebSocket: its TLS, and whether it passes
// the WebSocket on. Part of RelayChecks; the tunnel's own TLS is tried inside afterwards.
import Configuration
import Diagnosis
import HTTP
import Loop
import Net

/// Checks of the layers below a tunnel that a web server passes on.
@IO struct WebServerChecks {
    let examination: Examination
    let relay: RelayAddress
    let way: WayOut

    /// The time of each step: one lost packet more than what a slow line takes.
    private static let patience = Duration.seconds(5)

    /// The WebSocket, if it opens.
    func run(over socket: any ByteStream) async -> WebSocketStream? {
        let (relay, way) = (relay, way)
        let silence = "something between drops what it does not know: try from another network"
        let stream = await examination.find(
            "https", "the web server at \(relay.authority)",
            within: Self.patience + .seconds(1),
            late: .fault("no answer", advice: silence, exit: ExitCode.unavailable)
        ) {
            do throws(UplinkError) {
                let stream = try await WebServerPassage.greet(
                    over: socket, relay, way, deadline: Self.patience)
                return (.ok("\(stream.version ?? "TLS"), certificate trusted"), stream)
            } catch {
                return (Self.fault(error, silence), nil)
            }
        }
        guard let stream else { return nil }
        return await examination.find(
            "websocket", "GET \(relay.path ?? "") with Upgrade: websocket",
            within: Self.patience + .seconds(1),
            late: .fault("no answer", advice: silence, exit: ExitCode.unavailable)
        ) {
            do throws(UplinkError) {
                let opened = try await WebServerPassage.open(
                    over: stream, relay, deadline: Self.patience)
                return (.ok("101: it is open, to the relay"), opened)
            } catch {
                return (Self.fault(error, silence), nil)
            }
        }
    }

    private static func fault(_ error: UplinkError, _ silence: String) -> Check.Verdict {
        switch error {
        case .webSocket(let reason):
            .fault(
                "\(reason)", advice: WebServerPassage.advice(reason), exit: ExitCode.unavailable)
        case .webServer(let reason):
            .fault(
                "\(reason)",
                advice: UplinkError.webAdvice(reason) ?? silence, exit: ExitCode.unavailable)
        case .net, .refused, .timedOut, .ended, .badAddress, .wayOut, .identity, .several:
            .fault("\(error)", advice: silence, exit: ExitCode.unavailable)
        }
    }
}
