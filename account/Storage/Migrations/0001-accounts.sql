-- Content is one document: a save replaces it whole, and its numbers keep their text.
-- state: pending (reserved, its user is being created at auth), undoing (being taken back), active.
CREATE TABLE accounts (
  name_key TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  registration_key TEXT,
  created_at BIGINT NOT NULL,
  last_seen BIGINT NOT NULL,
  content TEXT NOT NULL,
  demo BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX accounts_by_registration ON accounts (registration_key);
CREATE INDEX accounts_unfinished ON accounts (created_at) WHERE state <> 'active';
