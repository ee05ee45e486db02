-- Devices that wait for a person to allow them (RFC 8628). state: pending, approved, denied, redeemed.
-- auth_time is in seconds; granted is what the person allowed of scopes.
CREATE TABLE device_authorizations (
    id TEXT PRIMARY KEY,
    zone_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    device_code_hash TEXT NOT NULL UNIQUE,
    user_code_hash TEXT NOT NULL,
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    address TEXT,
    state TEXT NOT NULL,
    poll_interval BIGINT NOT NULL,
    polled_at BIGINT,
    user_id TEXT,
    session_id TEXT,
    auth_time BIGINT,
    amr TEXT,
    granted TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    UNIQUE (zone_id, user_code_hash)
);
CREATE INDEX device_authorizations_by_end ON device_authorizations (expires_at);
CREATE INDEX device_authorizations_pending ON device_authorizations (zone_id, address) WHERE state = 'pending';

-- Assertions that were shown (RFC 7523 §3, rule 7): each is good once.
CREATE TABLE used_assertions (
    zone_id TEXT NOT NULL,
    issuer TEXT NOT NULL,
    jti_hash TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (zone_id, issuer, jti_hash)
);
CREATE INDEX used_assertions_by_end ON used_assertions (expires_at);
