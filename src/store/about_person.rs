//! Everything that the store holds of one person, table by table.
//!
//! Every table stands here: with how its rows are found for a person, or among those that hold
//! nothing of people, with why. A test walks the schema, its columns too.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::outbox::{ChangeAction, ChangeEvent};
use super::{Store, StoreError};
use crate::identifier::OrganizationId;
use crate::policy::{Actor, ExemptionId, Person, UserName};

/// A table that holds something of people.
struct Kept {
    table: &'static str,
    /// What is shown.
    columns: &'static [&'static str],
    /// Names of those who dealt with the person.
    others: &'static [&'static str],
    /// What is there and not shown: secrets, which say nothing to the person.
    withheld: &'static [&'static str],
    /// Whose rows they are: `$1` organisation, `$2` provider, `$3` subject, `$4` login name. Without
    /// a proven person `$2` is empty, and the name alone says who is meant.
    whose: &'static str,
}

const OF_PERSON: &str = "organization = $1 AND provider = $2 AND subject = $3";
const OF_EXEMPTION: &str = "exemption IN (SELECT id FROM exemptions WHERE organization = $1
    AND ((provider = $2 AND subject = $3) OR ($2 = '' AND user_name = $4)))";
const NAMED: &str = "organization = $1
    AND ((provider = $2 AND subject = $3) OR ($2 = '' AND user_name = $4))";

const KEPT: &[Kept] = &[
    Kept {
        table: "accounts",
        columns: &["id", "organization", "name", "locked", "epoch", "created", "changed"],
        others: &[],
        withheld: &["password_hash"],
        whose: "organization = $1 AND (id = $3 OR ($2 = '' AND name = $4))",
    },
    Kept {
        table: "known_people",
        columns: &[
            "organization",
            "provider",
            "subject",
            "user_name",
            "display_name",
            "mail",
            "telephone",
            "last_seen",
        ],
        others: &[],
        withheld: &[],
        whose: NAMED,
    },
    Kept {
        table: "exemptions",
        columns: &[
            "id",
            "organization",
            "provider",
            "subject",
            "user_name",
            "purpose",
            "case_number",
            "state",
            "granted_at",
            "granted_by",
            "granted_as",
            "devices",
            "telephone",
            "mail",
            "extends",
            "reference",
            "caller_verified",
            "confirm_before",
            "end_noted_at",
        ],
        others: &["granted_by", "granted_as"],
        withheld: &[],
        whose: NAMED,
    },
    of_exemption("exemption_legs", &["exemption", "position", "territory", "starts", "ends"]),
    of_exemption("exemption_sites", &["exemption", "site"]),
    Kept {
        table: "exemption_history",
        columns: &["sequence", "exemption", "action", "at", "done_by", "done_as", "reason"],
        others: &["done_by", "done_as"],
        // Who it was to the provider; the name beside it is masked where it is somebody else.
        withheld: &["done_organization", "done_provider", "done_subject"],
        whose: OF_EXEMPTION,
    },
    of_exemption("exemption_demands", &["exemption", "demand"]),
    Kept {
        table: "travel_links",
        columns: &["exemption", "made", "ends", "most"],
        others: &[],
        withheld: &["token_hash"],
        whose: OF_EXEMPTION,
    },
    Kept {
        table: "bound_devices",
        columns: &["id", "exemption", "kind", "site", "label", "bound", "revoked"],
        others: &[],
        withheld: &["mark", "link"],
        whose: OF_EXEMPTION,
    },
    Kept {
        table: "person_ends",
        columns: &["organization", "provider", "subject", "at"],
        others: &[],
        withheld: &[],
        whose: OF_PERSON,
    },
    Kept {
        table: "address_grants",
        columns: &[
            "id",
            "organization",
            "provider",
            "subject",
            "user_name",
            "site",
            "exemption",
            "network",
            "multi_factor",
            "began",
            "ends",
            "ended",
        ],
        others: &[],
        withheld: &["device"],
        whose: NAMED,
    },
    of_exemption(
        "notice_contacts",
        &["exemption", "name", "mail", "telephone", "sms_mail", "language", "changed"],
    ),
    Kept {
        table: "notices",
        columns: &[
            "id",
            "exemption",
            "kind",
            "occasion",
            "channel",
            "number",
            "created",
            "state",
            "due",
            "attempts",
            "ended",
            "problem",
        ],
        others: &[],
        // The details hold the link while the message waits.
        withheld: &["details", "claim", "claimed_until"],
        whose: OF_EXEMPTION,
    },
    of_exemption("odd_use_seen", &["exemption", "aspect", "value", "first_at", "last_at"]),
    of_exemption("odd_use_flags", &["exemption", "kind", "day", "at", "detail"]),
    Kept {
        table: "provider_logouts",
        columns: &["provider", "kind", "name", "at"],
        others: &[],
        withheld: &[],
        whose: "provider = $2 AND kind = 'subject' AND name = $3 AND $1 <> ''",
    },
    Kept {
        table: "outbox",
        columns: &["id", "created"],
        others: &[],
        // Within a second it is an entry of the log, which is shown.
        withheld: &["sequence", "event", "taken_for", "taken_at"],
        whose: "event LIKE '%\"' || $4 || '\"%'
            AND event LIKE '%\"organization\":\"' || $1 || '\"%'",
    },
    Kept {
        table: "reidentifications",
        columns: &[
            "id",
            "organization",
            "wanted",
            "reason",
            "asked",
            "asked_by",
            "asked_as",
            "asked_person",
            "answered",
            "answered_by",
            "answered_as",
        ],
        others: &["asked_by", "asked_as", "asked_person", "answered_by", "answered_as"],
        withheld: &[],
        whose: "organization = $1 AND (lower(asked_by) = $4 OR lower(answered_by) = $4)",
    },
    of_staff(
        "erasure_orders",
        &["id", "organization", "removes", "about", "why", "case_number", "given", "given_by"],
        &["given_by"],
        // The names of whom it is about stand there until it is carried out: perhaps another's.
        &["names", "since", "before", "given_as"],
        "organization = $1 AND (lower(given_by) = $4 OR lower(names) LIKE '%\"' || $4 || '\"%')",
    ),
    Kept {
        table: "admin_sessions",
        columns: &[
            "organization",
            "provider",
            "subject",
            "roles",
            "chosen",
            "stage",
            "failures",
            "began",
            "used",
            "ends",
        ],
        others: &[],
        withheld: &["token", "proof", "pending"],
        whose: OF_PERSON,
    },
    Kept {
        table: "admin_second_factors",
        columns: &["id", "organization", "provider", "subject", "kind", "label", "created", "used"],
        others: &[],
        withheld: &["secret", "last_step"],
        whose: OF_PERSON,
    },
    Kept {
        table: "admin_code_failures",
        columns: &["organization", "provider", "subject", "failures", "since"],
        others: &[],
        withheld: &[],
        whose: OF_PERSON,
    },
    Kept {
        table: "admin_tokens",
        columns: &[
            "id",
            "organization",
            "label",
            "scope",
            "roles",
            "made_by",
            "created",
            "ends",
            "revoked",
            "used",
        ],
        others: &["made_by"],
        withheld: &["token", "proof"],
        whose: "organization = $1 AND lower(made_by) = $4",
    },
    Kept {
        table: "saved_searches",
        columns: &["id", "organization", "person", "name", "query", "created"],
        others: &[],
        withheld: &[],
        whose: "organization = $1 AND (lower(person) = $4 OR person = $2 || '/' || $3)",
    },
    of_staff(
        "review_plans",
        &["organization", "starts", "every_days", "sample", "within_days", "changed", "changed_by"],
        &["changed_by"],
        &[],
        "organization = $1 AND lower(changed_by) = $4",
    ),
    of_staff(
        "reviews",
        &["id", "organization", "day_from", "day_until", "due", "drawn", "drawn_by", "finished"],
        &["drawn_by"],
        &["seed", "sample", "population"],
        "organization = $1 AND lower(drawn_by) = $4",
    ),
    of_staff(
        "review_items",
        &["review", "place", "entry", "outcome", "reviewer", "decided"],
        &["reviewer"],
        &["note"],
        "lower(reviewer) = $4 AND review IN (SELECT id FROM reviews WHERE organization = $1)",
    ),
    of_staff(
        "breaches",
        &[
            "id",
            "organization",
            "title",
            "occurred_from",
            "occurred_until",
            "discovered",
            "reported",
            "created",
            "created_by",
        ],
        &["created_by"],
        &[],
        "organization = $1 AND (lower(created_by) = $4
            OR id IN (SELECT breach FROM breach_persons WHERE lower(name) = $4))",
    ),
    of_staff(
        "breach_persons",
        &["breach", "name"],
        &[],
        &[],
        "lower(name) = $4 AND breach IN (SELECT id FROM breaches WHERE organization = $1)",
    ),
    of_staff(
        "breach_notes",
        &["breach", "number", "at", "author"],
        &["author"],
        // Perhaps about others.
        &["text"],
        "lower(author) = $4 AND breach IN (SELECT id FROM breaches WHERE organization = $1)",
    ),
    of_staff(
        "outside_systems",
        &["id", "organization", "name", "checked_on", "checked_by"],
        &["checked_by"],
        &["operator", "rule", "note", "revision", "removed"],
        "organization = $1 AND lower(checked_by) = $4",
    ),
    of_staff(
        "outside_system_history",
        &["system", "revision", "action", "at", "done_by", "name", "checked_on", "checked_by"],
        &["done_by", "checked_by"],
        &["operator", "rule", "note"],
        "(lower(done_by) = $4 OR lower(checked_by) = $4)
            AND system IN (SELECT id FROM outside_systems WHERE organization = $1)",
    ),
];

/// Tables that hold nothing that leads to a person, and why.
#[cfg(test)]
const OF_NOBODY: &[(&str, &str)] = &[
    ("meta", "counters"),
    ("schema_steps", "the schema"),
    ("list_versions_seen", "lists"),
    ("settings_seen", "policies"),
    ("shared_keys", "keys"),
    ("pseudonym_halves", "keys"),
    ("segments_to_tell", "numbers of segments"),
    ("erasure_parts", "how far orders have come in the log of each node"),
    ("ended_sessions", "random names of sessions, for fourteen hours"),
    ("admin_idempotency", "answers to programs, by the hash of their token, for a day"),
    ("log_words", "the log's index: its entries are shown from the log"),
    ("log_entries", "the log's index: its entries are shown from the log"),
    ("log_marks", "the log's index: its entries are shown from the log"),
    ("log_totals", "counts"),
    ("log_kinds", "what entries have in common that say nothing of people"),
    ("log_bookmarks", "places in the log"),
    ("log_forgotten", "a counter"),
    ("nodes", "which nodes run"),
    ("traffic_hours", "counts"),
];

/// What people do at work: theirs by name.
const fn of_staff(
    table: &'static str,
    columns: &'static [&'static str],
    others: &'static [&'static str],
    withheld: &'static [&'static str],
    whose: &'static str,
) -> Kept {
    Kept { table, columns, others, withheld, whose }
}

const fn of_exemption(table: &'static str, columns: &'static [&'static str]) -> Kept {
    Kept { table, columns, others: &[], withheld: &[], whose: OF_EXEMPTION }
}

/// What one table holds of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The table.
    pub table: &'static str,
    /// Columns that are there and hold nothing but secrets or numbers of our own.
    pub withheld: &'static [&'static str],
    /// Its rows: column and value, without those that are empty.
    pub rows: Vec<Vec<(&'static str, String)>>,
}

/// What stands for the name of somebody else.
pub const MASKED: &str = "***";

/// Of exemptions that are over, what goes with the person.
const GOES_WITH_THE_JOURNEY: [&str; 7] = [
    "travel_links",
    "bound_devices",
    "address_grants",
    "notice_contacts",
    "notices",
    "odd_use_seen",
    "odd_use_flags",
];

impl Store {
    /// Everything that is held of a person, other people's names masked. Without a proven person the
    /// login name says who is meant.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn about_person(
        &self,
        organization: &OrganizationId,
        person: Option<&Person>,
        name: &UserName,
    ) -> Result<Vec<Holding>, StoreError> {
        let (provider, subject) =
            person.map_or(("", ""), |person| (person.provider().as_str(), person.subject()));
        let mut reading = self.reading().await?;
        let mut held = Vec::new();
        for kept in KEPT {
            // Both databases want every value to be used.
            let text = format!(
                "SELECT {} FROM {} WHERE ($1 || $2 || $3 || $4) <> '' AND {}",
                kept.columns
                    .iter()
                    .map(|column| format!("CAST({column} AS TEXT) AS {column}"))
                    .collect::<Vec<_>>()
                    .join(", "),
                kept.table,
                kept.whose
            );
            let asked = sqlx::query(sqlx::AssertSqlSafe(text))
                .bind(organization.as_str())
                .bind(provider)
                .bind(subject)
                .bind(name.as_str());
            let rows = reading.rows(asked).await?;
            let rows = rows.iter().map(|row| self.held(kept, row, name));
            let rows = rows.collect::<Result<_, _>>()?;
            held.push(Holding { table: kept.table, withheld: kept.withheld, rows });
        }
        reading.done().await?;
        Ok(held)
    }

    /// Whether another organisation knows anybody of this name.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn is_known_elsewhere(
        &self,
        organization: &OrganizationId,
        name: &UserName,
    ) -> Result<bool, StoreError> {
        let asked = "SELECT organization FROM accounts WHERE organization <> $1 AND name = $2
            UNION SELECT organization FROM known_people WHERE organization <> $1 AND user_name = $2
            UNION SELECT organization FROM exemptions WHERE organization <> $1 AND user_name = $2";
        let asked = sqlx::query(asked).bind(organization.as_str()).bind(name.as_str());
        Ok(self.row(asked).await?.is_some())
    }

    fn held(
        &self,
        kept: &Kept,
        row: &AnyRow,
        name: &UserName,
    ) -> Result<Vec<(&'static str, String)>, StoreError> {
        let mut fields = Vec::new();
        for column in kept.columns {
            let value: Option<String> = row.try_get(*column).map_err(|error| self.fault(error))?;
            let Some(value) = value else { continue };
            let is_other = kept.others.contains(column) && value.to_lowercase() != name.as_str();
            fields.push((*column, if is_other { MASKED.to_owned() } else { value }));
        }
        Ok(fields)
    }

    /// Deletes what may go of a person whose exemptions of these names are over, and their row among
    /// those whom a provider has described, with the log entry. Gives how many rows went, by table.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be done; nothing is deleted then.
    pub async fn forget_person(
        &self,
        (organization, person): (&OrganizationId, Option<&Person>),
        name: &UserName,
        over: &[ExemptionId],
        by: &Actor,
        now: Timestamp,
    ) -> Result<Vec<(&'static str, u64)>, StoreError> {
        let mut change = self.begin().await?;
        let mut gone = Vec::new();
        for table in GOES_WITH_THE_JOURNEY {
            let mut count = 0;
            for id in over {
                let text = format!("DELETE FROM {table} WHERE exemption = $1");
                let asked = sqlx::query(sqlx::AssertSqlSafe(text)).bind(id.as_str());
                count += change.execute(asked).await?;
            }
            gone.push((table, count));
        }
        if let Some(person) = person {
            let known = "DELETE FROM known_people
                         WHERE organization = $1 AND provider = $2 AND subject = $3";
            let known = sqlx::query(known)
                .bind(organization.as_str())
                .bind(person.provider().as_str())
                .bind(person.subject());
            gone.push(("known_people", change.execute(known).await?));
        }
        let rows: u64 = gone.iter().map(|(_, count)| count).sum();
        let mut event = ChangeEvent::about_log(ChangeAction::PersonForgotten, by)
            .of(organization)
            .detail("rows", rows.to_string());
        event.target = name.to_string();
        change.announce(&event, now).await?;
        change.commit().await?;
        Ok(gone)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::NewAccount;
    use crate::store::testing::{actor, ballerup};

    #[tokio::test]
    async fn every_table_is_looked_through_or_holds_nothing_of_people_and_every_column_is_named() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path()).await.unwrap();
        let asked =
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        let rows = store.rows(sqlx::query(asked)).await.unwrap();
        for row in rows {
            let table = store.text(&row, "name").unwrap();
            let kept = KEPT.iter().find(|kept| kept.table == table);
            let of_nobody = OF_NOBODY.iter().any(|(name, _)| *name == table);
            assert!(
                kept.is_some() != of_nobody,
                "{table}: name it in KEPT with how its rows are found, or in OF_NOBODY with why"
            );
            let Some(kept) = kept else { continue };
            let asked = sqlx::query(sqlx::AssertSqlSafe(format!(
                "SELECT name FROM pragma_table_info('{table}')"
            )));
            let columns = store.rows(asked).await.unwrap();
            let columns: BTreeSet<String> =
                columns.iter().map(|row| store.text(row, "name").unwrap()).collect();
            let named: BTreeSet<String> =
                kept.columns.iter().chain(kept.withheld).map(ToString::to_string).collect();
            assert_eq!(named, columns, "{table}");
            assert!(kept.others.iter().all(|other| kept.columns.contains(other)), "{table}");
        }
    }

    #[tokio::test]
    async fn a_person_is_told_of_themselves_and_nobody_else() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path()).await.unwrap();
        let organization = ballerup();
        for name in ["anna", "bo"] {
            let name = UserName::parse(name).unwrap();
            let account =
                NewAccount { organization: &organization, name: &name, password_hash: "$argon2" };
            store.add_account(&account, &actor("bente"), crate::clock::now()).await.unwrap();
        }
        let anna = UserName::parse("anna").unwrap();
        let held = store.about_person(&organization, None, &anna).await.unwrap();
        let of = |table| held.iter().find(|holding| holding.table == table).unwrap();
        assert_eq!(of("accounts").rows.len(), 1);
        assert!(of("accounts").rows[0].contains(&("name", "anna".to_owned())));
        let all = format!("{held:?}");
        assert!(!all.contains("argon2") && !all.contains("\"bo\""), "{all}");
        assert_eq!(of("outbox").rows.len(), 1);
    }
}
