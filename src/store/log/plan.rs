//! From a query to the ranges of rows that can hold its answer.
//!
//! A query is driven by the one wish that leads to the fewest rows; the others are held against the
//! rows it leads to. Where a wish is common and another rare, the counts of the hours tell in which
//! hours it is worth looking.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::ops::Range;

use ipnet::IpNet;
use jiff::Timestamp;

use super::super::StoreError;
use super::super::transaction::Reading;
use super::handle::{LogIndex, Sql};
use super::key;
use super::query::{LogEntry, LogQuery, Organizations};
use crate::audit::{Action, Class};

/// So many networks are looked through one by one; more, and the rows are looked through by time.
const NETWORKS: i64 = 256;
/// The fewest rows that are asked for at a time.
pub(super) const FEWEST: usize = 12;

/// A wish that is a number in a column.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) column: &'static str,
    /// Any of these.
    pub(super) numbers: Vec<i64>,
}

/// What a query wants, in numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Wishes {
    /// None: everybody's.
    pub(super) organizations: Option<Vec<i64>>,
    /// What the counts of the hours know too.
    pub(super) dimensions: Vec<Wish>,
    pub(super) region: Option<i64>,
    /// Allowed traffic is counted only where it is asked for by itself.
    pub(super) chains: Vec<i64>,
    pub(super) places: Range<i64>,
}

/// Rows that are read from the newest to the oldest.
#[derive(Debug)]
pub(super) struct Arm {
    /// `FROM … WHERE … AND`, up to the places.
    pub(super) from: Sql,
    /// What may not be used to find rows, only to pass over them.
    pub(super) residual: Sql,
    /// The column of the place.
    pub(super) entry: &'static str,
    pub(super) ranges: VecDeque<Range<i64>>,
    /// Where the counts of the hours say which ranges are worth looking into.
    pub(super) hours: Option<Hours>,
    pub(super) found: VecDeque<LogEntry>,
    pub(super) at_once: usize,
}

/// The hours in which an organisation has what is wished for, from the newest to the oldest.
#[derive(Debug)]
pub(super) struct Hours {
    pub(super) organization: i64,
    /// Before this place nothing has been looked for yet.
    pub(super) end: i64,
}

impl LogIndex {
    /// The query in numbers; none where a word of it stands in no entry.
    pub(super) async fn wishes(
        &self,
        reading: &mut Reading,
        query: &LogQuery,
    ) -> Result<Option<Wishes>, StoreError> {
        let filter = &query.filter;
        let mut wishes = Wishes {
            places: filter.since.map_or(0, round_up)..filter.until.map_or(i64::MAX, round_up),
            ..Wishes::default()
        };
        if let Organizations::These(organizations) = &query.organizations {
            let mut numbers = Vec::new();
            for organization in organizations {
                numbers.extend(self.number_of(reading, organization.as_str()).await?);
            }
            if numbers.is_empty() {
                return Ok(None);
            }
            wishes.organizations = Some(numbers);
        }
        let country = filter.country.map(|territory| territory.country().to_string());
        let actions = match filter.action {
            Some(Action::Denied) => vec![Action::Denied.word(), Action::Repeated.word()],
            other => other.iter().map(|action| action.word()).collect(),
        };
        let one = |word: &Option<String>| word.clone().map(|word| vec![word]);
        let all = [
            ("country", country.map(|word| vec![word])),
            ("site", one(&filter.site)),
            ("reason", one(&filter.reason)),
            ("action", Some(actions.into_iter().map(str::to_owned).collect())),
            ("action", Some(query.actions.clone())),
            ("verdict", one(&query.verdict)),
            ("listener", one(&query.listener)),
        ];
        for (column, words) in all {
            let Some(words) = words.filter(|words| !words.is_empty()) else { continue };
            let mut numbers = Vec::new();
            for word in &words {
                numbers.extend(self.number_of(reading, word).await?);
            }
            if numbers.is_empty() {
                return Ok(None);
            }
            wishes.dimensions.push(Wish { column, numbers });
        }
        let chain = |class: &Class| key::chain(*class);
        wishes.chains = query.class.as_ref().map_or(vec![1, 2], |class| vec![chain(class)]);
        if let [chain] = wishes.chains[..] {
            wishes.dimensions.push(Wish { column: "chain", numbers: vec![chain] });
        }
        if let Some(part) = filter.country.and_then(crate::territory::Territory::subdivision) {
            let number = self.number_of(reading, part.as_str()).await?;
            let Some(number) = number else { return Ok(None) };
            wishes.region = Some(number);
        }
        Ok(Some(wishes))
    }

    pub(super) async fn arms(
        &self,
        reading: &mut Reading,
        query: &LogQuery,
        wishes: &Wishes,
    ) -> Result<Vec<Arm>, StoreError> {
        let filter = &query.filter;
        let table = || Sql::new("FROM log_entries e WHERE ");
        if let Some(reference) = filter.reference {
            let mut from = table();
            from.push("reference = ").number(key::reference(&reference.short())).push(" AND ");
            return Ok(vec![Arm::over(from, wishes, "entry")]);
        }
        if let Some(user) = &filter.user {
            return Ok(vec![marked(&key::person(user), wishes)]);
        }
        if let Some(network) = filter.client {
            return self.network_arms(reading, network, wishes).await;
        }
        if let Some(region) = wishes.region {
            let mut from = table();
            from.push("region > 0 AND region = ").number(region).push(" AND ");
            return Ok(vec![Arm::over(from, wishes, "entry")]);
        }
        let everybodys = wishes.organizations.is_none();
        if everybodys && wishes.dimensions.is_empty() {
            return Ok(vec![Arm::over(table(), wishes, "entry")]);
        }
        let organizations = match &wishes.organizations {
            Some(organizations) => organizations.clone(),
            None => self.distinct(reading, "organization", (0, i64::MAX), i64::MAX).await?,
        };
        let kinds = by_action(wishes);
        let kinds = if kinds.is_empty() { std::slice::from_ref(wishes) } else { &kinds };
        Ok(organizations
            .into_iter()
            .flat_map(|organization| kinds.iter().map(move |one| by_dimension(organization, one)))
            .collect())
    }

    async fn network_arms(
        &self,
        reading: &mut Reading,
        network: IpNet,
        wishes: &Wishes,
    ) -> Result<Vec<Arm>, StoreError> {
        let (first, last) = (network.network(), network.broadcast());
        let narrow = match first {
            IpAddr::V4(_) => network.prefix_len() > 16,
            IpAddr::V6(_) => network.prefix_len() > 32,
        };
        let (column, number): (_, fn(IpAddr) -> i64) =
            if narrow { ("network", key::network) } else { ("wide", key::wide) };
        let (low, high) = (number(first), number(last));
        let present = if low == high {
            vec![low]
        } else {
            self.distinct(reading, column, (low.min(high), low.max(high)), NETWORKS + 1).await?
        };
        let mark = if narrow { key::second } else { key::second_wide };
        let by_mark = |present: &[i64]| -> Vec<Arm> {
            // Few entries have a second address, so the first of many networks do for those.
            present.iter().map(|network| marked(&mark(*network), wishes)).collect()
        };
        if i64::try_from(present.len()).unwrap_or(i64::MAX) > NETWORKS {
            // So wide a network is met everywhere: by time, the range held against each row.
            let mut arm = Arm::over(Sql::new("FROM log_entries e WHERE "), wishes, "entry");
            if low <= high {
                arm.residual.push(" AND (client_nat IS NOT NULL OR (").push(column).push(" >= ");
                arm.residual.number(low).push(" AND ").push(column).push(" <= ").number(high);
                arm.residual.push("))");
            }
            return Ok(vec![arm]);
        }
        let seconds = self.seconds(reading, narrow, (low.min(high), low.max(high))).await?;
        let mut arms = by_mark(&seconds);
        for number in present {
            let mut from = Sql::new("FROM log_entries e WHERE ");
            from.push(column).push(" = ").number(number).push(" AND ");
            arms.push(Arm::over(from, wishes, "entry"));
        }
        Ok(arms)
    }

    /// Which networks of second addresses there are in this range. There are few altogether.
    async fn seconds(
        &self,
        reading: &mut Reading,
        narrow: bool,
        (low, high): (i64, i64),
    ) -> Result<Vec<i64>, StoreError> {
        let prefix = if narrow { "n:" } else { "w:" };
        if low == high {
            return Ok(vec![low]);
        }
        let mut sql = Sql::new(
            "WITH RECURSIVE found(mark) AS (SELECT MIN(mark) FROM log_marks WHERE mark >= ",
        );
        sql.value(prefix).push(" AND mark < ").value(if narrow { "n;" } else { "w;" });
        sql.push(
            " UNION ALL SELECT (SELECT MIN(m.mark) FROM log_marks m WHERE m.mark > found.mark AND \
             m.mark < ",
        );
        sql.value(if narrow { "n;" } else { "w;" });
        sql.push(") FROM found WHERE found.mark IS NOT NULL) SELECT mark FROM found WHERE mark IS NOT NULL LIMIT ");
        sql.number(NETWORKS);
        let rows = reading.rows(sql.asked()).await?;
        let number = |row: &sqlx::any::AnyRow| -> Option<i64> {
            sqlx::Row::try_get::<String, _>(row, 0).ok()?.strip_prefix(prefix)?.parse().ok()
        };
        Ok(rows.iter().filter_map(number).filter(|n| (low..=high).contains(n)).collect())
    }

    /// The numbers that stand in an indexed column, within these ends, at most so many: from one to
    /// the next through the index, however many rows have them.
    pub(super) async fn distinct(
        &self,
        reading: &mut Reading,
        column: &str,
        (low, high): (i64, i64),
        most: i64,
    ) -> Result<Vec<i64>, StoreError> {
        let mut sql = Sql::new("WITH RECURSIVE found(n) AS (SELECT MIN(");
        sql.push(column).push(") FROM log_entries WHERE ").push(column).push(" >= ").number(low);
        sql.push(" AND ").push(column).push(" <= ").number(high);
        sql.push(" UNION ALL SELECT (SELECT MIN(e.").push(column);
        sql.push(") FROM log_entries e WHERE e.").push(column).push(" > found.n AND e.");
        sql.push(column).push(" <= ").number(high);
        sql.push(") FROM found WHERE found.n IS NOT NULL) SELECT n FROM found WHERE n IS NOT NULL LIMIT ");
        sql.number(most);
        let rows = reading.rows(sql.asked()).await?;
        rows.iter().map(|row| self.integer(row, 0)).collect()
    }
}

impl Arm {
    /// Rows that `from` leads to, each held against everything else that is wished for.
    pub(super) fn over(from: Sql, wishes: &Wishes, entry: &'static str) -> Self {
        let mut residual = Sql::default();
        if let Some(organizations) = &wishes.organizations {
            residual.push(" AND +organization IN ").numbers(organizations);
        }
        hold(&mut residual, &wishes.dimensions, None);
        if let Some(region) = wishes.region {
            residual.push(" AND +region = ").number(region);
        }
        let ranges = [wishes.places.clone()].into_iter().collect();
        let found = VecDeque::new();
        Self { from, residual, entry, ranges, hours: None, found, at_once: FEWEST }
    }
}

/// The entries with a mark.
fn marked(mark: &str, wishes: &Wishes) -> Arm {
    let mut from =
        Sql::new("FROM log_marks m JOIN log_entries e ON e.entry = m.entry WHERE m.mark = ");
    from.value(mark).push(" AND ");
    Arm::over(from, wishes, "m.entry")
}

/// One organisation's entries, by the wish that an index knows and that leads to the fewest.
fn by_dimension(organization: i64, wishes: &Wishes) -> Arm {
    let mut from = Sql::new("FROM log_entries e WHERE organization = ");
    from.number(organization).push(" AND ");
    let driver = driver_of(&wishes.dimensions);
    let mut residual = Sql::default();
    for wish in &wishes.dimensions {
        if Some(wish.column) == driver {
            from.push(wish.column).push(" = ");
            from.number(wish.numbers.first().copied().unwrap_or_default()).push(" AND ");
        }
    }
    let others: Vec<Wish> =
        wishes.dimensions.iter().filter(|wish| Some(wish.column) != driver).cloned().collect();
    hold(&mut residual, &others, None);
    let mut arm = Arm::over(from, wishes, "entry");
    arm.residual = residual;
    if !others.is_empty() {
        arm.ranges.clear();
        arm.hours = Some(Hours { organization, end: wishes.places.end });
    }
    arm
}

/// The same wishes for each action by itself, where several are wished for and nothing leads to the
/// entries better.
fn by_action(wishes: &Wishes) -> Vec<Wishes> {
    let several = |wish: &&Wish| wish.column == "action" && wish.numbers.len() > 1;
    let Some(actions) = wishes.dimensions.iter().find(several) else { return Vec::new() };
    if driver_of(&wishes.dimensions).is_some() {
        return Vec::new();
    }
    let one = |number: &i64| {
        let mut one = wishes.clone();
        one.dimensions.retain(|wish| wish.column != "action");
        one.dimensions.push(Wish { column: "action", numbers: vec![*number] });
        one
    };
    actions.numbers.iter().map(one).collect()
}

/// The wish whose index leads to the entries: the rarer kind first.
fn driver_of(wishes: &[Wish]) -> Option<&'static str> {
    ["country", "action", "reason", "site"]
        .into_iter()
        .find(|column| wishes.iter().any(|wish| wish.column == *column && wish.numbers.len() == 1))
}

/// The same for the counts of the hours.
pub(super) fn guide_of(wishes: &[Wish]) -> Option<&'static str> {
    driver_of(wishes).filter(|column| *column != "site")
}

/// Demands each wish; only the driver's may be looked up in an index.
pub(super) fn hold(sql: &mut Sql, wishes: &[Wish], driver: Option<&'static str>) {
    for wish in wishes {
        sql.push(" AND ");
        if driver != Some(wish.column) {
            sql.push("+");
        }
        sql.push(wish.column);
        match wish.numbers.as_slice() {
            [number] => sql.push(" = ").number(*number),
            numbers => sql.push(" IN ").numbers(numbers),
        };
    }
}

/// The first place at or after an instant; entries keep whole milliseconds.
fn round_up(at: Timestamp) -> i64 {
    let whole = key::first(at);
    let cut = Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
    if cut < at { key::places(at).end } else { whole }
}
