-- The authorization endpoint. Each kind of one-time value has a table of its own, and only SHA-256 of a value stands in one.
-- Requests are kept as they came and judged anew whenever they go on; parameters is a JSON object.

-- Requests under way at a browser. browser_hash is of its cookie, null until the browser comes back from a form post of
-- another site, with which it sends no cookies. authenticated_* tell who signed in for this very request, consented_* who
-- agreed to what in it.
CREATE TABLE authorization_transactions (
    transaction_hash TEXT PRIMARY KEY,
    zone_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    browser_hash TEXT,
    parameters TEXT NOT NULL,
    pushed_hash TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    authenticated_session TEXT,
    consented_user TEXT,
    consented_scopes TEXT,
    denied_at BIGINT,
    completed_at BIGINT
);
CREATE INDEX authorization_transactions_by_end ON authorization_transactions (expires_at);

-- Pushed requests (RFC 9126), good for one completed authorization.
CREATE TABLE pushed_requests (
    request_hash TEXT PRIMARY KEY,
    zone_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    parameters TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    completed_at BIGINT
);
CREATE INDEX pushed_requests_by_end ON pushed_requests (expires_at);

-- Codes. A spent one stays for a while, so that its second use is noticed; reused_at says that it was. auth_time is in seconds.
CREATE TABLE authorization_codes (
    code_hash TEXT PRIMARY KEY,
    zone_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    grant_id TEXT NOT NULL UNIQUE,
    redirect_uri TEXT,
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    nonce TEXT,
    code_challenge TEXT,
    dpop_jkt TEXT,
    session_id TEXT,
    auth_time BIGINT NOT NULL,
    details TEXT NOT NULL,
    rev_sig TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    failures BIGINT NOT NULL DEFAULT 0,
    consumed_at BIGINT,
    renewed_at BIGINT,
    reused_at BIGINT
);
CREATE INDEX authorization_codes_by_end ON authorization_codes (expires_at);
