-- The life of signing keys, and the one-time values of clients that authenticate or bind tokens by a key.

-- When the private half was destroyed; the row stays, so that no generation is made twice.
ALTER TABLE signing_keys ADD COLUMN removed_at BIGINT;

-- The jti of every client assertion that was accepted, hashed; kept until the assertion has expired.
CREATE TABLE client_assertions (
    zone_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    jti_hash TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (zone_id, client_id, jti_hash)
);
CREATE INDEX client_assertions_by_end ON client_assertions (expires_at);

-- The jti of every DPoP proof that was accepted, hashed, for each key; kept until the proof is too old anyway.
CREATE TABLE dpop_proofs (
    zone_id TEXT NOT NULL,
    jkt TEXT NOT NULL,
    jti_hash TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (zone_id, jkt, jti_hash)
);
CREATE INDEX dpop_proofs_by_end ON dpop_proofs (expires_at);
