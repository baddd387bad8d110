// Where a relay is reached: its two ports, or a socket of its folder alone.
// Flow: RelayService.start → here → Gate and ClientEntrance.
import Configuration
import Crypto
import Glibc
import HTTP
import Loop
import MCP
import Net
import Wire

/// What a relay listens on.
enum Doors {
    /// A port for agents and one for MCP clients.
    case ports
    /// A socket in its folder for agents of this machine; MCP clients come by the admin socket.
    case folder
}

extension RelayService {
    /// Listens for agents of this machine alone.
    func listen(at path: String, _ pin: PublicKeyPin) async throws {
        try AdminServer.check(path: path)
        try gate.listen(path: path)
        tunnelURLs = ["unix:\(Self.escaped(try Self.absolute(path)))"]
        try await administration.remember(tunnelURLs: tunnelURLs, pin: pin)
    }

    private static func absolute(_ path: String) throws(StartFailure) -> String {
        guard !path.hasPrefix("/") else { return path }
        var room = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard unsafe getcwd(&room, room.count) != nil else {
            throw StartFailure("the working directory is gone: name --data", ExitCode.cannotCreate)
        }
        return String(
            decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            + "/" + path
    }

    /// A path as URLs have it: an invitation has neither spaces nor letters beyond ASCII.
    private static func escaped(_ path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false)
            .map { PercentText.value(String($0)) }.joined(separator: "/")
    }

    func listen(
        _ options: Options, _ urls: [TunnelURL], _ pin: PublicKeyPin, _ inheritance: Inheritance?
    ) async throws {
        do {
            try await bind(options, urls, pin, inheritance)
        } catch let error as NetError where inheritance != nil {
            // Both processes hold the earlier one's sockets, which have the port.
            throw StartFailure(
                "\(error); an address that changes on the same port needs an end and a start",
                ExitCode.unavailable)
        }
    }

    private func bind(
        _ options: Options, _ urls: [TunnelURL], _ pin: PublicKeyPin, _ inheritance: Inheritance?
    ) async throws {
        let tunnel = try await Entrances.resolve(Settings.tunnel, options)[0]
        let bound = try gate.listen(tunnel, adopting: inheritance?.socket(.tunnel, at: tunnel))
        let host = bound.isWildcard ? Process.hostName : bound.host
        tunnelURLs =
            urls.isEmpty
            ? ["tls://\(Address(host: host, port: bound.port))"] : urls.map(\.description)
        try await administration.remember(tunnelURLs: tunnelURLs, pin: pin)
        try entrance.listen(
            try await Entrances.resolve(Settings.mcp, options),
            of: options.address(Settings.mcp)?.host ?? "", adopting: inheritance)
        // At once, before a request comes: tokens that are good would be refused.
        openOAuth(options)
        try await administration.remember(mcpURL: entrance.url)
        box.base = String(entrance.url.dropLast("/mcp".count))
        inheritance?.closeRest()
    }
}
