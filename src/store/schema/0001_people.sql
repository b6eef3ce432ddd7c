CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
INSERT INTO meta (name, value) VALUES ('change_number', 0);

-- Local accounts. The id is the subject that is never given to anybody else.
CREATE TABLE accounts (
    id            TEXT PRIMARY KEY,
    organization  TEXT NOT NULL,
    name          TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    locked        INTEGER NOT NULL DEFAULT 0 CHECK (locked IN (0, 1)),
    epoch         INTEGER NOT NULL DEFAULT 0,
    created       TEXT NOT NULL,
    changed       TEXT NOT NULL,
    UNIQUE (organization, name)
) STRICT;

-- Sessions that were signed out before their time. Kept until the session would have ended anyway.
CREATE TABLE ended_sessions (
    id   TEXT PRIMARY KEY,
    ends TEXT NOT NULL
) STRICT;

CREATE TABLE exemptions (
    id           TEXT PRIMARY KEY,
    organization TEXT NOT NULL,
    provider     TEXT NOT NULL,
    subject      TEXT NOT NULL,
    user_name    TEXT NOT NULL,
    purpose      TEXT NOT NULL,
    case_number  TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('awaiting_approval', 'granted', 'revoked', 'closed')),
    granted_at   TEXT NOT NULL,
    granted_by   TEXT NOT NULL,
    granted_as   TEXT
) STRICT;
CREATE INDEX exemptions_by_organization ON exemptions (organization, state);

CREATE TABLE exemption_legs (
    exemption TEXT NOT NULL REFERENCES exemptions (id),
    position  INTEGER NOT NULL,
    territory TEXT NOT NULL,
    starts    TEXT NOT NULL,
    ends      TEXT NOT NULL,
    PRIMARY KEY (exemption, position, territory)
) STRICT;

CREATE TABLE exemption_sites (
    exemption TEXT NOT NULL REFERENCES exemptions (id),
    site      TEXT NOT NULL,
    PRIMARY KEY (exemption, site)
) STRICT;

-- What happened to each exemption, by whom. Rows are only ever added.
CREATE TABLE exemption_history (
    sequence    INTEGER PRIMARY KEY AUTOINCREMENT,
    exemption   TEXT NOT NULL REFERENCES exemptions (id),
    action      TEXT NOT NULL CHECK (action IN ('granted', 'approved', 'revoked', 'closed')),
    at          TEXT NOT NULL,
    done_by     TEXT NOT NULL,
    done_as     TEXT,
    reason      TEXT
) STRICT;
CREATE INDEX exemption_history_by_exemption ON exemption_history (exemption, sequence);
CREATE TRIGGER exemption_history_is_not_changed BEFORE UPDATE ON exemption_history
BEGIN SELECT RAISE(ABORT, 'the history of exemptions is only ever added to'); END;
CREATE TRIGGER exemption_history_is_not_deleted BEFORE DELETE ON exemption_history
BEGIN SELECT RAISE(ABORT, 'the history of exemptions is only ever added to'); END;
-- REPLACE deletes without asking the trigger above, unless recursive triggers are on.
CREATE TRIGGER exemption_history_is_not_replaced BEFORE INSERT ON exemption_history
WHEN EXISTS (SELECT 1 FROM exemption_history WHERE sequence = NEW.sequence)
BEGIN SELECT RAISE(ABORT, 'the history of exemptions is only ever added to'); END;

-- What was announced when, as this gateway saw it: the memory of the announcement lock.
CREATE TABLE list_versions_seen (
    list    TEXT NOT NULL,
    version TEXT NOT NULL,
    record  TEXT NOT NULL,
    PRIMARY KEY (list, version)
) STRICT;
CREATE TABLE settings_seen (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    policy   TEXT NOT NULL,
    record   TEXT NOT NULL
) STRICT;

-- Log entries written in the same transaction as the change they tell of, waiting for the log.
CREATE TABLE outbox (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    event    TEXT NOT NULL,
    created  TEXT NOT NULL
) STRICT;
