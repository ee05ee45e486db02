-- What the pruning looks for, and the live families of one user at one client.

CREATE INDEX refresh_families_by_end ON refresh_families (expires_at);
CREATE INDEX refresh_families_by_revocation ON refresh_families (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX refresh_families_live ON refresh_families (zone_id, user_id, client_id, created_at) WHERE revoked_at IS NULL;
CREATE INDEX refresh_tokens_live_by_end ON refresh_tokens (expires_at) WHERE consumed_at IS NULL;
CREATE INDEX users_by_registration_key ON users (created_at) WHERE registration_key_hash IS NOT NULL;
