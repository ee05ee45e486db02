-- What people at a browser leave behind. Cookies and codes stand here as SHA-256 only.

-- A row for each sign-in at a browser. session_id is the claim sid; the cookie holds another value, whose hash opens the row.
-- user_salt is the user's at the sign-in: a session does not outlive the password.
CREATE TABLE sessions (
    session_id TEXT PRIMARY KEY,
    zone_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    secret_hash TEXT NOT NULL UNIQUE,
    user_salt TEXT NOT NULL,
    auth_time BIGINT NOT NULL,
    amr TEXT NOT NULL,
    address TEXT,
    user_agent TEXT,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    ended_because TEXT
);
CREATE INDEX sessions_by_user ON sessions (zone_id, user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- The applications that a session has reached: they hear of its end.
CREATE TABLE session_clients (
    session_id TEXT NOT NULL REFERENCES sessions (session_id) ON DELETE CASCADE,
    client_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (session_id, client_id)
);

-- Logout tokens that are still to be delivered; due_at moves on while somebody delivers, so that another instance does not.
CREATE TABLE logout_notices (
    notice_id TEXT PRIMARY KEY,
    zone_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    tries BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX logout_notices_by_due ON logout_notices (due_at);

-- What a user has decided for a client, scope by scope; status is APPROVED or DENIED.
CREATE TABLE approvals (
    zone_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    status TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (zone_id, user_id, client_id, scope)
);
CREATE INDEX approvals_by_client ON approvals (zone_id, client_id);
CREATE INDEX approvals_by_end ON approvals (expires_at);

-- One row for each user: a new passcode takes the place of the one before.
CREATE TABLE passcodes (
    zone_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    code_hash TEXT NOT NULL UNIQUE,
    auth_time BIGINT NOT NULL,
    amr TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (zone_id, user_id)
);
CREATE INDEX passcodes_by_end ON passcodes (expires_at);

-- Sign-ins that a client has checked and a browser will take over, once.
CREATE TABLE autologins (
    code_hash TEXT PRIMARY KEY,
    zone_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX autologins_by_end ON autologins (expires_at);
