// Who may answer a question beside the person in whose name it is asked: an administrator whose
// pattern covers it. Pure. Invariant: a question is judged as the agent judges the call.
import Configuration
import Wire

extension Approval {
    /// Whether a pattern covers the agent of the question, and the host that it is about.
    ///
    /// As an agent judges it: by the host as it is written, with the user and port in use.
    func isCovered(by pattern: AccessPattern, agent: String, tags: [String]) -> Bool {
        guard pattern != .all else { return true }
        let place = question.place
        guard let written = question.target ?? place?.host else {
            return pattern.allows(agent: agent, tags: tags)
        }
        guard let name = try? TargetName(place: written) else { return false }
        let user = place.flatMap { $0.user.isEmpty ? nil : $0.user } ?? name.user
        let port = place.flatMap { $0.port == 0 ? nil : UInt16(exactly: $0.port) } ?? name.port
        return pattern.allows(
            agent: agent, tags: tags, target: TargetName(host: name.host, user: user, port: port))
    }
}
