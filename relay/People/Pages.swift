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
    /// What strangers may try.
    let attempts = Attempts()
    private let login: LoginPages
    private let me: MePage

    init(_ store: Store) {
        sessions = PageSessions(store, door)
        login = LoginPages(store, door, sessions, attempts)
        me = MePage(store, door, sessions)
        let assets = Assets()
        door.serve("GET", "web/*") { request, responder, name in
            assets.send(name, request, responder)
        }
    }

    /// Writes what the log still has to say.
    func close() { login.log.close() }
}
