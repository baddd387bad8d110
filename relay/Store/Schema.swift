// The store's schema, as the steps that led to it.
// Invariant: a released step is never edited; a change is another step at the end.

/// The migrations of the relay's database, in order.
enum Schema {
    static let migrations = [
        """
        CREATE TABLE agent (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, public_key BLOB NOT NULL,
            tags TEXT NOT NULL, purpose TEXT NOT NULL, created INTEGER NOT NULL,
            last_seen INTEGER, revoked INTEGER
        ) STRICT;
        CREATE UNIQUE INDEX agent_name ON agent (name) WHERE revoked IS NULL;
        CREATE UNIQUE INDEX agent_key ON agent (public_key) WHERE revoked IS NULL;
        CREATE TABLE invitation (
            id TEXT PRIMARY KEY, secret_hash BLOB NOT NULL UNIQUE, name TEXT,
            tags TEXT NOT NULL, purpose TEXT NOT NULL, created INTEGER NOT NULL,
            expires INTEGER NOT NULL, used INTEGER, used_by TEXT REFERENCES agent (id)
        ) STRICT;
        CREATE TABLE token (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, hash BLOB NOT NULL UNIQUE,
            scopes TEXT NOT NULL, pattern TEXT NOT NULL, created INTEGER NOT NULL,
            last_used INTEGER, revoked INTEGER
        ) STRICT;
        CREATE UNIQUE INDEX token_name ON token (name) WHERE revoked IS NULL;
        CREATE TABLE fact (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
        """,
        "ALTER TABLE agent ADD COLUMN own_tags TEXT NOT NULL DEFAULT '';",
    ]
}
