// Where the names of users, groups and hosts are looked up.
// Invariant: a static program never loads a library of the machine it runs on.
internal import CPTY

/// The sources of names that nsswitch.conf names on a machine.
public enum NameSources {
    /// Has names looked up in files and by DNS alone, both of which are part of the C library.
    ///
    /// A static program needs this before its first look-up: for any other source (systemd, sss,
    /// resolve, mdns4_minimal …) the C library would load one of the machine's libraries, and with
    /// it a second C library, whose thread-local variables the program has no room for: it crashes.
    public static func useOwnAlone() {
        for database in ["passwd", "group", "initgroups", "services", "protocols"] {
            hl_read_names(database, "files")
        }
        hl_read_names("hosts", "files dns")
    }
}
