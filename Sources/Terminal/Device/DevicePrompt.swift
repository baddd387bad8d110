// The prompt of a device that is not a Unix shell (a switch, a router, a firewall): learned once,
// then recognised with another mode in it, as in `router1#`, `router1(config-if)#`. What such a
// device asks at the end of a page is in DevicePager. Invariant: only the unfinished last line can
// be a prompt.

/// A learned prompt.
public struct DevicePrompt: Sendable, Equatable {
    /// The start of the prompt, which is the same in every mode.
    public let base: String

    private let family: Family
    private let name: String

    /// How families of devices build their prompts; the first that fits a line is used.
    enum Family: CaseIterable {
        /// `[admin@MikroTik] >`, `[admin@MikroTik] /ip address>`, `[admin@MikroTik] <SAFE>`.
        case mikrotik
        /// `<HUAWEI>`, `[HUAWEI]`, `[~HUAWEI-GigabitEthernet0/0/1]`.
        case huawei
        /// `(Aruba7010) #`, `(Aruba7010) *[mynode] (config) #`.
        case controller
        /// `FGT60E #`, `FGT60E (port1) #`, `FGT60E $`.
        case fortigate
        /// `router1#` and `router1(config-if)#` of Cisco, Arista, HP and Aruba switches;
        /// `user@mx1>` of Juniper; `admin@PA-220(active)>` of Palo Alto.
        case common
    }

    /// The most characters of a prompt: a longer line is output.
    private static let limit = 200

    /// Learns from the line that a device shows when it waits; nil if the line is not a prompt.
    public init?(learning line: String) {
        let line = Self.trimmed(line)
        guard line.count <= Self.limit else { return nil }
        for family in Family.allCases {
            guard let parts = family.parts(of: line),
                parts.name.contains(where: { $0.isLetter || $0.isNumber })
            else { continue }
            self.family = family
            name = String(parts.name)
            base = String(line[..<parts.name.endIndex])
            return
        }
        return nil
    }

    /// Whether an unfinished line is this prompt, in any mode.
    public func matches(_ line: String) -> Bool {
        let line = Self.trimmed(line)
        guard line.count <= Self.limit, let parts = family.parts(of: line) else { return false }
        if parts.name == name { return true }
        // A view follows the name, which may contain the same sign.
        return family == .huawei && line.first == "[" && parts.name.hasPrefix(name + "-")
    }

    static func trimmed(_ line: String) -> String {
        var line = Substring(line)
        while line.last?.isWhitespace == true { line.removeLast() }
        while line.first?.isWhitespace == true { line.removeFirst() }
        return String(line)
    }
}

extension DevicePrompt.Family {
    /// The name in a prompt of this family; nil if the line is not one.
    func parts(of line: String) -> (name: Substring, mode: Substring)? {
        guard let first = line.first, let last = line.last else { return nil }
        let inner = line.dropLast()
        switch self {
        case .mikrotik:
            guard first == "[", last == ">", let end = inner.firstIndex(of: "]") else { return nil }
            let name = inner.dropFirst()[..<end]
            let mode = inner[inner.index(after: end)...].drop { $0 == " " }
            guard name.contains("@"), !name.contains(" "),
                mode.isEmpty || mode.first == "/" || mode == "<SAFE"
            else { return nil }
            return (name, mode)
        case .huawei:
            guard first == "<" && last == ">" || first == "[" && last == "]" else { return nil }
            let name = inner.dropFirst().drop { $0 == "~" || $0 == "*" }
            return name.contains(where: { " <>[]".contains($0) }) ? nil : (name, "")
        case .controller:
            guard first == "(", "#>".contains(last), let end = inner.firstIndex(of: ")")
            else { return nil }
            let name = inner.dropFirst()[..<end]
            let modes = inner[inner.index(after: end)...].split(separator: " ")
            guard !name.contains(" "), inner.last == " ",
                modes.allSatisfy({ "([*^".contains($0.prefix(1)) && ")]".contains($0.suffix(1)) })
            else { return nil }
            return (name, inner[end...].dropFirst())
        case .fortigate:
            guard "#$".contains(last), inner.last == " " else { return nil }
            let name = inner.prefix { $0 != " " && $0 != "(" }
            let mode = inner[name.endIndex...].drop { $0 == " " }
            let isMode = mode.first == "(" && mode.dropLast().last == ")"
            return mode.isEmpty || isMode ? (name, mode) : nil
        case .common:
            let ends: Set<Character> = ["#", ">", "$", "%", "]"]
            guard ends.contains(last) else { return nil }
            let name = inner.prefix { $0 != "(" && !ends.contains($0) }
            let mode = inner[name.endIndex...]
            let isMode = mode.first == "(" && mode.last == ")" && !mode.contains(" ")
            return mode.isEmpty || isMode ? (name, mode) : nil
        }
    }
}
