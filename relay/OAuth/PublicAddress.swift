// Which addresses the relay dials for a stranger: those of the public Internet. Pure. Flow: a
// client's URL → its host's addresses → here → the dial. Invariant: what is not known to be public
// is not: IPv6 addresses outside of what is given out, all that holds an IPv4 address, and every
// range of IANA's registries for special purposes.
import Loop

extension SocketAddress {
    /// Whether it is an address of the public Internet.
    var isPublic: Bool { isIPv6 ? Self.isPublic(six: octets) : Self.isPublic(four: octets) }

    private static func isPublic(four octets: [UInt8]) -> Bool {
        !special.contains { network in
            let address = octets.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            return address >> (32 - network.bits) == network.start >> (32 - network.bits)
        }
    }

    /// IANA's IPv4 Special-Purpose Address Registry, and multicast.
    private static let special: [(start: UInt32, bits: UInt32)] = [
        (0x0000_0000, 8),  // this network
        (0x0a00_0000, 8),  // private
        (0x6440_0000, 10),  // shared by providers
        (0x7f00_0000, 8),  // loopback
        (0xa9fe_0000, 16),  // link-local; clouds have their metadata there
        (0xac10_0000, 12),  // private
        (0xc000_0000, 24),  // protocol assignments
        (0xc000_0200, 24),  // documentation
        (0xc01f_c400, 24),  // AS112 (answers for private addresses' names)
        (0xc034_c100, 24),  // AMT (tunnels of multicast)
        (0xc058_6300, 24),  // 6to4 relays
        (0xc0a8_0000, 16),  // private
        (0xc0af_3000, 24),  // AS112
        (0xc612_0000, 15),  // benchmarks
        (0xc633_6400, 24),  // documentation
        (0xcb00_7100, 24),  // documentation
        (0xe000_0000, 4),  // multicast
        (0xf000_0000, 4),  // reserved, broadcast
    ]

    /// 2000::/3 is all that is given out; in it, protocol assignments with Teredo (2001::/23),
    /// documentation (2001:db8::/32, 3fff::/20), 6to4 (2002::/16) and AS112 (2620:4f:8000::/48) are
    /// left out.
    private static func isPublic(six octets: [UInt8]) -> Bool {
        let head = octets[..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return head >> 29 == 1 && head >> 9 != 0x2001_0000 >> 9 && head != 0x2001_0db8
            && head >> 16 != 0x2002 && head >> 12 != 0x3fff0
            && !(head == 0x2620_004f && octets[4] == 0x80 && octets[5] == 0)
    }
}
