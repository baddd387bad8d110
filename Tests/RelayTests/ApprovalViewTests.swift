// What a person sees of a question: every character, and what came of it.
import Loop
import Testing
import Wire

@testable import homeline_relay

@Suite struct ApprovalViewTests {
    @Test(
        arguments: [
            ("ls -l", "ls -l", false),
            ("<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;", false),
            ("a\u{1b}[8m", "a<span class=\"control\">ESC</span>[8m", true),
            (
                "a\u{7f}\0",
                "a<span class=\"control\">DEL</span><span class=\"control\">NUL</span>", true
            ),
            ("a\u{85}", "a<span class=\"control\">U+85</span>", true),
            ("\u{202e}", "<span class=\"control\">U+202E</span>", true),
            (
                "\u{a0}\u{200b}",
                "<span class=\"control\">U+A0</span><span class=\"control\">U+200B</span>",
                true
            ),
            (
                "\u{feff}\u{e0041}",
                "<span class=\"control\">U+FEFF</span><span class=\"control\">U+E0041</span>",
                true
            ),
            (
                "\u{3164}\u{fe0f}",
                "<span class=\"control\">U+3164</span><span class=\"control\">U+FE0F</span>",
                true
            ),
            ("e\u{301}", "e<span class=\"control\">U+301</span>", false),
            ("\u{430}", "<span class=\"foreign\" title=\"U+430\">\u{430}</span>", false),
            (
                "a\nb\tc",
                "a<span class=\"blank\">\u{23ce}</span>\nb<span class=\"blank\">\u{21e5}</span>\tc",
                false
            ),
        ])
    func `each character of a text is seen`(text: String, html: String, hides: Bool) {
        let shown = VisibleText(text)
        #expect(shown.html.text == html)
        #expect(shown.hidesSomething == hides)
    }

    private func view(
        _ matter: Question.Matter, _ state: Approval.State = .waiting, by person: String? = nil
    ) -> ApprovalView {
        let question = Question(
            matter, target: "we\u{202e}b",
            place: Question.Place(host: "10.0.0.1", port: 22, user: "root"))
        let asker = Approval.Asker(
            principal: "p", label: "lap<top", client: "Claude", reason: "be\u{1b}cause")
        let approval = Approval(
            id: "x", question, by: asker, at: Approval.Origin(id: "a", name: "site"), created: 100,
            lifetime: 300
        ).turned(state, by: person)
        return ApprovalView(
            approval: approval, state: approval.state(at: 160), now: 160, formToken: "TOKEN")
    }

    @Test func `a question that waits has its buttons, each in a form with the token`() {
        let text = view(.hostKey(type: "ssh-ed25519", fingerprint: "SHA256:abc"))
            .html(at: "/approve/x").text
        #expect(text.contains("SHA256:abc") && text.contains("root@10.0.0.1, port 22"))
        #expect(text.contains("lap&lt;top, through Claude") && text.contains("in 4 min"))
        #expect(text.contains("be<span class=\"control\">ESC</span>cause"))
        #expect(text.contains("site/we<span class=\"control\">U+202E</span>b"))
        for choice in ["pin", "once", "deny"] { #expect(text.contains("value=\"\(choice)\"")) }
        #expect(text.split(separator: "value=\"TOKEN\"").count == 3, "two forms")
        let secret = view(.secret(name: "sudo", program: "sudo", prompt: "[sudo] password: "))
            .html(at: "/approve/x").text
        #expect(secret.contains("type=\"password\"") && secret.contains("autocomplete=\"off\""))
        #expect(secret.contains("[sudo] password: ") && !secret.contains("value=\"pin\""))
    }

    @Test func `what hides something is no matter of course`() {
        func text(_ command: String) -> String {
            view(.policy(rule: "AskForCommand *", tool: "ssh_execute", text: command))
                .html(at: "/approve/x").text
        }
        #expect(text("ls").contains("Allow once") && !text("ls").contains("hidden characters"))
        let hidden = text("ls\u{1b}")
        #expect(hidden.contains("Do it anyway") && hidden.contains("hidden characters"))
        #expect(!hidden.contains("class=\"primary"))
    }

    @Test(
        arguments: [
            (.granted(isPin: true), "allowed by anna, and the key will be remembered"),
            (.denied, "denied by anna"), (.expired, "expired"),
            (.used, "allowed by anna, and done"),
        ] as [(Approval.State, String)])
    func `an answered question has no buttons, and says what came of it`(
        state: Approval.State, words: String
    ) {
        let text = view(.hostKey(type: "t", fingerprint: "f"), state, by: "anna")
            .html(at: "/approve/x").text
        #expect(text.contains(words) && !text.contains("<button"))
    }
}
