//! From a query to where its entries can be.
//!
//! What many entries have in common is their kind, and the counts tell in which hours an organisation
//! has entries of which kinds: those hours are looked into and no others. A person, a network, a
//! reference lead to entries by an index of their own, each of which knows the kind of its entries. A
//! wish that is common and one that is rare are so answered by the rare one.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use ipnet::IpNet;
use jiff::Timestamp;

use super::super::StoreError;
use super::super::transaction::Reading;
use super::handle::{LogIndex, Sql};
use super::key::{self, Known};
use super::kinds::{Column, Kind, Matched};
use super::query::{LogQuery, Organizations};
use crate::audit::{Action, Class};

/// So many networks are looked through one by one; more, and the rows are looked through by time.
pub(super) const NETWORKS: i64 = 256;
/// So many networks of second addresses. There are few altogether.
const SECONDS: i64 = 1024;
/// So many entries of some networks are taken as they are.
const FEW: i64 = 2000;
/// The fewest rows that are asked for at a time.
pub(super) const FEWEST: usize = 12;

/// A wish that is a word of an entry's kind.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) column: Column,
    /// Any of these.
    pub(super) numbers: Vec<i64>,
}

/// What a query wants, in numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Wishes {
    /// None: everybody's.
    pub(super) organizations: Option<Vec<i64>>,
    pub(super) dimensions: Vec<Wish>,
    pub(super) region: Option<i64>,
    /// Allowed traffic is counted only where it is asked for by itself.
    pub(super) chains: Vec<i64>,
    pub(super) places: Range<i64>,
}

impl Wishes {
    /// Whether entries of this kind are wished for.
    pub(super) fn hold_for(&self, kind: &Kind) -> bool {
        self.chains.contains(&kind.number_in(Column::Chain))
            && self
                .dimensions
                .iter()
                .all(|wish| wish.numbers.contains(&kind.number_in(wish.column)))
    }
}

/// Entries that are read from the newest to the oldest.
#[derive(Debug)]
pub(super) struct Arm {
    /// `FROM … WHERE … AND`, up to the places: what an index leads to.
    pub(super) from: Sql,
    /// What else that index knows.
    pub(super) within: Sql,
    /// The kinds that are wished for, sorted; none: every kind.
    pub(super) kinds: Option<Arc<Vec<i64>>>,
    pub(super) spans: VecDeque<Span>,
    /// Where the counts say which spans are worth looking into.
    pub(super) guide: Option<Guide>,
    pub(super) found: VecDeque<i64>,
    pub(super) at_once: usize,
    /// So many are passed over by one question at most.
    pub(super) examined: i64,
    /// Grows while there is less than the counts say: some was deleted.
    pub(super) doubt: i64,
}

/// Places to be looked into.
#[derive(Debug, Clone, Default)]
pub(super) struct Span {
    pub(super) places: Range<i64>,
    /// What the counts say of them.
    pub(super) counted: Option<Counted>,
}

/// What the counts say of a span.
#[derive(Debug, Clone, Default)]
pub(super) struct Counted {
    /// The kinds that are in it, of those wished for.
    pub(super) kinds: Vec<i64>,
    /// How many entries that are.
    pub(super) wished: i64,
    /// How many entries there are of every kind.
    pub(super) all: i64,
}

/// Goes through the counts of an organisation, from the newest to the oldest.
#[derive(Debug, Clone)]
pub(super) struct Guide {
    pub(super) matched: Matched,
    /// Before this place nothing has been looked for yet.
    pub(super) end: i64,
    pub(super) start: i64,
    /// Once that is worth knowing: the blocks that have something of what is wished for.
    pub(super) blocks: Option<BTreeSet<i64>>,
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
            (Column::Country, country.map(|word| vec![word])),
            (Column::Site, one(&filter.site)),
            (Column::Reason, one(&filter.reason)),
            (Column::Action, Some(actions.into_iter().map(str::to_owned).collect())),
            (Column::Action, Some(query.actions.clone())),
            (Column::Verdict, one(&query.verdict)),
            (Column::Listener, one(&query.listener)),
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
        if let Some(part) = filter.country.and_then(crate::territory::Territory::subdivision) {
            let number = self.number_of(reading, part.as_str()).await?;
            let Some(number) = number else { return Ok(None) };
            wishes.region = Some(number);
        }
        Ok(Some(wishes))
    }

    /// What the query names beside words leads to; none where it names words alone.
    pub(super) async fn named_arms(
        &self,
        reading: &mut Reading,
        query: &LogQuery,
        (wishes, matched): (&Wishes, &[Matched]),
    ) -> Result<Option<Vec<Arm>>, StoreError> {
        let filter = &query.filter;
        if let Some(reference) = filter.reference {
            let mut from = Sql::new("FROM log_entries WHERE reference = ");
            from.number(key::reference(&reference.short())).push(" AND ");
            let mut kinds: Vec<i64> =
                matched.iter().flat_map(|one| one.numbers.iter().copied()).collect();
            kinds.sort_unstable();
            return Ok(Some(vec![Arm::over(from, Some(Arc::new(kinds)), &wishes.places)]));
        }
        if let Some(user) = &filter.user {
            let mark = key::person(user);
            let within = filter.client.map(address).unwrap_or_default();
            let of_person = |one: &Matched| {
                let mut arm = marked(&mark, one, wishes);
                arm.within = within.clone();
                arm
            };
            return Ok(Some(matched.iter().map(of_person).collect()));
        }
        if let Some(network) = filter.client {
            let mut arms = Vec::new();
            for one in matched {
                arms.extend(self.network_arms(reading, network, (wishes, one)).await?);
            }
            return Ok(Some(arms));
        }
        let Some(region) = wishes.region else { return Ok(None) };
        let of_region = |one: &Matched| {
            let mut from = Sql::new("FROM log_entries WHERE region > 0 AND organization = ");
            from.number(one.organization).push(" AND region = ").number(region).push(" AND ");
            Arm::over(from, one.kinds(), &wishes.places)
        };
        Ok(Some(matched.iter().map(of_region).collect()))
    }

    /// What the words of the query lead to, and of what else it names what the index by time knows.
    pub(super) async fn arms_by_words(
        &self,
        reading: &mut Reading,
        query: &LogQuery,
        (wishes, matched): (&Wishes, &[Matched]),
    ) -> Result<Vec<Arm>, StoreError> {
        let mut arms: Vec<Arm> = matched.iter().map(|one| guided(one, wishes)).collect();
        let Some(network) = query.filter.client else { return Ok(arms) };
        let (low, high) = key::wides(network);
        for arm in &mut arms {
            arm.within.push(" AND wide >= ").number(low).push(" AND wide <= ").number(high);
        }
        for one in matched {
            arms.extend(self.second_arms(reading, network, (wishes, one)).await?);
        }
        Ok(arms)
    }

    async fn network_arms(
        &self,
        reading: &mut Reading,
        network: IpNet,
        (wishes, matched): (&Wishes, &Matched),
    ) -> Result<Vec<Arm>, StoreError> {
        let known = key::known(network);
        let organization = matched.organization;
        let mut arms = self.second_arms(reading, network, (wishes, matched)).await?;
        let column = known.column();
        let present = if known.low == known.high {
            vec![known.low]
        } else {
            if let Some(arm) = self.few(reading, &known, (wishes, matched)).await? {
                arms.push(arm);
                return Ok(arms);
            }
            self.present(reading, organization, &known).await?
        };
        if i64::try_from(present.len()).unwrap_or(i64::MAX) > NETWORKS {
            // So wide a network is met everywhere: by time, the network held against each.
            let mut arm = everything(matched, wishes);
            if !known.narrow {
                arm.within.push(" AND wide >= ").number(known.low);
                arm.within.push(" AND wide <= ").number(known.high);
            }
            arms.push(arm);
            return Ok(arms);
        }
        for number in present {
            let mut from = Sql::new("FROM log_entries WHERE organization = ");
            from.number(organization).push(" AND ").push(column).push(" = ");
            from.number(number).push(" AND ");
            let mut arm = Arm::over(from, matched.kinds(), &wishes.places);
            arm.within = within(&known);
            arms.push(arm);
        }
        Ok(arms)
    }

    /// What leads to entries by a second address.
    pub(super) async fn second_arms(
        &self,
        reading: &mut Reading,
        network: IpNet,
        (wishes, matched): (&Wishes, &Matched),
    ) -> Result<Vec<Arm>, StoreError> {
        let known = key::known(network);
        let mark = if known.narrow { key::second } else { key::second_wide };
        let ends = (mark(known.low), mark(known.high));
        let marks = self.seconds(reading, matched.organization, ends).await?;
        Ok(marks.iter().map(|mark| marked(mark, matched, wishes)).collect())
    }

    /// Every entry of these networks, where those are few.
    async fn few(
        &self,
        reading: &mut Reading,
        known: &Known,
        (wishes, matched): (&Wishes, &Matched),
    ) -> Result<Option<Arm>, StoreError> {
        let column = known.column();
        let mut sql = Sql::new("SELECT entry, kind FROM log_entries WHERE organization = ");
        sql.number(matched.organization).push(" AND ").push(column).push(" >= ").number(known.low);
        sql.push(" AND ").push(column).push(" <= ").number(known.high);
        sql.push(" LIMIT ").number(FEW);
        let rows = reading.rows(sql.asked()).await?;
        if i64::try_from(rows.len()).unwrap_or(FEW) >= FEW {
            return Ok(None);
        }
        let mut arm = everything(matched, wishes);
        arm.spans.clear();
        let mut found = Vec::new();
        for row in &rows {
            let (entry, kind) = (self.integer(row, 0)?, self.integer(row, 1)?);
            if wishes.places.contains(&entry) && matched.has(kind) {
                found.push(entry);
            }
        }
        found.sort_unstable_by_key(|entry| std::cmp::Reverse(*entry));
        arm.found = found.into();
        Ok(Some(arm))
    }

    /// The marks of second addresses in this range.
    async fn seconds(
        &self,
        reading: &mut Reading,
        organization: i64,
        (low, high): (String, String),
    ) -> Result<Vec<String>, StoreError> {
        if low == high {
            return Ok(vec![low]);
        }
        let mut sql = Sql::new(
            "WITH RECURSIVE found(mark) AS (SELECT MIN(mark) FROM log_marks WHERE organization = ",
        );
        sql.number(organization).push(" AND mark >= ").value(&low);
        sql.push(" AND mark <= ").value(&high);
        sql.push(" UNION ALL SELECT (SELECT MIN(m.mark) FROM log_marks m WHERE m.organization = ");
        sql.number(organization).push(" AND m.mark > found.mark AND m.mark <= ").value(&high);
        sql.push(") FROM found WHERE found.mark IS NOT NULL) SELECT mark FROM found WHERE mark IS NOT NULL LIMIT ");
        sql.number(SECONDS);
        let rows = reading.rows(sql.asked()).await?;
        let mark = |row| sqlx::Row::try_get(row, 0).map_err(|error| self.fault(error));
        rows.iter().map(mark).collect()
    }

    /// Which of these networks an organisation has entries of, at most one more than are looked
    /// through one by one: from one to the next through the index, however many entries they have.
    async fn present(
        &self,
        reading: &mut Reading,
        organization: i64,
        known: &Known,
    ) -> Result<Vec<i64>, StoreError> {
        let column = known.column();
        let mut sql = Sql::new("WITH RECURSIVE found(n) AS (SELECT MIN(");
        sql.push(column).push(") FROM log_entries WHERE organization = ").number(organization);
        sql.push(" AND ").push(column).push(" >= ").number(known.low);
        sql.push(" AND ").push(column).push(" <= ").number(known.high);
        sql.push(" UNION ALL SELECT (SELECT MIN(e.").push(column);
        sql.push(") FROM log_entries e WHERE e.organization = ").number(organization);
        sql.push(" AND e.").push(column).push(" > found.n AND e.");
        sql.push(column).push(" <= ").number(known.high);
        sql.push(") FROM found WHERE found.n IS NOT NULL) SELECT n FROM found WHERE n IS NOT NULL LIMIT ");
        sql.number(NETWORKS + 1);
        let rows = reading.rows(sql.asked()).await?;
        rows.iter().map(|row| self.integer(row, 0)).collect()
    }
}

impl Known {
    /// The column that it is held against.
    pub(super) fn column(&self) -> &'static str {
        if self.narrow { "network" } else { "wide" }
    }
}

/// What the index of a network knows within it. A repeated denial stands for a whole one.
pub(super) fn within(known: &Known) -> Sql {
    let mut sql = Sql::default();
    if let Some((low, high)) = known.within {
        let column = if known.narrow { "host" } else { "part" };
        sql.push(" AND (").push(column).push(" < 0 OR (").push(column).push(" >= ").number(low);
        sql.push(" AND ").push(column).push(" <= ").number(high).push("))");
    }
    sql
}

/// What a mark knows of the address of its entry.
fn address(network: IpNet) -> Sql {
    let (known, (low, high)) = (key::known(network), key::networks(network));
    let mut sql = Sql::new(" AND (network = ");
    sql.number(key::UNKNOWN).push(" OR (network >= ").number(low);
    sql.push(" AND network <= ").number(high);
    if known.narrow {
        sql = sql.with(&within(&known));
    }
    sql.push("))");
    sql
}

/// Holds a column against places. Written as two comparisons, SQLite 3.51 takes the index by time for
/// a single wide network as well, and goes through all that an organisation has.
pub(super) fn between(column: &'static str, places: &Range<i64>) -> Sql {
    let mut sql = Sql::default();
    sql.push(column).push(" BETWEEN ").number(places.start);
    sql.push(" AND ").number(places.end.saturating_sub(1));
    sql
}

impl Matched {
    fn kinds(&self) -> Option<Arc<Vec<i64>>> {
        (!self.all).then(|| Arc::clone(&self.numbers))
    }
}

impl Arm {
    /// What `from` leads to.
    pub(super) fn over(from: Sql, kinds: Option<Arc<Vec<i64>>>, places: &Range<i64>) -> Self {
        Self {
            from,
            within: Sql::default(),
            kinds,
            spans: [Span { places: places.clone(), counted: None }].into(),
            guide: None,
            found: VecDeque::new(),
            at_once: FEWEST,
            examined: 256,
            doubt: 1,
        }
    }

    /// Before this place it has not looked yet; none where it has looked everywhere.
    pub(super) fn frontier(&self) -> Option<i64> {
        let guided = self.guide.as_ref().filter(|guide| guide.end > guide.start);
        self.spans.front().map(|span| span.places.end).or(guided.map(|guide| guide.end))
    }
}

/// The entries with a mark.
fn marked(mark: &str, matched: &Matched, wishes: &Wishes) -> Arm {
    let mut from = Sql::new("FROM log_marks WHERE organization = ");
    from.number(matched.organization).push(" AND mark = ").value(mark).push(" AND ");
    Arm::over(from, matched.kinds(), &wishes.places)
}

/// One organisation's entries by time.
fn everything(matched: &Matched, wishes: &Wishes) -> Arm {
    let mut from = Sql::new("FROM log_entries WHERE organization = ");
    from.number(matched.organization).push(" AND ");
    Arm::over(from, matched.kinds(), &wishes.places)
}

/// One organisation's entries, in the hours that have what is wished for.
pub(super) fn guided(matched: &Matched, wishes: &Wishes) -> Arm {
    let mut arm = everything(matched, wishes);
    if !matched.all {
        arm.spans.clear();
        let Range { start, end } = wishes.places;
        arm.guide = Some(Guide { matched: matched.clone(), end, start, blocks: None });
    }
    arm
}

/// The first place at or after an instant; entries keep whole milliseconds.
fn round_up(at: Timestamp) -> i64 {
    let whole = key::first(at);
    let cut = Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
    if cut < at { key::places(at).end } else { whole }
}
