// An owner by its id alone, for tests that ask for no rights.
import Wire

@testable import homeline_agent

extension Owner: ExpressibleByStringLiteral {
    /// An owner whose id this is, on a host that every reach has.
    public init(stringLiteral id: String) {
        self.init(
            Caller(id: id, reach: Caller.everywhere),
            at: TargetName(host: "host", user: nil, port: nil))
    }
}
