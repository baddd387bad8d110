// Secrets in output: replaced however it is cut, nothing else changed, nothing lost.
import Testing

@testable import Terminal

@Suite struct RedactorTests {
    private func run(_ text: String, _ secrets: [String], cut: Int) -> String {
        var redactor = Redactor()
        for secret in secrets { redactor.add(Array(secret.utf8)) }
        let bytes = Array(text.utf8)
        var output: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: cut) {
            redactor.append(bytes[start..<min(bytes.count, start + cut)], to: &output)
        }
        output += redactor.flush()
        return String(decoding: output, as: UTF8.self)
    }

    @Test(arguments: 1...12)
    func `whole secrets alone are replaced`(cut: Int) {
        #expect(run("a hunter2\r\nb", ["hunter2"], cut: cut) == "a [secret]\r\nb")
        #expect(run("hunthunter2hunter", ["hunter2"], cut: cut) == "hunt[secret]hunter")
        #expect(run("aaaaab", ["aaab"], cut: cut) == "aa[secret]")
        #expect(run("one1two2", ["one1", "two2"], cut: cut) == "[secret][secret]")
        #expect(run("abc", ["abc"], cut: cut) == "abc")
        #expect(run("any", [], cut: cut) == "any")
    }

    @Test func `the newest eight are looked for`() {
        let secrets = (0..<9).map { "secret\($0)" }
        #expect(run("secret0 secret1 secret8", secrets, cut: 3) == "secret0 [secret] [secret]")
    }
}
