-- The counts of the block log once more: beside those of every kind, sums that long spans are read
-- from. Nothing is lost: the sums are made of the counts by `store::log::make_sums`.

-- How many there were of each kind in each hour, 256 hours at a time: parts that came later stand
-- behind those before. `sums` says what is told apart: 0 every kind; others fewer words of a kind,
-- or longer times. `sums.rs` has them all, `block.rs` how it is written.
CREATE TABLE log_totals (
    organization INTEGER NOT NULL,
    sums         INTEGER NOT NULL,
    block        INTEGER NOT NULL,
    part         INTEGER NOT NULL,
    counts       BLOB NOT NULL,
    PRIMARY KEY (organization, sums, block, part)
-- only sqlite
) STRICT, WITHOUT ROWID;
-- only postgres
);
ALTER TABLE log_totals ALTER COLUMN counts SET STORAGE EXTERNAL;
-- both
INSERT INTO log_totals (organization, sums, block, part, counts)
    SELECT organization, 0, block, part, counts FROM log_counts;
DROP TABLE log_counts;

-- A mark knows the address of its entry: somebody's entries from one address are found without
-- reading all of theirs. -2: it is not known here, the entry has to be read. So it is where the
-- entry has two addresses, and in what was put in before.
ALTER TABLE log_marks ADD COLUMN network INTEGER NOT NULL DEFAULT -2;
ALTER TABLE log_marks ADD COLUMN host INTEGER NOT NULL DEFAULT -2;
-- only postgres
ALTER TABLE log_marks DROP CONSTRAINT log_marks_pkey;
ALTER TABLE log_marks ADD PRIMARY KEY (organization, mark, entry)
    INCLUDE (kind, folded, family, network, host);
-- both

-- All kinds of an organisation are read by nearly every question: one after another.
DROP INDEX log_kinds_in_order;
CREATE INDEX log_kinds_in_order ON log_kinds (organization, number, numbers);
