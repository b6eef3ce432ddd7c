-- The other half of each month's key of the pseudonyms in a log; the first lies beside that log.
CREATE TABLE pseudonym_halves (
    log    TEXT NOT NULL,
    period TEXT NOT NULL,
    half   TEXT NOT NULL,
    PRIMARY KEY (log, period)
) STRICT;

-- Segments that an order writes anew and that the index has not been told of.
CREATE TABLE segments_to_tell (
    log     TEXT NOT NULL,
    chain   TEXT NOT NULL,
    segment INTEGER NOT NULL,
    PRIMARY KEY (log, chain, segment)
) STRICT;

-- Who asked whom a pseudonym stands for, and which other person answered.
CREATE TABLE reidentifications (
    id           TEXT PRIMARY KEY,
    organization TEXT NOT NULL,
    wanted       TEXT NOT NULL,
    reason       TEXT NOT NULL,
    asked        TEXT NOT NULL,
    asked_by     TEXT NOT NULL,
    asked_as     TEXT,
    answered     TEXT,
    answered_by  TEXT,
    answered_as  TEXT
) STRICT;
