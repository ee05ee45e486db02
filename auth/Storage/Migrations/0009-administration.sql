-- What the administration of clients and users keeps beyond what signing in needs.

-- version counts the writes of administration; attributes: SCIM's texts that no query looks for, as one JSON document.
ALTER TABLE users ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN external_id TEXT;
ALTER TABLE users ADD COLUMN attributes TEXT NOT NULL DEFAULT '{}';
ALTER TABLE users ADD COLUMN password_change_required BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX users_by_name ON users (zone_id, user_name_key);
CREATE INDEX users_by_email ON users (zone_id, LOWER(email));
CREATE INDEX users_by_creation ON users (zone_id, created_at, id);

-- How a client is shown on a home page (UAA's meta), one JSON document; apart from clients, which every request reads.
CREATE TABLE client_meta (
    zone_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    meta TEXT NOT NULL,
    PRIMARY KEY (zone_id, client_id),
    FOREIGN KEY (zone_id, client_id) REFERENCES clients (zone_id, client_id) ON DELETE CASCADE
);
