import JSON
import Support
import Testing

private let message = Array(
    #"""
    {"jsonrpc":"2.0","id":"a\u00e9\ud83d\ude00b","method":"tools/call","params":{"name":"ssh_execute",
     "arguments":{"target":"web-1","command":"printf 'é😀\n'","wait_s":1.5e1,"list":[1,-2,0.25,true,
     false,null,{},[]]},"_meta":{"progressToken":7}}}
    """#.utf8)

@Suite struct MutationTests {
    @Test func `members give the ranges a router needs`() throws {
        let members = try JSON.members(of: message)
        #expect(members.map(\.name) == ["jsonrpc", "id", "method", "params"])
        let params = try JSON(parsing: message, in: members[3].value)
        #expect(params["arguments"]?["target"] == "web-1")
        #expect(JSON.raw(RawJSON(members[3], of: message)) == params)
        #expect(throws: JSONError.notAnObject) { try JSON.members(of: Array("[1]".utf8)) }
        #expect(throws: JSONError.self) { try JSON.members(of: Array("[1".utf8)) }
        #expect(throws: JSONError.self) { try JSON.members(of: Array(#"{"a":[1,}"#.utf8)) }
        #expect(try JSON.members(of: Array(" {} ".utf8)).isEmpty)
    }

    @Test func `elements give the ranges of a batch`() throws {
        let bytes = Array(" [ 1 , {\"a\":[2]},\"x\" ] ".utf8)
        let texts = try JSON.elements(of: bytes).map { String(decoding: bytes[$0], as: UTF8.self) }
        #expect(texts == ["1", "{\"a\":[2]}", "\"x\""])
        #expect(throws: JSONError.notAnArray) { try JSON.elements(of: Array("{}".utf8)) }
        #expect(try JSON.elements(of: Array("[]".utf8)).isEmpty)
    }

    @Test func `every truncation of a message is refused`() {
        for length in 0..<message.count {
            let cut = Array(message[..<length])
            #expect(throws: JSONError.self) { try JSON(parsing: cut) }
            #expect(throws: JSONError.self) { try RawJSON(parsing: cut) }
            #expect(throws: JSONError.self) { try JSON.members(of: cut) }
        }
    }

    @Test func `random flips never trap, and all readers agree`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("MutationTests seed \(seed)")
        var generator = Seeded(state: seed)
        for _ in 0..<4_000 {
            var bytes = message
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let at = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[at] = UInt8.random(in: 0 ... .max, using: &generator)
                case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                case 2: bytes.remove(at: at)
                default:
                    bytes.insert(
                        Array("\"\\{}[],:0e.-u".utf8).randomElement(using: &generator) ?? 0, at: at)
                }
            }
            let value = try? JSON(parsing: bytes)
            let raw = try? RawJSON(parsing: bytes)
            let members = try? JSON.members(of: bytes)
            #expect((value == nil) == (raw == nil), "seed \(seed)")
            #expect((members != nil) == (value?.objectValue != nil), "seed \(seed)")
            guard let value else { continue }
            let written = value.encoded()
            #expect(try JSON(parsing: written) == value, "seed \(seed)")
            #expect(try JSON(parsing: written).encoded() == written, "seed \(seed)")
        }
    }
}
