// The pages of people, joined: who is logged in, coming in, one's own things, and what all pages
// need. Flow: ClientEntrance has the door, RelayService loads and saves the sessions.
import HTTP
import Loop

/// The relay's pages.
@IO final class Pages {
    /// Where browsers come in.
    let door = WebDoor()
    /// Who is logged in.
    let sessions: PageSessions
    private let login: LoginPages
    private let me: MePage
    private var questions: ApprovalPages?
    private let store: Store

    init(_ store: Store) {
        self.store = store
        sessions = PageSessions(store, door)
        login = LoginPages(store, door, sessions)
        me = MePage(store, door, sessions)
        let assets = Assets()
        door.serve("GET", "web/*") { request, responder, name in
            assets.send(name, request, responder)
        }
    }

    /// The programs that act for people.
    var clients: (any ConnectedClients)? {
        get { me.clients }
        set { me.clients = newValue }
    }

    /// Has people answer agents' questions; `covers` says whether a pattern covers the host that a
    /// question is about.
    func serve(
        _ approvals: Approvals, covers: @escaping @IO (AccessPattern, Approval) -> Bool
    ) {
        questions = ApprovalPages(door, sessions, approvals, now: store.now, covers: covers)
    }

    /// Writes what the log still has to say.
    func close() { login.log.close() }
}
