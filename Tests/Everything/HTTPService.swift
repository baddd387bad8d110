// The fixture over HTTP: one path, open to whoever reaches the loopback address. Invariant: the
// first line of standard output is the URL; SIGINT and SIGTERM end it, streams with their result.
import Glibc
import HTTP
import Loop
import MCP
import Net

@IO enum HTTPService {
    /// Serves at `HOST:PORT` until a signal; port 0 takes a free one.
    static func run(at place: String) async -> Int32 {
        guard let address = address(place), address.isLoopback else {
            Process.complain("mcp-everything: \(place) is not a loopback address with a port")
            return 64
        }
        _ = Process.raiseDescriptorLimit()
        let everything = Everything()
        let access = HTTPAccess(isLoopback: true)
        let endpoint = MCPHTTPEndpoint(server: everything.server, access: access) { _ in
            .principal(Everything.principal, nil)
        }
        let http = HTTPServer { request, responder in
            guard request.path == "/mcp" else { return responder.sendNotFound("use /mcp") }
            await endpoint.handle(request, responder)
        }
        do throws(NetError) {
            let listener = try Listener.tcp(address) { http.serve($0) }
            guard let bound = listener.address else { return 1 }
            Process.print("http://\(bound)/mcp\n")
            await Signals.wait()
            listener.close()
            await everything.server.stop(grace: .milliseconds(500), saying: "the server stops")
            endpoint.close()
            await http.shutdown(grace: .milliseconds(300))
            return 0
        } catch {
            Process.complain("mcp-everything: \(error)")
            return 1
        }
    }

    private static func address(_ place: String) -> SocketAddress? {
        guard let colon = place.lastIndex(of: ":"),
            let port = UInt16(place[place.index(after: colon)...])
        else { return nil }
        let host = place[..<colon].filter { $0 != "[" && $0 != "]" }
        return SocketAddress(ip: host == "localhost" ? "127.0.0.1" : host, port: port)
    }
}

/// The signals that end the program.
@IO enum Signals {
    /// Returns at the first SIGINT or SIGTERM.
    static func wait() async {
        let received = Once<Void>()
        let watches = [SIGINT, SIGTERM].map { SignalWatch($0) { received.set(()) } }
        await received.wait()
        for watch in watches { watch.cancel() }
    }
}
