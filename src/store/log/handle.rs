//! The way to the index: a file of its own, or tables beside the store's.

use std::collections::HashMap;
use std::fmt;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use super::super::connections::{Asked, Connections};
use super::super::transaction::{Change, Reading};
use super::super::{StoreError, postgres, sqlite};
use super::LOG_INDEX_FILE_NAME;
use super::kinds::Kinds;

/// The block log's index. Clones share the same connections.
#[derive(Clone)]
pub struct LogIndex {
    pub(super) inner: Arc<Inner>,
    /// Whether this is the hand of whoever fills it.
    filling: bool,
}

pub(super) struct Inner {
    /// Where it is a file.
    file: Option<PathBuf>,
    connections: Mutex<Option<Open>>,
    /// Those of whoever fills it, who has a runtime of its own: what that opens ends with it, and of a
    /// file has threads of as little weight.
    filling: Mutex<Option<Open>>,
    words: Mutex<Words>,
    pub(super) kinds: Mutex<Kinds>,
    standing: Mutex<Standing>,
}

/// Connections, and to which file where it is one.
#[derive(Debug, Clone)]
struct Open {
    connections: Arc<Connections>,
    file: Option<Identity>,
}

/// Which file it is, whatever it is called: device and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity(u64, u64);

impl Identity {
    /// Of what stands at this path; none where nothing does.
    fn at(path: &Path) -> std::io::Result<Option<Self>> {
        match std::fs::metadata(path) {
            Ok(found) => Ok(Some(Self(found.dev(), found.ino()))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// How it stands with following the segments, in this process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// How many entries of this node are on disk and not in the index.
    pub behind: u64,
    /// How many lines of this node could not be read.
    pub unreadable: u64,
    /// Why it does not go on.
    pub trouble: Option<String>,
}

/// The words that are kept as numbers, as far as they have been met.
#[derive(Debug, Default)]
struct Words {
    numbers: HashMap<String, i64>,
    words: HashMap<i64, Arc<str>>,
}

impl fmt::Debug for LogIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogIndex").field("file", &self.inner.file).finish_non_exhaustive()
    }
}

/// A statement that is put together of the program's own parts, and its values.
#[derive(Debug, Clone, Default)]
pub(super) struct Sql {
    pub(super) text: String,
    values: Vec<Value>,
}

#[derive(Debug, Clone)]
enum Value {
    Number(i64),
    Text(String),
}

impl Sql {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }

    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// A number in the next place.
    pub(super) fn number(&mut self, number: i64) -> &mut Self {
        self.values.push(Value::Number(number));
        self.place()
    }

    /// A text in the next place.
    pub(super) fn value(&mut self, text: &str) -> &mut Self {
        self.values.push(Value::Text(text.to_owned()));
        self.place()
    }

    /// Numbers in brackets: `IN` takes them.
    pub(super) fn numbers(&mut self, numbers: &[i64]) -> &mut Self {
        self.push("(");
        for (position, number) in numbers.iter().enumerate() {
            if position > 0 {
                self.push(", ");
            }
            self.number(*number);
        }
        self.push(")")
    }

    /// Another part after this one.
    pub(super) fn with(mut self, other: &Self) -> Self {
        let before = self.values.len();
        let mut text = other.text.as_str();
        // Every `$` is a place: values never stand in the text.
        while let Some((plain, after)) = text.split_once('$') {
            let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, rest) = after.split_at(digits);
            let number = number.parse::<usize>().unwrap_or(0);
            self.push(plain);
            let place = format!("${}", number + before);
            self.push(&place);
            text = rest;
        }
        self.push(text);
        self.values.extend(other.values.iter().cloned());
        self
    }

    fn place(&mut self) -> &mut Self {
        let place = format!("${}", self.values.len());
        self.push(&place)
    }

    pub(super) fn asked(self) -> Asked<'static> {
        #[cfg(test)]
        super::plan_tests::hear(&self.text);
        let mut asked = sqlx::query(AssertSqlSafe(self.text));
        for value in self.values {
            asked = match value {
                Value::Number(number) => asked.bind(number),
                Value::Text(text) => asked.bind(text),
            };
        }
        asked
    }
}

impl LogIndex {
    /// The index in a file in the state directory. It is made by whoever asks first.
    pub(in super::super) fn in_file(state_directory: &Path) -> Self {
        Self::with(Some(state_directory.join(LOG_INDEX_FILE_NAME)), None)
    }

    /// The index in the same database as the store.
    pub(in super::super) fn beside(store: &Arc<Connections>) -> Self {
        let connections = Connections::beside(store, postgres::LOG_INDEX_WAYS);
        Self::with(None, Some(connections))
    }

    fn with(file: Option<PathBuf>, connections: Option<Arc<Connections>>) -> Self {
        let open = |connections| Open { connections, file: None };
        let filling = Mutex::new(connections.as_ref().map(Connections::again).map(open));
        let connections = Mutex::new(connections.map(open));
        let (words, kinds, standing) = (Mutex::default(), Mutex::default(), Mutex::default());
        let inner = Inner { file, connections, filling, words, kinds, standing };
        Self { inner: Arc::new(inner), filling: false }
    }

    /// The same index for whoever fills it, with connections of its own.
    #[must_use]
    pub(crate) fn for_filling(&self) -> Self {
        Self { filling: true, ..self.clone() }
    }

    /// Whether there may be something in it: no file, no index.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.inner.file.as_ref().is_none_or(|file| file.exists())
    }

    /// How it stands with following the segments.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.inner.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whoever follows the segments says how it stands.
    pub(crate) fn stands(&self, change: impl FnOnce(&mut Standing)) {
        change(&mut self.inner.standing.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether the index is a file of this node alone.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.inner.file.is_some()
    }

    /// Whether a file that is open stands no longer where it should: it was deleted or another took
    /// its place, and whatever is written to it is found by nobody.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn is_lost(&self) -> std::io::Result<bool> {
        let Some(path) = &self.inner.file else { return Ok(false) };
        let there = Identity::at(path)?;
        let is_another = |place: &Mutex<Option<Open>>| {
            let open = place.lock().unwrap_or_else(PoisonError::into_inner);
            open.as_ref().is_some_and(|open| open.file != there || there.is_none())
        };
        let Inner { connections, filling, .. } = &*self.inner;
        Ok([connections, filling].into_iter().any(is_another))
    }

    /// Throws a damaged file away, so that the index is made again from the segments. Does nothing
    /// where the index is part of a database that others share.
    ///
    /// # Errors
    /// What the operating system says.
    pub async fn start_anew(&self) -> std::io::Result<()> {
        let Some(file) = &self.inner.file else { return Ok(()) };
        self.close().await;
        *self.lock_words() = Words::default();
        *self.inner.kinds.lock().unwrap_or_else(PoisonError::into_inner) = Kinds::default();
        for suffix in ["", "-wal", "-shm"] {
            let mut name = file.clone().into_os_string();
            name.push(suffix);
            match std::fs::remove_file(&name) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// See [`super::super::Store::settle`].
    pub(in super::super) async fn settle(&self) -> Result<bool, StoreError> {
        if !self.is_there() {
            return Ok(true);
        }
        self.connections()?.settle().await
    }

    /// Closes what is idle. Whoever asks again opens it again, where it is a file.
    pub(in super::super) async fn close(&self) {
        for place in [&self.inner.connections, &self.inner.filling] {
            let open = place.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(open) = open {
                open.connections.close().await;
                if self.inner.file.is_none() {
                    *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(open);
                }
            }
        }
    }

    fn connections(&self) -> Result<Arc<Connections>, StoreError> {
        let mut open = self.lock_connections();
        if let Some(open) = &*open {
            return Ok(Arc::clone(&open.connections));
        }
        let path = self.inner.file.as_deref().unwrap_or(Path::new(LOG_INDEX_FILE_NAME));
        let connections = sqlite::connections_with(path, sqlite::LOG_INDEX_WAYS)?;
        let inaccessible = |source| StoreError::Inaccessible { path: path.to_owned(), source };
        let file = Identity::at(path).map_err(inaccessible)?;
        *open = Some(Open { connections: Arc::clone(&connections), file });
        Ok(connections)
    }

    pub(super) async fn reading(&self) -> Result<Reading, StoreError> {
        Ok(Reading::new(self.connections()?.read().await?))
    }

    pub(super) async fn begin(&self) -> Result<Change, StoreError> {
        Ok(Change::new(self.connections()?.change().await?))
    }

    pub(super) fn fault(&self, error: sqlx::Error) -> StoreError {
        match self.connections() {
            Ok(connections) => connections.fault(error),
            Err(error) => error,
        }
    }

    pub(super) fn integer(&self, row: &AnyRow, column: usize) -> Result<i64, StoreError> {
        row.try_get(column).map_err(|error| self.fault(error))
    }

    pub(super) fn unreadable(&self, what: &'static str, value: &str) -> StoreError {
        match self.connections() {
            Ok(connections) => StoreError::Unreadable {
                place: connections.place().clone(),
                what,
                value: value.chars().take(80).collect(),
            },
            Err(error) => error,
        }
    }

    fn lock_connections(&self) -> std::sync::MutexGuard<'_, Option<Open>> {
        let place = if self.filling { &self.inner.filling } else { &self.inner.connections };
        place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_words(&self) -> std::sync::MutexGuard<'_, Words> {
        self.inner.words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Words and their numbers.
impl LogIndex {
    /// The numbers of these words, made where they have none. They are remembered once the change
    /// is kept: give them to [`LogIndex::remember`] then.
    pub(super) async fn number(
        &self,
        change: &mut Change,
        words: &[&str],
    ) -> Result<HashMap<String, i64>, StoreError> {
        let mut numbers = HashMap::new();
        let mut unknown = Vec::new();
        {
            let known = self.lock_words();
            for word in words {
                match known.numbers.get(*word) {
                    Some(number) => drop(numbers.insert((*word).to_owned(), *number)),
                    None => unknown.push(*word),
                }
            }
        }
        unknown.sort_unstable();
        unknown.dedup();
        for word in unknown {
            let add = "INSERT INTO log_words (word) VALUES ($1) ON CONFLICT (word) DO NOTHING";
            change.execute(sqlx::query(add).bind(word.to_owned())).await?;
            let asked = sqlx::query("SELECT number FROM log_words WHERE word = $1");
            let rows = change.rows(asked.bind(word.to_owned())).await?;
            let row = rows.first().ok_or_else(|| self.unreadable("a word", word))?;
            numbers.insert(word.to_owned(), self.integer(row, 0)?);
        }
        Ok(numbers)
    }

    /// What was kept is known from now on.
    pub(super) fn remember(&self, numbers: &HashMap<String, i64>) {
        let mut known = self.lock_words();
        for (word, number) in numbers {
            if !known.numbers.contains_key(word) {
                known.numbers.insert(word.clone(), *number);
                known.words.insert(*number, word.as_str().into());
            }
        }
    }

    /// The number of a word; none where no entry has it.
    pub(super) async fn number_of(
        &self,
        reading: &mut Reading,
        word: &str,
    ) -> Result<Option<i64>, StoreError> {
        if let Some(number) = self.lock_words().numbers.get(word) {
            return Ok(Some(*number));
        }
        let asked = sqlx::query("SELECT number FROM log_words WHERE word = $1");
        let rows = reading.rows(asked.bind(word.to_owned())).await?;
        let number = rows.first().map(|row| self.integer(row, 0)).transpose()?;
        if let Some(number) = number {
            self.remember(&HashMap::from([(word.to_owned(), number)]));
        }
        Ok(number)
    }

    /// Every word by its number, so that each of these is among them.
    pub(super) async fn words(
        &self,
        reading: &mut Reading,
        numbers: impl Iterator<Item = i64>,
    ) -> Result<HashMap<i64, Arc<str>>, StoreError> {
        let mut numbers = numbers.filter(|number| *number != 0);
        let is_known = {
            let known = self.lock_words();
            numbers.all(|number| known.words.contains_key(&number))
        };
        if !is_known {
            let rows = reading.rows(sqlx::query("SELECT number, word FROM log_words")).await?;
            let mut all = HashMap::new();
            for row in &rows {
                let word: String = row.try_get(1).map_err(|error| self.fault(error))?;
                all.insert(word, self.integer(row, 0)?);
            }
            self.remember(&all);
        }
        Ok(self.lock_words().words.clone())
    }
}
