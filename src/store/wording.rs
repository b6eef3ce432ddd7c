//! A step of the schema in the words of one database.
//!
//! A file under `schema/` is written for SQLite. What only one database needs stands below a line
//! `-- only sqlite` or `-- only postgres`, up to a line `-- both`.

/// Which database a step is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Database {
    Sqlite,
    Postgres,
}

/// PostgreSQL's words for SQLite's. Text is compared and sorted by its bytes on both.
const POSTGRES_WORDS: [(&str, &str); 5] = [
    ("INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
    (" INTEGER", " BIGINT"),
    (" BLOB", " BYTEA"),
    (" TEXT", " TEXT COLLATE \"C\""),
    (") STRICT;", ");"),
];

/// The step as this database takes it.
pub(super) fn wording(step: &str, database: Database) -> String {
    let mut meant = None;
    let mut in_trigger = false;
    let mut text = String::with_capacity(step.len());
    for line in step.lines() {
        match line.trim_end() {
            "-- both" => meant = None,
            "-- only sqlite" => meant = Some(Database::Sqlite),
            "-- only postgres" => meant = Some(Database::Postgres),
            _ if meant.is_some_and(|meant| meant != database) => {}
            _ if meant.is_some() || database == Database::Sqlite => push(&mut text, line),
            // A trigger is said in another way altogether.
            _ => {
                in_trigger |= line.starts_with("CREATE TRIGGER");
                if !in_trigger {
                    push(&mut text, &in_postgres_words(line));
                }
                in_trigger &= !line.ends_with("END;");
            }
        }
    }
    text
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn in_postgres_words(line: &str) -> String {
    let code = line.split("--").next().unwrap_or_default();
    let replaced = |line: String, (sqlite, postgres): (&str, &str)| line.replace(sqlite, postgres);
    POSTGRES_WORDS.into_iter().fold(code.to_owned(), replaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: &str = "\
-- Of TEXT and INTEGER.
CREATE TABLE a (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    i INTEGER NOT NULL, -- an INTEGER
    t TEXT,
    b BLOB
) STRICT;
CREATE TRIGGER a_stands BEFORE UPDATE ON a
BEGIN SELECT RAISE(ABORT, 'no'); END;
ALTER TABLE a ADD COLUMN more TEXT;
-- only sqlite
PRAGMA one;
-- only postgres
CREATE FUNCTION two() RETURNS INTEGER;
-- both
CREATE INDEX i ON a (i);
";

    #[test]
    fn sqlite_takes_the_file_as_it_stands() {
        let text = wording(STEP, Database::Sqlite);
        assert!(text.contains("RAISE") && text.contains("PRAGMA one"), "{text}");
        assert!(text.contains(") STRICT;") && text.contains("CREATE INDEX"), "{text}");
        assert!(!text.contains("two()"), "{text}");
    }

    #[test]
    fn postgres_takes_it_in_its_own_words() {
        let text = wording(STEP, Database::Postgres);
        assert_eq!(
            text.split_whitespace().collect::<Vec<_>>().join(" "),
            "CREATE TABLE a ( n BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, i BIGINT NOT \
             NULL, t TEXT COLLATE \"C\", b BYTEA ); ALTER TABLE a ADD COLUMN more TEXT COLLATE \
             \"C\"; CREATE FUNCTION two() RETURNS INTEGER; CREATE INDEX i ON a (i);"
        );
    }
}
