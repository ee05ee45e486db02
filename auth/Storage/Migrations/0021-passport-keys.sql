-- The public keys by which gateways sign passports (docs/decisions/0015).

-- renewals counts since the first announcement. A key that an administrator revoked stays, so that nobody announces it again;
-- its lease then ends when nothing can be signed by it any more that somebody would take.
CREATE TABLE passport_keys (
    kid TEXT NOT NULL PRIMARY KEY,
    zone_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    x TEXT NOT NULL,
    y TEXT NOT NULL,
    renewals BIGINT NOT NULL,
    announced_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX passport_keys_by_client ON passport_keys (zone_id, client_id);
CREATE INDEX passport_keys_by_end ON passport_keys (expires_at);
