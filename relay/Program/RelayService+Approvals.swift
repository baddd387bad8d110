// The relay's questions to persons: where their page is, what the log has of them, and the admin
// socket's commands for them. Part of RelayService. Invariant: a secret is in no reply and no line
// of the log.
import Configuration
import Crypto
import JSON
import Loop
import MCP
import Wire

extension RelayService {
    /// Says where questions are answered, logs what becomes of them, and tells clients that wait.
    func serveApprovals(hasPages: Bool, _ folder: DataFolder) {
        if !hasPages {
            // Not the folder in which commands look for a relay.
            approvals.commandOptions = " --data \(folder.path)"
        } else {
            approvals.url = { [entrance] id in
                // Where nobody can log in there is nobody to open it.
                guard let address = entrance.web.address, address.obstacle == nil else {
                    return nil
                }
                return address.url("approve/\(id)")
            }
            pages.serve(approvals) { [fleet] pattern, approval in
                let record = fleet.member(approval.origin.id)?.record
                return approval.isCovered(
                    by: pattern, agent: record?.name ?? approval.origin.name,
                    tags: record?.tags ?? [])
            }
        }
        approvals.onChange.append { [weak self] approval in
            guard let self else { return }
            let state = approvals.state(of: approval.id)
            let person = approval.answeredBy.map { " by \($0)" } ?? ""
            Process.log(
                "approval \(approval.id) is \(state.name)\(person): asked for"
                    + " \(approval.asker.label.visible) by agent \(approval.origin.name),"
                    + " \(approval.question.kind.rawValue)")
            if state != .waiting { mcp.elicitationCompleted(approval.id) }
        }
    }

    /// The most seconds that a watching command waits for a change: less than its own patience.
    private static let watching: Int64 = 10

    /// Runs a command on questions; nil if it is none.
    func performOnApprovals(
        _ command: String, _ arguments: JSON
    ) async throws(AdminFault) -> JSON? {
        switch command {
        case "approvals":
            if let seen = arguments["seen"]?.arrayValue?.compactMap(\.stringValue) {
                let wait = min(arguments["wait_s"]?.intValue ?? 0, Self.watching)
                await approvals.waitForChange(of: seen, atMost: .seconds(max(0, wait)))
            }
            return ["approvals": .array(approvals.waiting.map(row))]
        case "approvals grant", "approvals deny":
            do throws(ApprovalError) {
                let found = try approvals.find(arguments["id"]?.stringValue ?? "")
                return ["approval": row(try answer(found, command, arguments))]
            } catch {
                throw AdminFault(message: error.description, exit: ExitCode.data)
            }
        default: return nil
        }
    }

    /// Who answers by the admin socket.
    private static let person = "operator"

    private func answer(
        _ approval: Approval, _ command: String, _ arguments: JSON
    ) throws(ApprovalError) -> Approval {
        if command == "approvals deny" {
            return try approvals.answer(approval.id, .deny, by: Self.person)
        }
        if let secret = arguments["secret"]?.stringValue {
            return try approvals.answer(
                approval.id, secret: SecretBytes(secret.utf8), by: Self.person)
        }
        return try approvals.answer(
            approval.id, .grant(isPin: arguments["pin"] == true), by: Self.person)
    }

    private func row(_ approval: Approval) -> JSON {
        approvals.json(of: approval)
    }
}
