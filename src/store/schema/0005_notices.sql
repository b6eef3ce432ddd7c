-- Where a traveller is reached while the municipal mailbox is blocked.
CREATE TABLE notice_contacts (
    exemption TEXT PRIMARY KEY REFERENCES exemptions (id),
    name      TEXT,
    mail      TEXT,
    telephone TEXT,
    sms_mail  TEXT,
    language  TEXT,
    changed   TEXT NOT NULL
) STRICT;

-- One row for each message to be sent. What caused it may cause it again; the key lets it in once.
-- `claim` is empty, or names who is sending it until `claimed_until`.
CREATE TABLE notices (
    id            TEXT PRIMARY KEY,
    exemption     TEXT NOT NULL REFERENCES exemptions (id),
    kind          TEXT NOT NULL,
    occasion      TEXT NOT NULL,
    channel       TEXT NOT NULL,
    details       TEXT NOT NULL,
    number        INTEGER NOT NULL,
    created       TEXT NOT NULL,
    state         TEXT NOT NULL,
    due           TEXT NOT NULL,
    attempts      INTEGER NOT NULL,
    claim         TEXT NOT NULL,
    claimed_until TEXT NOT NULL,
    ended         TEXT,
    problem       TEXT,
    UNIQUE (exemption, kind, occasion, channel)
) STRICT;
CREATE INDEX notices_by_state ON notices (state);

-- What was seen of an exemption's use: countries, devices, the way home. One row for each thing.
CREATE TABLE odd_use_seen (
    exemption TEXT NOT NULL REFERENCES exemptions (id),
    aspect    TEXT NOT NULL,
    value     TEXT NOT NULL,
    first_at  TEXT NOT NULL,
    last_at   TEXT NOT NULL,
    PRIMARY KEY (exemption, aspect, value)
) STRICT;

-- What looked odd: each kind once a day.
CREATE TABLE odd_use_flags (
    exemption TEXT NOT NULL REFERENCES exemptions (id),
    kind      TEXT NOT NULL,
    day       TEXT NOT NULL,
    at        TEXT NOT NULL,
    detail    TEXT NOT NULL,
    PRIMARY KEY (exemption, kind, day)
) STRICT;
