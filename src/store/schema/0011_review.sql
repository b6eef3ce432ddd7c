-- Searches that a person of the administration comes back to; seen by nobody else.
CREATE TABLE saved_searches (
    id           TEXT PRIMARY KEY,
    organization TEXT NOT NULL,
    person       TEXT NOT NULL,
    name         TEXT NOT NULL,
    query        TEXT NOT NULL,
    created      TEXT NOT NULL,
    UNIQUE (organization, person, name)
) STRICT;

-- How an organisation plans the review of its log.
CREATE TABLE review_plans (
    organization TEXT PRIMARY KEY,
    starts       TEXT NOT NULL,
    every_days   INTEGER NOT NULL,
    sample       INTEGER NOT NULL,
    within_days  INTEGER NOT NULL,
    changed      TEXT NOT NULL,
    changed_by   TEXT NOT NULL
) STRICT;

-- One review: the span, the seed of the draw, and when it was done. The seed is there, and told to the
-- log, before anything is drawn by it (population), so that nobody can draw until they like it.
CREATE TABLE reviews (
    id           TEXT PRIMARY KEY,
    organization TEXT NOT NULL,
    day_from     TEXT NOT NULL,
    day_until    TEXT NOT NULL,
    due          TEXT NOT NULL,
    seed         TEXT NOT NULL,
    sample       INTEGER NOT NULL,
    population   INTEGER,
    drawn        TEXT NOT NULL,
    drawn_by     TEXT NOT NULL,
    finished     TEXT,
    UNIQUE (organization, day_from)
) STRICT;

-- What was drawn, in the order of the draw, and what somebody found of it.
CREATE TABLE review_items (
    review   TEXT NOT NULL REFERENCES reviews (id),
    place    INTEGER NOT NULL,
    entry    TEXT NOT NULL,
    outcome  TEXT,
    note     TEXT,
    reviewer TEXT,
    decided  TEXT,
    PRIMARY KEY (review, place)
) STRICT;

-- A breach file: what happened when, to whom, and when it was reported.
CREATE TABLE breaches (
    id             TEXT PRIMARY KEY,
    organization   TEXT NOT NULL,
    title          TEXT NOT NULL,
    occurred_from  TEXT NOT NULL,
    occurred_until TEXT NOT NULL,
    discovered     TEXT NOT NULL,
    reported       TEXT,
    created        TEXT NOT NULL,
    created_by     TEXT NOT NULL
) STRICT;

CREATE TABLE breach_persons (
    breach TEXT NOT NULL REFERENCES breaches (id),
    name   TEXT NOT NULL,
    PRIMARY KEY (breach, name)
) STRICT;

-- Notes are only ever added.
CREATE TABLE breach_notes (
    breach TEXT NOT NULL REFERENCES breaches (id),
    number INTEGER NOT NULL,
    at     TEXT NOT NULL,
    author TEXT NOT NULL,
    text   TEXT NOT NULL,
    PRIMARY KEY (breach, number)
) STRICT;
