-- Clients that were seeded before registrations had these fields get what a fresh start gives them.
UPDATE clients SET metadata = '{"application_type":"native","api_tokens":true}' WHERE client_id = 'mesh-cli' AND metadata = '{}';
UPDATE clients SET metadata = '{"api_tokens":true}' WHERE client_id = 'browser' AND demo = TRUE AND metadata = '{}';
UPDATE clients SET metadata = '{"require_pkce":false}' WHERE client_id = 'app' AND demo = TRUE AND metadata = '{}';
