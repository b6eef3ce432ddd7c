-- The administration: who is signed in there, their second factors, the tokens of programs.
CREATE TABLE admin_sessions (
    token         TEXT PRIMARY KEY,
    organization  TEXT NOT NULL,
    provider      TEXT NOT NULL,
    subject       TEXT NOT NULL,
    proof         TEXT NOT NULL,
    roles         TEXT NOT NULL,
    chosen        TEXT,
    stage         TEXT NOT NULL,
    pending       TEXT,
    failures      INTEGER NOT NULL DEFAULT 0,
    began         TEXT NOT NULL,
    used          TEXT NOT NULL,
    ends          TEXT NOT NULL
) STRICT;
CREATE INDEX admin_sessions_of ON admin_sessions (organization, provider, subject);

CREATE TABLE admin_second_factors (
    id            TEXT PRIMARY KEY,
    organization  TEXT NOT NULL,
    provider      TEXT NOT NULL,
    subject       TEXT NOT NULL,
    kind          TEXT NOT NULL,
    label         TEXT NOT NULL,
    secret        TEXT NOT NULL,
    last_step     INTEGER NOT NULL DEFAULT 0,
    created       TEXT NOT NULL,
    used          TEXT
) STRICT;
CREATE INDEX admin_second_factors_of ON admin_second_factors (organization, provider, subject);

-- Wrong codes, counted by person: whoever has the password must not be able to try them all.
CREATE TABLE admin_code_failures (
    organization  TEXT NOT NULL,
    provider      TEXT NOT NULL,
    subject       TEXT NOT NULL,
    failures      INTEGER NOT NULL,
    since         TEXT NOT NULL,
    PRIMARY KEY (organization, provider, subject)
) STRICT;

CREATE TABLE admin_tokens (
    id            TEXT PRIMARY KEY,
    token         TEXT NOT NULL UNIQUE,
    organization  TEXT NOT NULL,
    label         TEXT NOT NULL,
    scope         TEXT NOT NULL,
    roles         TEXT NOT NULL,
    made_by       TEXT NOT NULL,
    proof         TEXT,
    created       TEXT NOT NULL,
    ends          TEXT NOT NULL,
    revoked       TEXT,
    used          TEXT
) STRICT;

-- What a program was answered, for it to be answered the same once more.
CREATE TABLE admin_idempotency (
    token         TEXT NOT NULL,
    name          TEXT NOT NULL,
    request       TEXT NOT NULL,
    answer        TEXT,
    created       TEXT NOT NULL,
    PRIMARY KEY (token, name)
) STRICT;
