// The agent's two files: they come back whole, and damage is told, never repaired by a new key.
import Configuration
import Crypto
import Foundation
import JSON
import Support
import Testing

@testable import homeline_agent

@Suite struct UplinkIdentityTests {
    private func saved(_ folder: TemporaryDirectory, pin: Bool = true) throws -> Identity {
        let identity = Identity(
            key: try Identity.key(in: folder.path), addresses: ["tls://relay:1"],
            pin: pin ? PublicKeyPin(bytes: Array(0..<32)) : nil, agentID: "id", name: "site")
        try identity.save(to: folder.path)
        return identity
    }

    @Test func `an identity comes back, for its owner alone`() throws {
        for pin in [true, false] {
            let folder = try TemporaryDirectory("identity")
            let identity = try saved(folder, pin: pin)
            let loaded = try Identity.load(from: folder.path)
            #expect(loaded.key.publicKey == identity.key.publicKey && loaded.pin == identity.pin)
            #expect(loaded.addresses == ["tls://relay:1"] && loaded.agentID == "id")
            #expect(loaded.name == "site")
            for name in ["agent.key", "relay.json"] {
                let facts = try FileManager.default.attributesOfItem(atPath: folder.file(name))
                #expect((facts[.posixPermissions] as? NSNumber)?.intValue == 0o600)
            }
        }
    }

    @Test func `several addresses come back, and an earlier agent reads the first`() throws {
        let folder = try TemporaryDirectory("identity")
        var identity = try saved(folder)
        func stored() throws -> JSON {
            try JSON(parsing: Array(try Data(contentsOf: URL(filePath: folder.file("relay.json")))))
        }
        #expect(try stored()["relays"] == nil)
        identity.addresses = ["tls://a:1", "wss://b"]
        try identity.save(to: folder.path)
        #expect(try Identity.load(from: folder.path).addresses == ["tls://a:1", "wss://b"])
        #expect(try stored()["relay"] == "tls://a:1")
        // An earlier agent, or a person, has changed the one that it knows.
        var json = try stored().objectValue ?? [:]
        json["relay"] = "tls://c:1"
        try folder.write("\(JSON.object(json))", to: "relay.json")
        chmod(folder.file("relay.json"), 0o600)
        #expect(try Identity.load(from: folder.path).addresses == ["tls://c:1"])
    }

    @Test func `the next key stays the same until it is in use, and then is the key`() throws {
        let folder = try TemporaryDirectory("identity")
        var identity = try saved(folder)
        let first = identity.key.publicKey
        let next = try identity.nextKey(in: folder.path).publicKey
        #expect(try identity.nextKey(in: folder.path).publicKey == next && next != first)
        #expect(try Identity.load(from: folder.path).key.publicKey == first)
        #expect(throws: UplinkError.self) {
            try identity.useNextKey(Array(repeating: 7, count: 32), in: folder.path)
        }
        let file = try String(contentsOfFile: folder.file("agent.key.next"), encoding: .utf8)
        for _ in 1...2 {
            try identity.useNextKey(next.bytes, in: folder.path)
            #expect(identity.key.publicKey == next)
            #expect(try Identity.load(from: folder.path).key.publicKey == next)
        }
        // The power was cut before the file was removed.
        try folder.write(file, to: "agent.key.next")
        #expect(try identity.nextKey(in: folder.path).publicKey != next)
        // One that was cut off while it was written has never been offered.
        try folder.write("-----BEGIN", to: "agent.key.next")
        let other = try identity.nextKey(in: folder.path).publicKey
        #expect(try identity.nextKey(in: folder.path).publicKey == other)
    }

    @Test func `a key to join anew stays beside the folder's own until it has joined`() throws {
        let folder = try TemporaryDirectory("identity")
        let identity = try saved(folder)
        _ = try identity.nextKey(in: folder.path)
        let new = try Identity.newKey(in: folder.path)
        #expect(try Identity.newKey(in: folder.path).publicKey == new.publicKey)
        #expect(try Identity.key(in: folder.path).publicKey == identity.key.publicKey)
        try Identity.use(new, in: folder.path)
        #expect(try Identity.key(in: folder.path).publicKey == new.publicKey)
        for name in ["agent.key.next", "agent.key.new"] {
            #expect(!FileManager.default.fileExists(atPath: folder.file(name)), "\(name)")
        }
    }

    @Test func `a folder that has not joined says how`() throws {
        let folder = try TemporaryDirectory("identity")
        #expect(throws: UplinkError.self) { _ = try Identity.load(from: folder.path) }
        do { _ = try Identity.load(from: folder.path) } catch {
            #expect(error.description.contains("homeline-agent join"))
            #expect(error.isFinal && error.exitCode == ExitCode.configuration)
        }
    }

    @Test func `a damaged relay file is told`() throws {
        let folder = try TemporaryDirectory("identity")
        _ = try saved(folder)
        let whole = try String(contentsOfFile: folder.file("relay.json"), encoding: .utf8)
        for damaged in [
            "", "{", "[]", "null", String(whole.dropLast()), #"{"relay":"tls://r:1"}"#,
            #"{"relay":"tls://r:1","agent_id":5,"name":"x"}"#,
            #"{"relay":"tls://r:1","agent_id":"a","name":"x","pin":"AAAA"}"#,
            #"{"relay":"tls://r:1","agent_id":"a","name":"x","pin":7}"#,
            #"{"relay":"tls://r:1","agent_id":"a","name":"x","pin":""}"#,
        ] {
            try folder.write(damaged, to: "relay.json")
            do {
                _ = try Identity.load(from: folder.path)
                Issue.record("loaded: \(damaged)")
            } catch {
                #expect(error.description.contains("join again"), "\(error)")
                #expect(error.isFinal)
            }
        }
    }

    @Test func `a damaged, unreadable or missing key is told and never replaced`() throws {
        let folder = try TemporaryDirectory("identity")
        _ = try saved(folder)
        let whole = try String(contentsOfFile: folder.file("agent.key"), encoding: .utf8)
        let large = whole + String(repeating: "\n", count: 2 << 20)
        for damaged in ["", "x", String(whole.prefix(40)), large] {
            try folder.write(damaged, to: "agent.key")
            #expect(throws: UplinkError.self) { _ = try Identity.key(in: folder.path) }
            #expect(throws: UplinkError.self) { _ = try Identity.load(from: folder.path) }
            let kept = try String(contentsOfFile: folder.file("agent.key"), encoding: .utf8)
            #expect(kept == damaged)
        }
        try FileManager.default.removeItem(atPath: folder.file("agent.key"))
        do {
            _ = try Identity.load(from: folder.path)
            Issue.record("loaded without its key")
        } catch {
            #expect(error.description.contains("join again"), "\(error)")
        }
        #expect(!FileManager.default.fileExists(atPath: folder.file("agent.key")))
    }

    @Test func `a key that others may read, and a folder they may change, are refused`() throws {
        let folder = try TemporaryDirectory("identity")
        _ = try saved(folder)
        for (path, open, closed) in [
            (folder.file("agent.key"), 0o640, 0o600), (folder.path, 0o777, 0o700),
        ] {
            chmod(path, mode_t(open))
            do {
                _ = try Identity.load(from: folder.path)
                Issue.record("loaded with the mode \(open)")
            } catch {
                #expect(error.description.contains("run chmod"), "\(error)")
            }
            #expect(throws: UplinkError.self) { _ = try Identity.key(in: folder.path) }
            chmod(path, mode_t(closed))
        }
        _ = try Identity.load(from: folder.path)
    }

    @Test func `joining again keeps the key`() throws {
        let folder = try TemporaryDirectory("identity")
        let first = try Identity.key(in: folder.path).publicKey
        #expect(try Identity.key(in: folder.path).publicKey == first)
        #expect(try Identity.key(in: folder.path + "/made/on/the/way").publicKey != first)
    }

    /// Otherwise the relay would wait for the offered key for ever, and the agent offer another.
    @Test func `a next key that cannot be put in place is still the next one`() throws {
        let folder = try TemporaryDirectory("identity")
        var identity = try saved(folder)
        let present = identity.key.publicKey
        let next = try identity.nextKey(in: folder.path).publicKey
        let key = try String(contentsOfFile: folder.file("agent.key"), encoding: .utf8)
        // As a disk that is full: nothing can be put in the place of a folder.
        try FileManager.default.removeItem(atPath: folder.file("agent.key"))
        try folder.folder("agent.key/full")
        #expect(throws: UplinkError.self) {
            try identity.useNextKey(next.bytes, in: folder.path)
        }
        #expect(identity.key.publicKey == present)
        #expect(try identity.nextKey(in: folder.path).publicKey == next)
        try FileManager.default.removeItem(atPath: folder.file("agent.key"))
        try folder.write(key, to: "agent.key")
        try identity.useNextKey(next.bytes, in: folder.path)
        #expect(try Identity.load(from: folder.path).key.publicKey == next)
    }
}
