-- The journey: applications and emergencies beside what was granted at once.
--
-- Of an application are kept: devices as a JSON array, how the traveller is reached, what it
-- prolongs. Of an emergency: the reference that was read out, how the caller was verified, and until
-- when it counts without a second person. `granted_at`, `granted_by`, `granted_as`: when and by whom
-- the record was made. `end_noted_at`: when somebody noticed that its time was over; nothing is
-- decided by it.
--
-- only sqlite
-- A check cannot be changed where it stands, so the two tables are written anew. Legs and sites
-- refer to exemptions all the while; whether they still do is looked at when the step is committed.
PRAGMA defer_foreign_keys = ON;

CREATE TEMP TABLE exemptions_before AS SELECT * FROM exemptions;
DROP TABLE exemptions;
CREATE TABLE exemptions (
    id              TEXT PRIMARY KEY,
    organization    TEXT NOT NULL,
    provider        TEXT NOT NULL,
    subject         TEXT NOT NULL,
    user_name       TEXT NOT NULL,
    purpose         TEXT NOT NULL,
    case_number     TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN (
                        'applied', 'awaiting_approval', 'granted', 'provisional', 'refused',
                        'withdrawn', 'revoked', 'closed')),
    granted_at      TEXT NOT NULL,
    granted_by      TEXT NOT NULL,
    granted_as      TEXT,
    devices         TEXT,
    telephone       TEXT,
    mail            TEXT,
    extends         TEXT REFERENCES exemptions (id),
    reference       TEXT UNIQUE,
    caller_verified TEXT,
    confirm_before  TEXT,
    end_noted_at    TEXT,
    CHECK (state <> 'provisional' OR confirm_before IS NOT NULL)
) STRICT;
INSERT INTO exemptions (id, organization, provider, subject, user_name, purpose, case_number, state,
                        granted_at, granted_by, granted_as)
SELECT id, organization, provider, subject, user_name, purpose, case_number, state,
       granted_at, granted_by, granted_as
FROM exemptions_before;
DROP TABLE exemptions_before;
CREATE INDEX exemptions_by_organization ON exemptions (organization, state);
CREATE INDEX exemptions_by_person ON exemptions (organization, provider, subject);

-- What happened to each exemption, by whom. Rows are only ever added.
CREATE TABLE exemption_history_anew (
    sequence    INTEGER PRIMARY KEY AUTOINCREMENT,
    exemption   TEXT NOT NULL REFERENCES exemptions (id),
    action      TEXT NOT NULL CHECK (action IN (
                    'applied', 'granted', 'emergency', 'approved', 'refused', 'withdrawn',
                    'revoked', 'closed', 'ended')),
    at          TEXT NOT NULL,
    done_by     TEXT NOT NULL,
    done_as     TEXT,
    reason      TEXT
) STRICT;
INSERT INTO exemption_history_anew (sequence, exemption, action, at, done_by, done_as, reason)
SELECT sequence, exemption, action, at, done_by, done_as, reason
FROM exemption_history ORDER BY sequence;
DROP TABLE exemption_history;
ALTER TABLE exemption_history_anew RENAME TO exemption_history;
CREATE INDEX exemption_history_by_exemption ON exemption_history (exemption, sequence);
CREATE TRIGGER exemption_history_is_not_changed BEFORE UPDATE ON exemption_history
BEGIN SELECT RAISE(ABORT, 'the history of exemptions is only ever added to'); END;
CREATE TRIGGER exemption_history_is_not_deleted BEFORE DELETE ON exemption_history
BEGIN SELECT RAISE(ABORT, 'the history of exemptions is only ever added to'); END;
CREATE TRIGGER exemption_history_is_not_replaced BEFORE INSERT ON exemption_history
WHEN EXISTS (SELECT 1 FROM exemption_history WHERE sequence = NEW.sequence)
BEGIN SELECT RAISE(ABORT, 'the history of exemptions is only ever added to'); END;

-- only postgres
ALTER TABLE exemptions DROP CONSTRAINT exemptions_state_check;
ALTER TABLE exemptions ADD COLUMN devices TEXT COLLATE "C";
ALTER TABLE exemptions ADD COLUMN telephone TEXT COLLATE "C";
ALTER TABLE exemptions ADD COLUMN mail TEXT COLLATE "C";
ALTER TABLE exemptions ADD COLUMN extends TEXT COLLATE "C" REFERENCES exemptions (id);
ALTER TABLE exemptions ADD COLUMN reference TEXT COLLATE "C" UNIQUE;
ALTER TABLE exemptions ADD COLUMN caller_verified TEXT COLLATE "C";
ALTER TABLE exemptions ADD COLUMN confirm_before TEXT COLLATE "C";
ALTER TABLE exemptions ADD COLUMN end_noted_at TEXT COLLATE "C";
ALTER TABLE exemptions ADD CONSTRAINT exemptions_state_check CHECK (state IN (
    'applied', 'awaiting_approval', 'granted', 'provisional', 'refused', 'withdrawn', 'revoked',
    'closed'));
ALTER TABLE exemptions ADD CONSTRAINT exemptions_provisional_check CHECK (
    state <> 'provisional' OR confirm_before IS NOT NULL);
CREATE INDEX exemptions_by_person ON exemptions (organization, provider, subject);
ALTER TABLE exemption_history DROP CONSTRAINT exemption_history_action_check;
ALTER TABLE exemption_history ADD CONSTRAINT exemption_history_action_check CHECK (action IN (
    'applied', 'granted', 'emergency', 'approved', 'refused', 'withdrawn', 'revoked', 'closed',
    'ended'));
-- both
