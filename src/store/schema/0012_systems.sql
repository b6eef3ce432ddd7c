-- Systems that others run and that this gateway does not stand in front of: whether the rule is in
-- place there, who said so and when. A removed one stays, for its history.
CREATE TABLE outside_systems (
    id           TEXT PRIMARY KEY,
    organization TEXT NOT NULL,
    name         TEXT NOT NULL,
    operator     TEXT NOT NULL,
    rule         TEXT NOT NULL,
    checked_on   TEXT,
    checked_by   TEXT,
    note         TEXT NOT NULL,
    revision     INTEGER NOT NULL,
    removed      INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX outside_systems_by_organization ON outside_systems (organization, removed);

-- What it was after each change, and who changed it. Rows are only ever added.
CREATE TABLE outside_system_history (
    system     TEXT NOT NULL REFERENCES outside_systems (id),
    revision   INTEGER NOT NULL,
    action     TEXT NOT NULL,
    at         TEXT NOT NULL,
    done_by    TEXT NOT NULL,
    name       TEXT NOT NULL,
    operator   TEXT NOT NULL,
    rule       TEXT NOT NULL,
    checked_on TEXT,
    checked_by TEXT,
    note       TEXT NOT NULL,
    PRIMARY KEY (system, revision)
) STRICT;

-- Each node's word that it runs, so that any of them can tell of all.
CREATE TABLE nodes (
    node     TEXT PRIMARY KEY,
    host     TEXT NOT NULL,
    version  TEXT NOT NULL,
    started  TEXT NOT NULL,
    seen     TEXT NOT NULL,
    problem  TEXT NOT NULL
) STRICT;

-- How much passed through each site, by the hour, added up over the nodes. Nothing of a person.
CREATE TABLE traffic_hours (
    hour     INTEGER NOT NULL,
    site     TEXT NOT NULL,
    requests INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    exempt   INTEGER NOT NULL,
    PRIMARY KEY (hour, site)
) STRICT;
