// How a test asks for what it needs: `@Test(.needs(.account))`. Where the machine lacks it, the
// test is skipped and the report says why.
public import Testing

extension Trait where Self == ConditionTrait {
    /// Skips the test where the machine lacks one of these.
    public static func needs(_ needs: Need...) -> Self {
        let obstacle = needs.lazy.compactMap(\.obstacle).first
        return .enabled(if: obstacle == nil, "\(obstacle ?? "")")
    }
}
