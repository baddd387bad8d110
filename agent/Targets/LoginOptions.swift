// The options of `ssh -G` that say how to log in. Pure; SSHTarget reads the others.
import SSH

extension LoginRules {
    /// Applies one line of `ssh -G`; `usual` is what it prints without any configuration.
    mutating func read(_ keyword: Substring, _ value: String, usual: String?) {
        switch keyword {
        case "preferredauthentications": preferred = Self.list(value)
        case "pubkeyacceptedalgorithms", "pubkeyacceptedkeytypes":
            if value != usual { keyAlgorithms = Self.list(value) }
        case "pubkeyauthentication" where value == "no" || value == "false":
            ruledOut["publickey"] = "PubkeyAuthentication no"
        case "passwordauthentication" where value == "no":
            ruledOut["password"] = "PasswordAuthentication no"
        case "kbdinteractiveauthentication" where value == "no":
            ruledOut["keyboard-interactive"] = "KbdInteractiveAuthentication no"
        case "numberofpasswordprompts" where value == "0":
            for method in ["password", "keyboard-interactive"] {
                ruledOut[method] = "NumberOfPasswordPrompts 0"
            }
        default: break
        }
    }

    private static func list(_ value: String) -> [String] {
        value.split(separator: ",").map(String.init)
    }
}
