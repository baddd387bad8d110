// The echo of a line in the manners of devices.
import Terminal
import Testing

@Suite struct DeviceEchoTests {
    private static let typed =
        "permit tcp host 10.1.2.3 eq 443 any log remark for $the $web servers"

    @Test(arguments: [
        ("as it is", typed + "\n"),
        ("behind the prompt, drawn again", "\rr1#" + typed + "\n"),
        (
            "in two lines",
            "permit tcp host 10.1.2.3 \neq 443 any log remark for $the $web servers\n"
        ),
        (
            "broken in a word",
            "permit tcp ho\nst 10.1.2.3 eq 443 any log remark for\n $the $web servers\n"
        ),
        ("scrolled", "permit tcp host\rr1#$for $the $web servers  \u{8}\u{8}\n"),
        (
            "scrolled twice",
            "permit\rr1#$tcp host\rr1#$ any log remark for $the $web servers\n"
        ),
    ])
    func `an echo is known`(manner: String, echo: String) {
        let shown = Array((echo + "out\n").utf8)
        let extent = DeviceEcho(of: Self.typed).extent(in: shown[...])
        #expect(extent == .ends(echo.utf8.count), "\(manner)")
        for count in 0..<echo.utf8.count {
            #expect(DeviceEcho(of: Self.typed).extent(in: shown[..<count]) == .open, "\(count)")
        }
    }

    @Test(arguments: [
        ("\n", ""), ("show log", "% Invalid\n"), ("show log", "\n"),
        ("show log", "show\nversion\n"),
        ("set x $y", "$y\n"),
    ])
    func `output is not taken for an echo`(typed: String, shown: String) {
        let extent = DeviceEcho(of: typed).extent(in: Array(shown.utf8)[...])
        #expect(extent == (shown.isEmpty ? .open : .none))
    }

    @Test func `an empty line has an empty echo`() {
        #expect(DeviceEcho(of: "").extent(in: [10, 65]) == .ends(1))
    }
}
