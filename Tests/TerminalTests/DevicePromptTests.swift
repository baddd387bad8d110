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
    ])
    func `a page is asked for`(line: String, asks: Bool) {
        #expect(DevicePrompt.asksForPage(line) == asks)
    }
}
