// The programs that act for a person, as the person's page needs them. Flow: MePage → here → OAuth.
import Loop

/// What programs a person has let act in their name.
@IO protocol ConnectedClients: AnyObject {
    /// The live grants of a person, the oldest first.
    func grants(of person: String) -> [GrantRecord]

    /// Ends a grant of a person; false if there is none.
    func revoke(_ id: String, of person: String) async throws(StoreError) -> Bool

    /// Whether clients can ask people to log in here.
    var isOpen: Bool { get }
}
