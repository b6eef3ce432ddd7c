-- Orders to take personal values out of the log, given in the administration. Whom one is about stands
-- here until every log is done with it, and no longer.
CREATE TABLE erasure_orders (
    id           TEXT PRIMARY KEY,
    organization TEXT NOT NULL,
    removes      INTEGER NOT NULL,
    about        TEXT NOT NULL,
    names        TEXT,
    since        TEXT,
    before       TEXT,
    why          TEXT NOT NULL,
    case_number  TEXT,
    given        TEXT NOT NULL,
    given_by     TEXT NOT NULL,
    given_as     TEXT
) STRICT;
CREATE INDEX erasure_orders_by_organization ON erasure_orders (organization, id);

-- What became of an order in the log of each node.
CREATE TABLE erasure_parts (
    erasure_order TEXT NOT NULL REFERENCES erasure_orders (id),
    log           TEXT NOT NULL,
    state         TEXT NOT NULL,
    looked_at     INTEGER NOT NULL,
    segments      INTEGER NOT NULL,
    entries       INTEGER NOT NULL,
    refused       INTEGER NOT NULL,
    problem       TEXT,
    changed       TEXT NOT NULL,
    PRIMARY KEY (erasure_order, log)
) STRICT;
CREATE INDEX erasure_parts_by_log ON erasure_parts (log, state);
