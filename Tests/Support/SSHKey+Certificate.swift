// Certificates for test keys, made by the real ssh-keygen.
import Foundation

extension SSHKey {
    /// Signs the public half; `KEY-cert.pub` stands beside the key then, and its path is returned.
    ///
    /// `more` are further arguments of ssh-keygen (`-O`, `-h`).
    @discardableResult
    public func certify(
        by authority: SSHKey, identity: String = "test id", principals: [String],
        validity: String = "-1h:+1h", serial: Int = 7, _ more: [String] = []
    ) async throws -> String {
        guard let tool = Repository.find("ssh-keygen") else {
            throw Unavailable("ssh-keygen is not installed")
        }
        let names = principals.isEmpty ? [] : ["-n", principals.joined(separator: ",")]
        try await RunningProcess.run(
            tool,
            ["-q", "-s", authority.path, "-I", identity, "-V", validity, "-z", "\(serial)"] + names
                + more + ["\(path).pub"])
        return "\(path)-cert.pub"
    }
}
