// Durations, sizes, truth values, addresses and near names.

import Configuration
import Spelling
import Testing

@Suite struct QuantityTests {
    @Test func `durations read exactly or not at all`() {
        #expect(Quantity.duration("90") == .seconds(90))
        #expect(Quantity.duration("15s") == .seconds(15))
        #expect(Quantity.duration("1h30m") == .seconds(5400))
        #expect(Quantity.duration("250ms") == .milliseconds(250))
        #expect(Quantity.duration("2d") == .seconds(172_800))
        for bad in [
            "", "-1", "1.5h", "m", "1 m", "3x", "9999999999999999999", "99999999999999999w",
        ] {
            #expect(Quantity.duration(bad) == nil, "\(bad)")
        }
    }

    @Test func `sizes are powers of 1024`() {
        #expect(Quantity.bytes("512") == 512)
        #expect(Quantity.bytes("64k") == 65_536)
        #expect(Quantity.bytes("10MB") == 10 << 20)
        #expect(Quantity.bytes("2GiB") == 2 << 30)
        for bad in ["", "k", "-1", "1x", "1.5k", "9999999999999t", "1kk"] {
            #expect(Quantity.bytes(bad) == nil, "\(bad)")
        }
    }

    @Test func `truth has its usual words`() {
        #expect(Quantity.truth("Yes") == true)
        #expect(Quantity.truth("off") == false)
        #expect(Quantity.truth("y") == nil)
    }

    @Test func `addresses keep the last colon for the port`() {
        #expect(Address("relay.example:8643") == Address(host: "relay.example", port: 8643))
        #expect(Address("[fe80::1]:22")?.host == "fe80::1")
        #expect(Address("[fe80::1]:22")?.description == "[fe80::1]:22")
        #expect(Address("relay", defaultPort: 443)?.port == 443)
        #expect(Address("[::1]", defaultPort: 443)?.description == "[::1]:443")
        for bad in ["", ":80", "a:", "a:65536", "a:-1", "::1:80", "[::1:80", "[::1]", "a b:1", "a"]
        {
            #expect(Address(bad) == nil, "\(bad)")
        }
    }

    @Test func `the nearest name is offered only when it is near`() {
        #expect(Nearest.match("web-11", in: ["db", "web-1", "web-21"]) == "web-1")
        #expect(Nearest.match("lsit", in: ["list", "last"]) == "list")
        #expect(Nearest.match("zebra", in: ["list"]) == nil)
        #expect(Nearest.match("", in: ["list"]) == nil)
    }
}
