-- Several nodes on one database: what waits for the log is taken for one of their logs.
ALTER TABLE outbox ADD COLUMN taken_for TEXT;
ALTER TABLE outbox ADD COLUMN taken_at TEXT;

-- only postgres
CREATE FUNCTION exemption_history_stands() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the history of exemptions is only ever added to'; END $$;
CREATE TRIGGER exemption_history_stands BEFORE UPDATE OR DELETE ON exemption_history
FOR EACH ROW EXECUTE FUNCTION exemption_history_stands();
CREATE TRIGGER exemption_history_is_not_emptied BEFORE TRUNCATE ON exemption_history
FOR EACH STATEMENT EXECUTE FUNCTION exemption_history_stands();
-- both

-- What seals sessions and the like, shared by the nodes. The one without an instant lasts.
CREATE TABLE shared_keys (
    id         TEXT PRIMARY KEY,
    used_from  TEXT,
    secret     TEXT NOT NULL
) STRICT;
