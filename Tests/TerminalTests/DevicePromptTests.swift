// Which unfinished lines are a device's prompt, and which ask for the next page.
import Terminal
import Testing

@Suite struct DevicePromptTests {
    @Test(arguments: [
        ("router1#", "router1(config)#", true), ("router1>", "router1#", true),
        ("router1#", "router1(config-if)# ", true), ("router1#", "router1# is no prompt", false),
        ("router1#", "router2#", false), ("user@mx1> ", "user@mx1# ", true),
        ("<HUAWEI>", "<HUAWEI>", true), ("[edit]", "x]", false),
        ("sw-1.lan#", "sw-1.lan(vlan 1)#", false),
        ("HP-2530-24G# ", "HP-2530-24G(vlan-10)# ", true), ("HP-2530-24G>", "HP-2530-24G#", true),
        ("HP-2530-24G#", "HP-2530-48G#", false),
        ("(Aruba7010) #", "(Aruba7010) (config) #", true),
        ("(Aruba7010) *[mynode] #", "(Aruba7010) ^*[mynode] (config) #", true),
        ("(Aruba7010) #", "(Aruba7030) #", false), ("(Aruba7010) #", "(Aruba7010) is no #", false),
        ("[admin@MikroTik] > ", "[admin@MikroTik] /ip address> ", true),
        ("[admin@MikroTik] >", "[admin@MikroTik] <SAFE>", true),
        ("[admin@MikroTik] >", "[admin@core] >", false),
        ("[admin@MikroTik] >", "[admin@MikroTik] said so>", false),
        ("FGT60E # ", "FGT60E (port1) # ", true), ("FGT60E $ ", "FGT60E #", true),
        ("FGT60E #", "FGT60F #", false), ("FGT60E #", "FGT60E is up #", false),
        ("admin@PA-220> ", "admin@PA-220# ", true),
        ("admin@PA-220(active)> ", "admin@PA-220(passive)> ", true),
        ("<HUAWEI>", "[HUAWEI-GigabitEthernet0/0/1]", true), ("<HUAWEI>", "[~HUAWEI]", true),
        ("<HUAWEI>", "<HUAWEI-2>", false), ("[*HUAWEI]", "<HUAWEI>", true),
        ("router1#", "", false), ("router1#", "router1", false), ("a#", "a more or less#", false),
    ])
    func `a prompt is known again in any mode`(learned: String, line: String, isPrompt: Bool) {
        #expect(DevicePrompt(learning: learned)?.matches(line) == isPrompt)
    }

    @Test(arguments: ["", "Password:", "#", "Proceed? [confirm] y", "---"])
    func `other lines are not learned`(line: String) {
        #expect(DevicePrompt(learning: line) == nil)
    }

    @Test(arguments: [
        (" --More-- ", true), ("<--- More --->", true), ("-- More --", true),
        ("---(more)---", true),
        ("---(more 42%)---", true), ("more", false), ("one more thing", false), ("", false),
        ("-- MORE --, next page: Space, next line: Enter, quit: Control-C", true),
        ("-- [Q quit|D dump|right|down]", true), ("lines 1-23/100", true), ("lines 1-23", true),
        ("lines of code", false), ("x (END)", false),
    ])
    func `a page is asked for`(line: String, asks: Bool) {
        #expect((DevicePager.key(for: line) != nil) == asks)
    }

    @Test func `each pager has its key, and leaves nothing in the text`() {
        #expect(DevicePager.key(for: "-- [Q quit|D dump|down]") == UInt8(ascii: "d"))
        #expect(DevicePager.key(for: "lines 24-50/50 (END)") == UInt8(ascii: "q"))
        let text = "one\n --More-- \ntwo          \nlines 1-2\nsay --More--\nthree\n --More-- "
        #expect(DevicePager.cleaned(text) == "one\ntwo\nsay --More--\nthree")
    }
}
