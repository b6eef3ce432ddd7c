//! A block whose keys depend on its kind: read whole, with the place of every value, and then taken
//! key by key. What nobody took is an unknown key.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Location, Spanned};

use super::super::checker::{Checker, Entries, Text};
use super::super::nearest::known_names;

/// Any value that can stand in the file.
#[derive(Debug)]
pub(in crate::config) enum Value {
    Nothing,
    Flag,
    Number(u64),
    Text(String),
    List(Vec<Spanned<Value>>),
    Block(Entries<Spanned<Value>>),
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a whole number, true or false, a list or a block of keys")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, _flag: bool) -> Result<Value, E> {
        Ok(Value::Flag)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        u64::try_from(number)
            .map(Value::Number)
            .map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Block(Entries(entries)))
    }
}

/// A block that is being taken apart.
pub(in crate::config) struct Block<'r> {
    entries: &'r [(Text, Spanned<Value>)],
    here: Location,
    asked: BTreeSet<&'static str>,
    sound: bool,
}

impl<'r> Block<'r> {
    pub(in crate::config) fn new(entries: &'r Entries<Spanned<Value>>, here: Location) -> Self {
        Self { entries: &entries.0, here, asked: BTreeSet::new(), sound: true }
    }

    /// Where the block's own key stands.
    pub(in crate::config) fn here(&self) -> Location {
        self.here
    }

    /// Where the value of a key stands, or else the block.
    pub(in crate::config) fn place_of(&self, key: &str) -> Location {
        let found = self.entries.iter().find(|(name, _)| name.value == key);
        found.map_or(self.here, |(_, value)| value.referenced)
    }

    /// A text. None also where something else stands there, which is then a finding.
    pub(in crate::config) fn text(
        &mut self,
        key: &'static str,
        check: &mut Checker<'_>,
    ) -> Option<Text> {
        self.take(key, "a text", check, text)
    }

    /// A list of texts.
    pub(in crate::config) fn texts(
        &mut self,
        key: &'static str,
        check: &mut Checker<'_>,
    ) -> Option<Vec<Text>> {
        self.take(key, "a list of texts", check, |value| match &value.value {
            Value::List(items) => items.iter().map(text).collect(),
            _ => None,
        })
    }

    /// A whole number.
    pub(in crate::config) fn number(
        &mut self,
        key: &'static str,
        check: &mut Checker<'_>,
    ) -> Option<Spanned<u64>> {
        self.take(key, "a whole number", check, |value| match value.value {
            Value::Number(number) => Some(Spanned::new(number, value.referenced, value.defined)),
            _ => None,
        })
    }

    /// A block in the block. Whoever takes it finishes it too.
    pub(in crate::config) fn block(
        &mut self,
        key: &'static str,
        check: &mut Checker<'_>,
    ) -> Option<Block<'r>> {
        self.take(key, "a block of keys", check, |value| match &value.value {
            Value::Block(entries) => Some(Block::new(entries, value.referenced)),
            _ => None,
        })
    }

    /// Says nothing of what was not taken.
    pub(in crate::config) fn ignore_the_rest(&mut self) {
        self.entries = &[];
    }

    /// Whether every value had its type and every key was taken; what was not is a finding each.
    pub(in crate::config) fn finish(self, check: &mut Checker<'_>) -> bool {
        let mut sound = self.sound;
        for (key, _) in self.entries {
            if !self.asked.contains(key.value.as_str()) {
                let help = known_names(&key.value, self.asked.iter().copied());
                check.refuse(key.referenced, format!("unknown key `{}`", key.value), help);
                sound = false;
            }
        }
        sound
    }

    fn take<T>(
        &mut self,
        key: &'static str,
        expected: &'static str,
        check: &mut Checker<'_>,
        read: impl FnOnce(&'r Spanned<Value>) -> Option<T>,
    ) -> Option<T> {
        self.asked.insert(key);
        let entries: &'r [(Text, Spanned<Value>)] = self.entries;
        let (_, value) = entries.iter().find(|(name, _)| name.value == key)?;
        if matches!(value.value, Value::Nothing) {
            return None;
        }
        let found = read(value);
        if found.is_none() {
            let says = format!("expected {expected} under `{key}`");
            check.refuse(value.referenced, says, "a text that looks like a number goes in quotes");
            self.sound = false;
        }
        found
    }
}

fn text(value: &Spanned<Value>) -> Option<Text> {
    match &value.value {
        Value::Text(text) => Some(Text::new(text.clone(), value.referenced, value.defined)),
        _ => None,
    }
}
