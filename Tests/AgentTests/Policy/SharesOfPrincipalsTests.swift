// One principal uses up what an agent has: file calls, commands, connections, runs of ssh, greps.
// Another one is served all the same.
import Foundation
import JSON
import Loop
import Net
import Support
import Testing
import Wire

@testable import homeline_agent

/// A port that takes connections and says nothing.
@IO private final class Silence {
    private var listener: Listener?
    private var open: [SocketStream] = []
    var port: UInt16 { listener?.address?.port ?? 0 }

    init() throws {
        let address = try #require(SocketAddress(ip: "127.0.0.1", port: 0))
        listener = try Listener.tcp(address) { [unowned self] in open.append($0) }
    }

    func close() {
        listener?.close()
        for stream in open { stream.close(nil) }
    }
}

@Suite(.timeLimit(.minutes(2))) struct SharesOfPrincipalsTests {
    private let mallory = Caller(id: "mallory", reach: Caller.everywhere)
    private let bob = Caller(id: "bob", reach: Caller.everywhere)

    /// The sentences of the calls that found no place.
    @IO private final class Refusals {
        private(set) var texts: [String] = []
        func add(_ result: Result<JSON, Fault>) {
            if case .failure(let fault) = result, fault.code == .limitReached {
                texts.append(fault.message)
            }
        }
    }

    @Test(.needs("ssh")) @IO func `file calls that hang leave room for others`() async throws {
        let desk = try await Desk([])
        let silence = try Silence()
        defer { silence.close() }
        try desk.folder.write("hi", to: "f")
        let refusals = Refusals()
        let calls = (0..<Files.limit).map { index in
            IO.task {
                let target = "site/u\(index)@127.0.0.1:\(silence.port)"
                refusals.add(
                    await desk.call(
                        .readFile, ["target": .string(target), "path": "f"], as: mallory))
            }
        }
        _ = await holds(within: .seconds(5)) { refusals.texts.count == Files.limit / 4 }
        let his = await desk.call(
            .readFile, ["target": "site/local", "path": desk.file("f")], as: bob)
        #expect((try? his.get()) != nil, "\(his)")
        #expect(refusals.texts.first?.contains("share: try again") == true, "\(refusals.texts)")
        silence.close()
        for call in calls { await call.value }
        #expect(desk.service.files.places.taken == 0)
        await desk.service.shutDown()
    }

    @Test @IO func `commands that run leave room for others`() async throws {
        let desk = try await Desk([])
        let commands = desk.service.commands
        commands.places.limit = 4
        func start(_ caller: Caller) async -> Fault? {
            let call: JSON.Object = [
                "target": "site/local", "command": "sleep 60", "background": true,
            ]
            if case .failure(let fault) = await desk.call(.execute, call, as: caller) {
                return fault
            }
            return nil
        }
        for _ in 0..<3 { #expect(await start(mallory) == nil) }
        let refusal = await start(mallory)
        #expect(refusal?.code == .limitReached)
        #expect(refusal?.message.contains("share: cancel some") == true, "\(refusal as Any)")
        #expect(await start(bob) == nil)
        #expect(await start(bob)?.message.contains("all 4") == true)
        // Each place comes back when its command has ended.
        await commands.shutDown(saying: "the test is over")
        #expect(await holds { commands.places.taken == 0 })
        #expect(await start(mallory) == nil)
        await desk.service.shutDown()
    }

    @Test @IO func `connections that are never made leave room for others`() async throws {
        let silence = try Silence()
        defer { silence.close() }
        let links = Links()
        links.limit = 4
        var faults: [Fault] = []
        func connect(_ name: String, for principal: String) throws -> Task<Void, Never> {
            var target = SSHTarget(
                try TargetName("\(name)@127.0.0.1"),
                place: Place(environment: [:], user: name, home: "/"))
            (target.user, target.port) = (name, silence.port)
            return IO.task { [target] in
                await Sharer.serving(principal) {
                    var options = LinkOptions()
                    options.retries = 0
                    let result = await outcome {
                        _ = try await links.execute(on: target, options) { _ in "true" }
                    }
                    if case .failure(let fault) = result { faults.append(fault) }
                }
            }
        }
        let hers = try (0..<4).map { try connect("u\($0)", for: "mallory") }
        #expect(await holds { links.summary.opening == 3 && faults.count == 1 })
        #expect(faults.first?.code == .limitReached)
        #expect(faults.first?.message.contains("MaxLinks 4") == true, "\(faults)")
        let his = try connect("bob", for: "bob")
        #expect(await holds { links.summary.opening == 4 })
        #expect(faults.count == 1, "\(faults)")
        silence.close()
        for task in hers + [his] { await task.value }
        #expect(links.summary.opening == 0)
        // Attempts that have failed have given their places back.
        links.limit = 1
        let again = try connect("u9", for: "mallory")
        await again.value
        #expect(faults.last?.code != .limitReached, "\(faults)")
        links.shutDown()
    }

    @Test @IO func `made-up names start few processes, and a name of another is read`() async throws
    {
        let folder = try TemporaryDirectory("ssh")
        // Names that begin with m wait until the file "go" is there.
        let ssh = try folder.write(
            """
            #!/bin/sh
            for last; do :; done
            case $last in
                m*) : >"\(folder.path)/run-$last"
                    while [ ! -e "\(folder.path)/go" ]; do sleep 0.02; done ;;
            esac
            echo hostname 127.0.0.1
            """, to: "ssh")
        chmod(ssh, 0o700)
        let targets = Targets(
            settings: TargetSettings(sshConfig: try folder.write("", to: "config")),
            place: Place(environment: [:], user: "me", home: folder.path), ssh: ssh)
        func started() -> Int {
            let files = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
            return files?.count { $0.hasPrefix("run-") } ?? 0
        }
        func resolve(_ name: String, for principal: String) -> Task<Bool, Never> {
            IO.task {
                await Sharer.serving(principal) {
                    (try? await targets.resolve(TargetName(name))) != nil
                }
            }
        }
        let hers = (0..<12).map { resolve("m\($0 % 6)", for: "mallory") }
        #expect(await holds { started() >= SSHProgram.share })
        #expect(await resolve("bench", for: "bob").value)
        #expect(started() == SSHProgram.share)
        try folder.write("", to: "go")
        for task in hers { #expect(await task.value) }
        #expect(started() == 6)
    }

    @Test @IO func `greps leave room for another's grep`() async throws {
        let desk = try await Desk([])
        try desk.folder.write("one\ntwo\n", to: "f")
        let searches = desk.service.files.searches
        let held = try (0..<Files.searchShare).map { _ in try searches.take(for: mallory.id) }
        let call: JSON.Object = ["target": "site/local", "path": desk.file("f"), "grep": "two"]
        let hers = IO.task { await desk.call(.readFile, call, as: mallory) }
        #expect(await holds { searches.waiting == 1 })
        let his = await desk.call(.readFile, call, as: bob)
        #expect((try? his.get()) != nil, "\(his)")
        for place in held { place.giveBack() }
        #expect((try? await hers.value.get()) != nil)
        #expect(searches.taken == 0)
        await desk.service.shutDown()
    }
}
