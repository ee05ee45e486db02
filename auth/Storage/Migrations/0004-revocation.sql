-- Revocations: the number of the last one that was deleted, so that a follower who was away for too long is told.
ALTER TABLE revocation_sequence ADD COLUMN pruned BIGINT NOT NULL DEFAULT 0;

-- Opaque access tokens: the SHA-256 of each with the claims it stands for. The claims name it by jti, which is not the token.
CREATE TABLE access_tokens (
    token_hash TEXT PRIMARY KEY,
    zone_id TEXT NOT NULL,
    jti TEXT NOT NULL,
    client_id TEXT NOT NULL,
    user_id TEXT,
    claims TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    UNIQUE (zone_id, jti)
);
CREATE INDEX access_tokens_by_user ON access_tokens (zone_id, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX access_tokens_by_client ON access_tokens (zone_id, client_id);
CREATE INDEX access_tokens_by_end ON access_tokens (expires_at);

-- API tokens: made by a user, or by a client for itself (user_id is null); the owner never changes.
CREATE TABLE api_tokens (
    token_hash TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    zone_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    user_id TEXT,
    label TEXT NOT NULL,
    scopes TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    last_used_at BIGINT,
    last_used_address TEXT,
    revoked_at BIGINT,
    revoked_because TEXT
);
CREATE INDEX api_tokens_by_user ON api_tokens (zone_id, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX api_tokens_by_client ON api_tokens (zone_id, client_id);
CREATE INDEX api_tokens_by_end ON api_tokens (expires_at);

-- What happened (T-22): rows are added and never changed. Numbers appear in the order of commits.
CREATE TABLE audit_events (
    sequence BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    type TEXT NOT NULL,
    zone_id TEXT NOT NULL,
    client_id TEXT,
    user_id TEXT,
    token_id TEXT,
    session_id TEXT,
    address TEXT,
    reason TEXT,
    trace_id TEXT
);
CREATE INDEX audit_events_by_time ON audit_events (at);
CREATE INDEX audit_events_by_user ON audit_events (user_id, sequence) WHERE user_id IS NOT NULL;
CREATE INDEX audit_events_by_client ON audit_events (client_id, sequence) WHERE client_id IS NOT NULL;

CREATE TABLE audit_sequence (
    id INTEGER PRIMARY KEY,
    last BIGINT NOT NULL
);
INSERT INTO audit_sequence (id, last) VALUES (1, 0);
