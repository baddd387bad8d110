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
        // What an agent said of its machine: JSON, as its hello has it.
        "ALTER TABLE agent ADD COLUMN facts TEXT;",
        """
        ALTER TABLE agent ADD COLUMN changed INTEGER;
        ALTER TABLE agent ADD COLUMN changed_by TEXT;
        """,
        // One invitation for several agents: who joined by it has a table of its own.
        """
        CREATE TABLE redemption (
            invitation TEXT NOT NULL, agent TEXT NOT NULL REFERENCES agent (id),
            moment INTEGER NOT NULL, PRIMARY KEY (invitation, agent)
        ) STRICT;
        INSERT INTO redemption
            SELECT id, used_by, used FROM invitation WHERE used_by IS NOT NULL;
        CREATE TABLE new_invitation (
            id TEXT PRIMARY KEY, secret_hash BLOB NOT NULL UNIQUE, name TEXT,
            tags TEXT NOT NULL, purpose TEXT NOT NULL, created INTEGER NOT NULL,
            expires INTEGER NOT NULL, uses INTEGER NOT NULL, made_by TEXT NOT NULL,
            cancelled INTEGER
        ) STRICT;
        INSERT INTO new_invitation
            SELECT id, secret_hash, name, tags, purpose, created, expires, 1, '', NULL
            FROM invitation;
        DROP TABLE invitation;
        ALTER TABLE new_invitation RENAME TO invitation;
        """,
        // A key that the agent may still come with, as it may not have heard that the relay has
        // its new one; when that one was stored; and the agent as which an invitation lets a
        // machine in.
        """
        ALTER TABLE agent ADD COLUMN former_key BLOB;
        ALTER TABLE agent ADD COLUMN key_made INTEGER;
        ALTER TABLE invitation ADD COLUMN rejoins TEXT REFERENCES agent (id);
        """,
        // The files of the drop-box, and the URLs that lead to them; a URL stays for a while after
        // its end, so that the relay can say why it ended.
        """
        CREATE TABLE drop_file (
            id TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,
            size INTEGER NOT NULL, sha256 BLOB, room INTEGER NOT NULL, created INTEGER NOT NULL,
            expires INTEGER NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX drop_name ON drop_file (owner, name) WHERE state = 'whole';
        CREATE TABLE drop_url (
            hash BLOB PRIMARY KEY, file TEXT NOT NULL, direction TEXT NOT NULL, ended TEXT,
            forget INTEGER NOT NULL
        ) STRICT;
        """,
        // People, the one-time links by which they come in, their passkeys, and where they are
        // logged in. Of links and sessions there is only the hash of what grants something.
        """
        CREATE TABLE person (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, scopes TEXT NOT NULL, pattern TEXT NOT NULL,
            created INTEGER NOT NULL, revoked INTEGER
        ) STRICT;
        CREATE UNIQUE INDEX person_name ON person (name) WHERE revoked IS NULL;
        CREATE TABLE person_link (
            person TEXT PRIMARY KEY REFERENCES person (id), hash BLOB NOT NULL UNIQUE,
            expires INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE passkey (
            id BLOB PRIMARY KEY, person TEXT NOT NULL REFERENCES person (id), name TEXT NOT NULL,
            algorithm INTEGER NOT NULL, key BLOB NOT NULL, counter INTEGER NOT NULL,
            backed_up INTEGER NOT NULL, created INTEGER NOT NULL, last_used INTEGER
        ) STRICT;
        CREATE INDEX passkey_person ON passkey (person);
        CREATE TABLE page_session (
            id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE,
            person TEXT NOT NULL REFERENCES person (id), passkey BLOB NOT NULL,
            browser TEXT NOT NULL, peer TEXT NOT NULL, created INTEGER NOT NULL,
            last_used INTEGER NOT NULL
        ) STRICT;
        """,
        // OAuth: clients that registered themselves or were added, what people have granted to
        // clients, and the tokens that came of it. A refresh token that was used stays, so that
        // its reuse is seen, and for a while with the salt of the pair after it.
        """
        CREATE TABLE oauth_client (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, redirects TEXT NOT NULL, origin TEXT NOT NULL,
            created INTEGER NOT NULL, last_used INTEGER
        ) STRICT;
        CREATE TABLE oauth_grant (
            id TEXT PRIMARY KEY, person TEXT NOT NULL, client TEXT NOT NULL,
            client_name TEXT NOT NULL, scopes TEXT NOT NULL, pattern TEXT NOT NULL,
            resource TEXT NOT NULL, created INTEGER NOT NULL, last_used INTEGER, revoked INTEGER
        ) STRICT;
        CREATE INDEX oauth_grant_live ON oauth_grant (person) WHERE revoked IS NULL;
        CREATE TABLE oauth_token (
            hash BLOB PRIMARY KEY, family TEXT NOT NULL REFERENCES oauth_grant (id),
            kind TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL, used INTEGER,
            next BLOB, salt BLOB
        ) STRICT;
        CREATE INDEX oauth_token_family ON oauth_token (family, kind, created);
        """,
    ]
}
