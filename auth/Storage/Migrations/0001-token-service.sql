-- The token service: installation, keys, clients, users, refresh tokens. Times are milliseconds since 1970 unless they say seconds.

CREATE TABLE installation (
    zone_id TEXT PRIMARY KEY,
    mode TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- One row: proves that a sealing key is the one that sealed what stands here.
CREATE TABLE sealing (
    id INTEGER PRIMARY KEY,
    check_value TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE data_protection_keys (
    friendly_name TEXT PRIMARY KEY,
    xml TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- The primary key lets exactly one of several instances create a generation.
CREATE TABLE signing_keys (
    zone_id TEXT NOT NULL,
    alg TEXT NOT NULL,
    generation BIGINT NOT NULL,
    kid TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    sealed_private TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    activated_at BIGINT,
    retired_at BIGINT,
    PRIMARY KEY (zone_id, alg, generation)
);

-- Lists are separated by spaces. secret_hash is null for a client that cannot authenticate by secret.
CREATE TABLE clients (
    zone_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    name TEXT NOT NULL,
    secret_hash TEXT,
    older_secret_hash TEXT,
    older_secret_expires_at BIGINT,
    allow_public BOOLEAN NOT NULL,
    grant_types TEXT NOT NULL,
    scopes TEXT NOT NULL,
    authorities TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,
    auto_approve TEXT NOT NULL,
    access_token_validity BIGINT,
    refresh_token_validity BIGINT,
    wire TEXT NOT NULL,
    token_salt TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    demo BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (zone_id, client_id)
);

-- user_name_key is the name in the form in which names are compared.
CREATE TABLE users (
    id TEXT PRIMARY KEY,
    zone_id TEXT NOT NULL,
    origin TEXT NOT NULL,
    user_name TEXT NOT NULL,
    user_name_key TEXT NOT NULL,
    email TEXT NOT NULL,
    given_name TEXT,
    family_name TEXT,
    phone_number TEXT,
    password_hash TEXT,
    salt TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    verified BOOLEAN NOT NULL,
    demo BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    password_changed_at BIGINT NOT NULL,
    last_logon_at BIGINT,
    previous_logon_at BIGINT,
    registration_client TEXT,
    registration_key_hash TEXT,
    UNIQUE (zone_id, origin, user_name_key)
);

CREATE TABLE user_groups (
    id TEXT PRIMARY KEY,
    zone_id TEXT NOT NULL,
    display_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (zone_id, display_name)
);

CREATE TABLE user_group_members (
    group_id TEXT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    zone_id TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (group_id, user_id)
);

CREATE INDEX user_group_members_by_user ON user_group_members (user_id);

-- Counted by name and not by user, so that a lock does not tell which names exist; the name is hashed, because people type
-- passwords into the wrong field.
CREATE TABLE sign_in_failures (
    zone_id TEXT NOT NULL,
    name_hash TEXT NOT NULL,
    failures BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (zone_id, name_hash)
);

CREATE INDEX sign_in_failures_by_time ON sign_in_failures (last_at);

-- One row for each sign-in that may be renewed; auth_time is in seconds.
CREATE TABLE refresh_families (
    family_id TEXT PRIMARY KEY,
    zone_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    grant_type TEXT NOT NULL,
    client_auth_method TEXT,
    auth_time BIGINT NOT NULL,
    rev_sig TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    revoked_because TEXT
);

CREATE INDEX refresh_families_by_user ON refresh_families (zone_id, user_id);
CREATE INDEX refresh_families_by_client ON refresh_families (zone_id, client_id);

-- A family's tokens, of which at most one is not consumed. Only hashes of tokens stand here; child_sealed can be opened
-- with the consumed token alone.
CREATE TABLE refresh_tokens (
    token_hash TEXT PRIMARY KEY,
    zone_id TEXT NOT NULL,
    family_id TEXT NOT NULL REFERENCES refresh_families (family_id) ON DELETE CASCADE,
    generation BIGINT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    consumed_at BIGINT,
    child_hash TEXT,
    child_sealed TEXT,
    UNIQUE (family_id, generation)
);
