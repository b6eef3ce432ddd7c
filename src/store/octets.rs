//! Rows of which a text holds octets that are no text. SQLite keeps whatever it was given, or what a
//! disk has made of it, and the library then gives up the whole answer.
//!
//! Always holds: what can be read is read as ever; a text that is none stays a row of octets, which
//! whoever asks for a text is refused, for this row and this column alone.

use std::sync::Arc;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{
    AnyConnection, Arguments as _, AssertSqlSafe, Column as _, Execute as _, Executor as _,
    Row as _, SqlSafeStr as _, Statement as _,
};

use super::connections::Asked;

/// What is asked, so that it can be asked twice.
pub(super) struct Question {
    sql: Arc<str>,
    values: AnyArguments,
}

impl Question {
    pub(super) fn of(mut asked: Asked<'_>) -> Result<Self, sqlx::Error> {
        let arguments = asked.take_arguments().map_err(sqlx::Error::Encode)?;
        let values = arguments.unwrap_or_default();
        Ok(Self { sql: Arc::from(asked.sql().as_str()), values })
    }

    /// Every row that it gives.
    pub(super) async fn rows(
        &self,
        connection: &mut AnyConnection,
        remembers: bool,
    ) -> Result<Vec<AnyRow>, sqlx::Error> {
        let asked = self.asked(&self.sql).persistent(remembers).fetch_all(&mut *connection).await;
        match asked {
            Err(broken @ sqlx::Error::Decode(_)) => {
                // What no question can stand around gave its answer by the first one.
                self.rows_of_octets(connection).await.map_err(|_| broken)
            }
            asked => asked,
        }
    }

    /// Asks for every text as octets, and makes a text of each that is one.
    async fn rows_of_octets(
        &self,
        connection: &mut AnyConnection,
    ) -> Result<Vec<AnyRow>, sqlx::Error> {
        let statement =
            (&mut *connection).prepare(AssertSqlSafe(Arc::clone(&self.sql)).into_sql_str()).await?;
        let columns = statement.columns().iter().map(|c| quoted(c.name())).collect::<Vec<_>>();
        let octets = columns.iter().map(|c| {
            format!("CASE typeof({c}) WHEN 'text' THEN CAST({c} AS BLOB) ELSE {c} END AS {c}")
        });
        let kinds = columns.iter().map(|c| format!("substr(typeof({c}), 1, 1)"));
        let sql = format!(
            "SELECT {}, {} FROM ({})",
            octets.collect::<Vec<_>>().join(", "),
            kinds.collect::<Vec<_>>().join(" || "),
            self.sql
        );
        let mut rows = self.asked(&Arc::from(sql)).persistent(false).fetch_all(connection).await?;
        for row in &mut rows {
            let kinds: String = row.try_get(columns.len())?;
            for (column, kind) in kinds.bytes().enumerate() {
                if kind == b't' {
                    make_text(row, column)?;
                }
            }
        }
        Ok(rows)
    }

    fn asked(&self, sql: &Arc<str>) -> Asked<'static> {
        let mut values = AnyArguments::default();
        values.values.0.clone_from(&self.values.values.0);
        sqlx::query_with(AssertSqlSafe(Arc::clone(sql)), values)
    }
}

/// Makes a text of octets that are one.
fn make_text(row: &mut AnyRow, column: usize) -> Result<(), sqlx::Error> {
    let Ok(text) = String::from_utf8(row.try_get(column)?) else { return Ok(()) };
    let mut made = AnyArguments::default();
    made.add(text).map_err(sqlx::Error::Encode)?;
    if let (Some(value), Some(text)) = (row.values.get_mut(column), made.values.0.pop()) {
        value.kind = text;
    }
    Ok(())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
