-- The block log's index. Everything in it is made of the segments and can be made again.

-- Words that say nothing of a person, each kept once: organisations, sites, reasons, codes, nodes.
CREATE TABLE log_words (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    word   TEXT NOT NULL UNIQUE
) STRICT;

-- One row for each entry of the chains of denials and people. `entry` is the instant and what tells
-- entries of one instant apart, so that its order is the order of time. Words by their number, 0
-- where there is none. Personal values stand in columns of their own, so that they can be taken out.
CREATE TABLE log_entries (
    entry          INTEGER PRIMARY KEY,
    node           INTEGER NOT NULL,
    chain          INTEGER NOT NULL,
    sequence       INTEGER NOT NULL,
    organization   INTEGER NOT NULL,
    site           INTEGER NOT NULL,
    listener       INTEGER NOT NULL,
    action         INTEGER NOT NULL,
    reason         INTEGER NOT NULL,
    verdict        INTEGER NOT NULL,
    country        INTEGER NOT NULL,
    region         INTEGER NOT NULL,
    system         INTEGER NOT NULL,
    folded         INTEGER NOT NULL,
    reference      INTEGER NOT NULL,
    network        INTEGER NOT NULL,
    wide           INTEGER NOT NULL,
    client         TEXT,
    client_nat     TEXT,
    user_name      TEXT,
    user_id        TEXT,
    user_effective TEXT,
    user_target    TEXT,
    user_agent     TEXT,
    rest           TEXT NOT NULL,
    seal           BLOB NOT NULL
) STRICT;
CREATE INDEX log_by_organization ON log_entries (organization, entry);
CREATE INDEX log_by_country ON log_entries (organization, country, entry);
CREATE INDEX log_by_site ON log_entries (organization, site, entry);
CREATE INDEX log_by_reason ON log_entries (organization, reason, entry);
CREATE INDEX log_by_action ON log_entries (organization, action, entry);
CREATE INDEX log_by_reference ON log_entries (reference, entry);
CREATE INDEX log_by_network ON log_entries (network, entry);
CREATE INDEX log_by_wide_network ON log_entries (wide, entry);
CREATE INDEX log_by_region ON log_entries (region, entry) WHERE region > 0;
CREATE INDEX log_by_system ON log_entries (system, entry) WHERE system > 0;
CREATE INDEX log_denied_people ON log_entries (entry) WHERE chain = 1 AND user_name IS NOT NULL;

-- The people of an entry, in lower case; the network of a second address; the country that the
-- network of a rejection is registered in, where it is another.
CREATE TABLE log_marks (
    mark  TEXT NOT NULL,
    entry INTEGER NOT NULL,
    PRIMARY KEY (mark, entry)
-- only sqlite
) STRICT, WITHOUT ROWID;
-- only postgres
);
-- both

-- How many there were in each hour since 1970 (UTC): entries, and what they stand for.
CREATE TABLE log_hours (
    organization INTEGER NOT NULL,
    hour         INTEGER NOT NULL,
    chain        INTEGER NOT NULL,
    country      INTEGER NOT NULL,
    site         INTEGER NOT NULL,
    listener     INTEGER NOT NULL,
    reason       INTEGER NOT NULL,
    verdict      INTEGER NOT NULL,
    action       INTEGER NOT NULL,
    entries      INTEGER NOT NULL,
    total        INTEGER NOT NULL,
    PRIMARY KEY (organization, hour, chain, country, site, listener, reason, verdict, action)
-- only sqlite
) STRICT, WITHOUT ROWID;
-- only postgres
);
-- both
CREATE INDEX log_hours_by_country ON log_hours (organization, country, hour);
CREATE INDEX log_hours_by_reason ON log_hours (organization, reason, hour);
CREATE INDEX log_hours_by_action ON log_hours (organization, action, hour);

-- How far each chain of each node has been read.
CREATE TABLE log_bookmarks (
    node       INTEGER NOT NULL,
    chain      INTEGER NOT NULL,
    segment    INTEGER NOT NULL,
    reached    INTEGER NOT NULL,
    sequence   INTEGER NOT NULL,
    unreadable INTEGER NOT NULL,
    PRIMARY KEY (node, chain)
) STRICT;

-- Grows with each time something is forgotten: whoever read a segment before does not keep it.
CREATE TABLE log_forgotten (
    one   INTEGER PRIMARY KEY,
    times INTEGER NOT NULL
) STRICT;
INSERT INTO log_forgotten (one, times) VALUES (1, 0);
