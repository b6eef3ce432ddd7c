-- only postgres
CREATE FUNCTION exemption_history_stands() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the history of exemptions is only ever added to'; END $$;
CREATE TRIGGER exemption_history_stands BEFORE UPDATE OR DELETE ON exemption_history
FOR EACH ROW EXECUTE FUNCTION exemption_history_stands();
CREATE TRIGGER exemption_history_is_not_emptied BEFORE TRUNCATE ON exemption_history
FOR EACH STATEMENT EXECUTE FUNCTION exemption_history_stands();
-- both
