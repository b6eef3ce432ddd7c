//! What a browser asks in an address or sends in a form, as it was typed.

use axum::extract::FromRequestParts;
use axum::extract::{FromRequest, Request};
use http::request::Parts;

use super::Refusal;

/// The largest form, and the largest body of a call.
pub(super) const LARGEST: usize = 2 * 1024 * 1024;

/// Names and values in their order. A page that shows a form again fills it from here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `application/x-www-form-urlencoded`.
    #[must_use]
    pub fn read(encoded: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// The first value of this name, without spaces around it; empty where there is none.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.given(name).unwrap_or_default()
    }

    /// The same, none where the field is empty or missing.
    #[must_use]
    pub fn given(&self, name: &str) -> Option<&str> {
        let first = self.0.iter().find(|(known, _)| known == name);
        first.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// The first value exactly as it was sent: a password.
    #[must_use]
    pub fn exact(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Every value of this name that is not empty.
    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        let named = self.0.iter().filter(move |(known, _)| known == name);
        named.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Every name and value in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// As a query, with some names set to another value: for links that keep the filters.
    #[must_use]
    pub fn query_with(&self, changed: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let is_changed = |name: &str| changed.iter().any(|(other, _)| *other == name);
        for (name, value) in self.iter().filter(|(name, _)| !is_changed(name)) {
            query.append_pair(name, value);
        }
        for (name, value) in changed.iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        query.finish()
    }
}

/// The query of the address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked(pub Fields);

impl std::ops::Deref for Asked {
    type Target = Fields;
    fn deref(&self) -> &Fields {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        Ok(Self(Fields::read(parts.uri.query().unwrap_or_default().as_bytes())))
    }
}

/// The fields of a form. Its token was checked before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent(pub Fields);

impl std::ops::Deref for Sent {
    type Target = Fields;
    fn deref(&self) -> &Fields {
        &self.0
    }
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let bytes = axum::body::to_bytes(request.into_body(), LARGEST)
            .await
            .map_err(|_| Refusal::TooLarge)?;
        Ok(Self(Fields::read(&bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_they_were_typed() {
        let fields = Fields::read(b"name=+Anna+Holm+&site=mail&site=kilden&empty=&p=+a%26b+");
        assert_eq!((fields.text("name"), fields.text("empty")), ("Anna Holm", ""));
        assert_eq!(fields.exact("p"), " a&b ");
        assert_eq!(fields.given("empty"), None);
        assert_eq!(fields.all("site").collect::<Vec<_>>(), ["mail", "kilden"]);
        let other = Fields::read(b"state=active&page=2").query_with(&[("page", ""), ("q", "æ")]);
        assert_eq!(other, "state=active&q=%C3%A6");
    }
}
