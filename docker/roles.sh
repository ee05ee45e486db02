#!/bin/sh
# Runs once, when the database is created: a role and a schema of its own for each service that keeps rows.
set -eu

: "${MESH_DATABASE_PASSWORD_AUTH:?is missing}" "${MESH_DATABASE_PASSWORD_ACCOUNT:?is missing}"

# Takes the name of the variable and not the password: arguments stand in the list of processes.
make_role() {
  psql -v ON_ERROR_STOP=1 -v role="$1" -v variable="$2" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv password :variable
SET password_encryption = 'scram-sha-256';
CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE SCHEMA :"role" AUTHORIZATION :"role";
REVOKE ALL ON SCHEMA :"role" FROM PUBLIC;
SQL
}

make_role mesh_auth MESH_DATABASE_PASSWORD_AUTH
make_role mesh_account MESH_DATABASE_PASSWORD_ACCOUNT
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" -c 'REVOKE CREATE ON SCHEMA public FROM PUBLIC'
