// What a new site downloads, and the line by which it does.
import Crypto
import Foundation
import HTTP
import JSON
import Loop
import Net
import Support
import Testing

@testable import homeline_relay

@Suite struct DownloadTests {
    @Test func `the line names the agents' port and its key, and no secret in the URL`() throws {
        let pin = try #require(PublicKeyPin(bytes: [UInt8](repeating: 251, count: 32)))
        let sum = String(repeating: "a", count: 64)
        #expect(
            PastedLine.text(url: "tls://r.example:8643", pin: pin, invitation: "hl1.x", seal: sum)
                == "(curl -fsS --insecure --pinnedpubkey sha256//\(pin.base64)"
                + " https://r.example:8643/install; echo homeline hl1.x \(sum)) | sh -s --")
        #expect(
            PastedLine.text(
                url: "tls://[::2]:8643", pin: pin, invitation: "hl1.x", seal: sum, with: .wget)
                == "(wget -qO- --no-check-certificate --pinnedpubkey=sha256//\(pin.base64)"
                + " 'https://[::2]:8643/install'; echo homeline hl1.x \(sum)) | sh -s --")
        // A public authority vouches for it: curl checks its certificate.
        #expect(
            PastedLine.text(url: "tls://r.example:443", pin: nil, invitation: "hl1.x", seal: sum)
                == "(curl -fsS https://r.example:443/install; echo homeline hl1.x \(sum)) | sh -s --"
        )
        #expect(
            PastedLine.text(url: "tls://[2001:db8::1]:8643", pin: nil, invitation: "i", seal: sum)
                == "(curl -fsS -g 'https://[2001:db8::1]:8643/install'; echo homeline i \(sum)) | sh -s --"
        )
        // Through a web server, whose certificate an authority vouches for; its key is not the
        // relay's.
        for (url, place) in [
            ("wss://r.example/tunnel", "r.example"),
            ("wss://r.example:444/a/tunnel", "r.example:444/a"),
        ] {
            #expect(
                PastedLine.text(url: url, pin: pin, invitation: "i", seal: sum)
                    == "(curl -fsS https://\(place)/install; echo homeline i \(sum)) | sh -s --")
            // Who ends TLS there can change the script, which the operator hears.
            #expect(PastedLine.warning(url: url)?.contains("nothing in the line checks it") == true)
        }
        #expect(PastedLine.warning(url: "tls://r.example:8643") == nil)
        #expect(PastedLine.text(url: "ssh://r", pin: nil, invitation: "i", seal: sum) == nil)
    }

    @Test(arguments: [
        ("tls://relay:8643", true), ("tls://0f3a9c:8643", true), ("tls://127.0.0.1:8643", true),
        ("tls://[::1]:8643", true), ("tls://relay.example:8643", false),
        ("tls://10.0.0.5:8643", false), ("wss://relay.example", false),
    ]) func `an address that sites may not reach is doubted`(url: String, isDoubted: Bool) throws {
        #expect((try TunnelURL(url).doubt != nil) == isDoubted)
    }

    /// What chat programs, editors and mail make of a line.
    private static func spoilt(_ line: String) -> [String] {
        var all: [String] = []
        for dash in ["\u{2013}", "\u{2014}", "-"] {
            all.append(line.replacing("--", with: dash))
            all.append(line.replacing("-", with: dash))
        }
        for (open, close) in [("\u{2018}", "\u{2019}"), ("\u{201C}", "\u{201D}"), ("", "")] {
            let parts = line.split(separator: "'", omittingEmptySubsequences: false)
            if parts.count == 3 { all.append(parts[0] + open + parts[1] + close + parts[2]) }
        }
        // The end of the first command is a space, too: what follows is the shell, which gets
        // nothing.
        for (at, letter) in zip(line.indices, line).prefix(while: { $1 != "|" }) {
            let (head, tail) = (line[..<at], line[at...])
            if line.distance(from: line.startIndex, to: at) % 20 == 8 {
                all.append(head + "\n" + tail)
            }
            guard letter == " " else { continue }
            for other in ["\n", "\u{A0}", ""] {
                all.append(head + other + tail.dropFirst())
            }
        }
        return all
    }

    @Test(.needs("curl"), arguments: Need.ipv6.isMet ? ["127.0.0.1", "[::1]"] : ["127.0.0.1"])
    @IO func `a line that was spoilt on its way asks no server with another key`(
        host: String
    ) async throws {
        let made = try SelfSignedCertificate.generate(commonName: "other")
        let context = try TLSContext(
            serverCertificate: made.certificatePEM, key: made.keyPEM, alpn: [])
        var asked = 0
        let server = HTTPServer { _, responder in
            asked += 1
            responder.send(body: Array("echo ran\n".utf8))
        }
        let listener = try Listener.tcp(
            try #require(SocketAddress(ip: host.filter { !"[]".contains($0) }, port: 0))
        ) { socket in
            IO.task {
                guard let stream = try? await TLSStream.handshake(over: socket, context: context)
                else { return }
                server.serve(stream)
            }
        }
        defer {
            listener.close()
            server.close()
        }
        func line(_ pin: PublicKeyPin) throws -> String {
            let url = "tls://\(host):\(try #require(listener.address?.port))"
            return try #require(
                PastedLine.text(url: url, pin: pin, invitation: "hl1.x", seal: "5d0c"))
        }
        func paste(_ line: String) async throws -> String {
            let shell = try RunningProcess("/bin/sh", ["-c", line], directory: "/")
            _ = try await shell.finished(within: .seconds(20))
            return shell.output
        }
        let right = try line(PublicKeyPin(certificatePEM: made.certificatePEM))
        #expect(try await paste(right) == "ran\n" && asked == 1)
        let other = try #require(PublicKeyPin(bytes: [UInt8](repeating: 251, count: 32)))
        // Only the quotes are another matter in an IPv6 address: they come among the first.
        let spoilt = try Self.spoilt(line(other)).prefix(host == "127.0.0.1" ? .max : 9)
        for spoilt in try [line(other)] + spoilt {
            // A line that was broken before its `|` shows the words of `echo`, and runs nothing.
            let output = try await paste(spoilt)
            #expect(!output.contains("ran") && asked == 1, "\(spoilt)")
        }
    }

    @Test func `a person sees both lines, a script the one it asked for`() {
        let result: JSON = ["line": "homeline-agent join hl1.x", "pasted": "curl … | sh"]
        func text(_ request: JSON, isTerminal: Bool) -> String {
            AdminText.text(request, result, isTerminal: isTerminal)
        }
        let plain: JSON = ["command": "invite", "pasted": false]
        #expect(text(plain, isTerminal: false) == "homeline-agent join hl1.x\n")
        let both = text(plain, isTerminal: true)
        #expect(both.contains("\ncurl … | sh\n") && both.contains("\nhomeline-agent join hl1.x\n"))
        let pasted: JSON = ["command": "invite", "pasted": true]
        #expect(text(pasted, isTerminal: true) == "curl … | sh\n")
    }

    @Test(arguments: ["h'", "h\"", "h$(id)", "h h", "h\\", "h;", "", "h\n"])
    func `a host that could leave the script's quotes is left out`(host: String) {
        #expect(!InstallScript.isPlain(host))
        #expect(InstallScript.text(base: "https://\(host)").contains("base=''"))
    }

    @Test func `the script is whole, and knows where it came from`() {
        for base in ["https://r.example:8643", "http://[::1]:8642", "https://r.example/home/line"] {
            let text = InstallScript.text(base: base)
            #expect(text.contains("base='\(base)'\n"))
            #expect(text.hasPrefix("#!/bin/sh\n") && text.hasSuffix("\n}\n"))
        }
    }

    @Test @IO func `sums are those of the files, of the first folder that has one`() async throws {
        let (first, second) = (try TemporaryDirectory("a"), try TemporaryDirectory("b"))
        try first.write("one", to: "homeline-agent-linux-x86_64")
        try second.write("two", to: "homeline-agent-linux-x86_64")
        try second.write("three", to: "homeline-agent-linux-aarch64")
        try second.write("", to: "homeline-agent-linux-empty")
        try second.write("x", to: "homeline-agent-linux-x86_64.sha256")
        let programs = AgentPrograms(folders: [first.file(""), second.file(""), "/nowhere"])
        func sum(_ text: String) -> String { Hex.encode(SHA256.hash(Array(text.utf8))) }
        let expected = """
            \(sum("three"))  homeline-agent-linux-aarch64
            \(sum("one"))  homeline-agent-linux-x86_64

            """
        #expect(await programs.sums() == expected)
        #expect(await programs.seal() == sum(expected))
        // A replaced file has another sum.
        try first.write("four", to: "homeline-agent-linux-x86_64")
        #expect(await programs.sums()?.contains(sum("four")) == true)
        #expect(await AgentPrograms(folders: ["/nowhere"]).seal() == nil)
    }

    @Test(arguments: [
        "/install", "//install/", "/agent/sums", "/agent/linux-x86_64",
    ]) func `these paths are downloads`(path: String) { #expect(DownloadDoor.serves(path)) }

    @Test(arguments: ["/", "/mcp", "/agent", "/agent/a/b", "/install/x"])
    func `these are not`(path: String) { #expect(!DownloadDoor.serves(path)) }

    @Test @IO func `a long program comes whole, a fifth download of one address later`()
        async throws
    {
        let folder = try TemporaryDirectory("long")
        // More than the system's buffers of a connection take.
        let half = 5_000_000
        let bytes = [UInt8](repeating: 1, count: half) + [UInt8](repeating: 2, count: half)
        let sum = SHA256.hash(bytes)
        try Data(bytes).write(
            to: URL(fileURLWithPath: folder.file("homeline-agent-linux-x86_64")))
        let door = DownloadDoor(AgentPrograms(folders: [folder.file("")]))
        let server = HTTPServer { request, responder in
            await door.handle(request, responder, base: "http://h")
        }
        let listener = try Listener.tcp(try #require(SocketAddress(ip: "127.0.0.1", port: 0))) {
            server.serve($0)
        }
        defer {
            listener.close()
            server.close()
        }
        let port = try #require(listener.address?.port)
        let get = Array(
            "GET /agent/linux-x86_64 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".utf8)
        let whole = try await HTTPAnswer.exchange(get, port: port, within: .seconds(10))
        #expect(whole.status == 200 && SHA256.hash(whole.body) == sum)
        // Four that do not read have the share of their address.
        var idle: [SocketStream] = []
        for _ in 0..<DownloadDoor.share {
            let stream = try await SocketStream.connect(host: "127.0.0.1", port: port)
            stream.pauseReading()
            stream.write(get)
            idle.append(stream)
        }
        var answer = whole
        for _ in 0..<20 where answer.status != 503 {
            answer = try await HTTPAnswer.exchange(get, port: port, within: .seconds(10))
        }
        #expect(answer.status == 503 && answer.headers["retry-after"] == "2")
        for stream in idle { stream.close() }
        for _ in 0..<200 where answer.status != 200 {
            try await IO.sleep(for: .milliseconds(10))
            answer = try await HTTPAnswer.exchange(get, port: port, within: .seconds(10))
        }
        #expect(SHA256.hash(answer.body) == sum)
    }

    /// The agents' port, which has TLS alone, with a long program.
    @IO private final class Port {
        /// More bytes than the system's buffers of a connection ever take (32 MiB, `tcp_rmem`).
        let size = 60_000_000
        let door: DownloadDoor
        private let folder: TemporaryDirectory
        private let listener: Listener
        private let client: TLSContext

        init(patience: Duration = DownloadDoor.patience) throws {
            folder = try TemporaryDirectory("long")
            let file = try folder.write("", to: "homeline-agent-linux-x86_64")
            // A hole: nobody reads it to its end.
            guard truncate(file, size) == 0 else { throw Unavailable("truncate: errno \(errno)") }
            let door = DownloadDoor(AgentPrograms(folders: [folder.file("")]), patience: patience)
            let made = try SelfSignedCertificate.generate(commonName: "relay")
            let context = try TLSContext(
                serverCertificate: made.certificatePEM, key: made.keyPEM, alpn: ["http/1.1"])
            client = try TLSContext(
                client: .pin(try PublicKeyPin(certificatePEM: made.certificatePEM)),
                alpn: ["http/1.1"])
            self.door = door
            listener = try Listener.tcp(try #require(SocketAddress(ip: "127.0.0.1", port: 0))) {
                (socket) in
                IO.task {
                    guard
                        let stream = try? await TLSStream.handshake(over: socket, context: context)
                    else { return }
                    await door.serve(stream, refusal: "elsewhere")
                }
            }
        }

        func dial() async throws -> Visitor {
            let address = try #require(listener.address)
            let socket = try await SocketStream.connect(to: address, deadline: .seconds(5))
            return Visitor(
                try await TLSStream.handshake(over: socket, context: client, serverName: "relay"))
        }

        func close() {
            listener.close()
            door.close()
        }
    }

    /// One who asks for the program and reads only the beginning.
    @IO private final class Visitor {
        let stream: TLSStream
        private(set) var received = 0
        private(set) var head = ""
        private(set) var isOver = false

        init(_ stream: TLSStream) {
            self.stream = stream
            unsafe stream.onData = { [unowned self] bytes in
                received += bytes.count
                if head.utf8.count < 12 { head += unsafe String(decoding: bytes, as: UTF8.self) }
                stream.pauseReading()
            }
            stream.onClose = { [weak self] _ in self?.isOver = true }
        }

        func ask() {
            stream.write(Array("GET /agent/linux-x86_64 HTTP/1.1\r\nHost: h\r\n\r\n".utf8))
        }

        /// The status of what came.
        func status() async -> String {
            for _ in 0..<2000 where head.utf8.count < 12 {
                try? await IO.sleep(for: .milliseconds(1))
            }
            return String(head.prefix(12).suffix(3))
        }
    }

    @Test @IO func `on the agents' port an address has its share, too`() async throws {
        let port = try Port()
        defer { port.close() }
        var visitors: [Visitor] = []
        for number in 0...DownloadDoor.share {
            let visitor = try await port.dial()
            visitor.ask()
            #expect(await visitor.status() == (number < DownloadDoor.share ? "200" : "503"))
            visitors.append(visitor)
        }
        // Those who ask for nothing have a share as well.
        while visitors.count < DownloadDoor.visitorShare { visitors.append(try await port.dial()) }
        let last = try await port.dial()
        #expect(await last.status() == "503")
        for visitor in visitors + [last] { visitor.stream.close() }
    }

    @Test @IO func `a download that takes too long is cut off`() async throws {
        let port = try Port(patience: .milliseconds(100))
        defer { port.close() }
        let visitor = try await port.dial()
        visitor.ask()
        #expect(await visitor.status() == "200")
        try await IO.sleep(for: .milliseconds(150))
        for _ in 0..<2000 where !visitor.isOver {
            visitor.stream.resumeReading()
            try await IO.sleep(for: .milliseconds(1))
        }
        #expect(visitor.isOver && visitor.received < port.size)
    }
}
