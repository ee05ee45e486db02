-- What the further grants need of clients and sign-ins. Fields that no query looks for stand in one JSON document.

-- Registration fields beyond the columns, under their names on the wire (RFC 7591 §2, uaa.md §4.1), and those nobody knows.
ALTER TABLE clients ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}';

-- The browser session the sign-in belongs to, null without one; details: methods of authentication, proof key and the like.
ALTER TABLE refresh_families ADD COLUMN session_id TEXT;
ALTER TABLE refresh_families ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
CREATE INDEX refresh_families_by_session ON refresh_families (session_id) WHERE session_id IS NOT NULL;

-- Everything that was revoked, in the order in which it took effect; kept until no token it could concern is alive.
CREATE TABLE revocations (
    sequence BIGINT PRIMARY KEY,
    zone_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    client_id TEXT,
    not_before BIGINT,
    because TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX revocations_by_end ON revocations (expires_at);

-- One row: the number of the last revocation. Taken under the row's lock, so that numbers appear in the order of commits.
CREATE TABLE revocation_sequence (
    id INTEGER PRIMARY KEY,
    last BIGINT NOT NULL
);
INSERT INTO revocation_sequence (id, last) VALUES (1, 0);
