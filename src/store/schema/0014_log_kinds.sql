-- The block log's index once more, for ten million entries. All of it is made of the segments: what
-- stood here is thrown away and every node reads its log again.
DROP TABLE log_entries;
DROP TABLE log_marks;
DROP TABLE log_hours;
DELETE FROM log_bookmarks;
UPDATE log_forgotten SET times = times + 1;

-- What entries have in common that people filter by, each combination once: the numbers of chain,
-- country, site, listener, reason, verdict and action, in this order. There are some thousands.
CREATE TABLE log_kinds (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    organization INTEGER NOT NULL,
    numbers      TEXT NOT NULL,
    UNIQUE (organization, numbers)
) STRICT;
CREATE INDEX log_kinds_in_order ON log_kinds (organization, number);

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
    seal           BLOB NOT NULL,
    kind           INTEGER NOT NULL,
    host           INTEGER NOT NULL,
    part           INTEGER NOT NULL,
    family         INTEGER NOT NULL
) STRICT;
-- Each is led by the organisation and holds what an entry is chosen by, so that no entry is read
-- that is not shown.
CREATE INDEX log_by_organization ON log_entries (organization, entry, kind, folded, wide);
CREATE INDEX log_by_network ON log_entries (organization, network, entry, kind, folded, host);
CREATE INDEX log_by_wide_network ON log_entries (organization, wide, entry, kind, folded, part);
CREATE INDEX log_by_reference ON log_entries (reference, entry, kind);
CREATE INDEX log_by_region ON log_entries (organization, region, entry, kind, folded)
    WHERE region > 0;
CREATE INDEX log_by_system ON log_entries (organization, system, entry, kind) WHERE system > 0;
CREATE INDEX log_denied_people ON log_entries (organization, entry, kind, user_name, family)
    WHERE chain = 1 AND user_name IS NOT NULL;

-- The people of an entry, in lower case; the network of a second address; the country that the
-- network of a rejection is registered in, where it is another.
CREATE TABLE log_marks (
    organization INTEGER NOT NULL,
    mark         TEXT NOT NULL,
    entry        INTEGER NOT NULL,
    kind         INTEGER NOT NULL,
    folded       INTEGER NOT NULL,
    family       INTEGER NOT NULL,
    PRIMARY KEY (organization, mark, entry, kind, folded, family)
-- only sqlite
) STRICT, WITHOUT ROWID;
-- only postgres
);
-- both

-- How many there were of each kind in each hour, 256 hours at a time: part 0 holds what was put
-- together, the others what came since. `counts.rs` says how it is written.
CREATE TABLE log_counts (
    organization INTEGER NOT NULL,
    block        INTEGER NOT NULL,
    part         INTEGER NOT NULL,
    counts       BLOB NOT NULL,
    PRIMARY KEY (organization, block, part)
) STRICT;
-- only postgres
ALTER TABLE log_counts ALTER COLUMN counts SET STORAGE EXTERNAL;
-- both
