//! A letter as an internet message (RFC 5322) and its envelope. PURE but for the boundary between
//! the parts.

use jiff::Timestamp;
use lettre::address::Envelope;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};

use super::compose::Letter;
use super::plain;
use crate::config::Sender;
use crate::mail_address::MailAddress;

/// A letter on its way: who it is from and to, and its bytes.
#[derive(Debug, Clone)]
pub struct Post {
    /// As SMTP is told.
    pub envelope: Envelope,
    /// The message, ASCII alone.
    pub message: Vec<u8>,
}

/// Why a letter cannot be written. Checked addresses and texts never lead here.
#[derive(Debug, thiserror::Error)]
pub enum UnwritableLetter {
    /// An address.
    #[error("a mail address cannot be used")]
    Address(#[from] lettre::address::AddressError),
    /// The content type of the calendar file.
    #[error("a part of the message cannot be described")]
    ContentType(#[from] lettre::message::header::ContentTypeErr),
    /// The message.
    #[error("the message cannot be put together")]
    Message(#[from] lettre::error::Error),
}

/// Puts a letter together. The same `id` makes the same `Message-ID`, by which a receiver folds what
/// comes twice.
///
/// # Errors
/// [`UnwritableLetter`].
pub fn write(
    letter: &Letter,
    from: &Sender,
    to: &MailAddress,
    id: &str,
    now: Timestamp,
) -> Result<Post, UnwritableLetter> {
    let sender = address(&from.address)?;
    let receiver = address(to)?;
    let envelope = Envelope::new(Some(sender.clone()), vec![receiver.clone()])?;
    let builder = Message::builder()
        .from(Mailbox::new(from.name.as_deref().map(plain), sender))
        .to(Mailbox::new(None, receiver))
        .subject(plain(&letter.subject))
        .date(now.into())
        .message_id(Some(format!("<{id}@{}>", from.address.domain())))
        .header(Generated)
        .header(NoReplies)
        .header(ContentLanguage(letter.language.tag()));
    let text = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(lines(&letter.text));
    let message = match &letter.calendar {
        Some(calendar) => {
            let kind = format!("text/calendar; charset=utf-8; method={}", calendar.method);
            let file = Attachment::new("rejse.ics".to_owned())
                .body(calendar.content.clone(), ContentType::parse(&kind)?);
            builder.multipart(MultiPart::mixed().singlepart(text).singlepart(file))?
        }
        None => builder.singlepart(text)?,
    };
    Ok(Post { envelope, message: message.formatted() })
}

/// Every end of a line as mail has it, and no half of one: a server would refuse the message.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")
}

fn address(address: &MailAddress) -> Result<lettre::Address, lettre::address::AddressError> {
    lettre::Address::new(address.local_part(), address.domain())
}

macro_rules! fixed_header {
    ($(#[$meta:meta])* $name:ident, $header:literal, $value:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy)]
        struct $name;

        impl Header for $name {
            fn name() -> HeaderName {
                HeaderName::new_from_ascii_str($header)
            }

            fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Ok(Self)
            }

            fn display(&self) -> HeaderValue {
                HeaderValue::new(Self::name(), $value.to_owned())
            }
        }
    };
}

fixed_header!(
    /// RFC 3834: nobody's absence notice should come back.
    Generated, "Auto-Submitted", "auto-generated"
);
fixed_header!(
    /// The same for Exchange.
    NoReplies, "X-Auto-Response-Suppress", "All"
);

/// RFC 3282.
#[derive(Debug, Clone, Copy)]
struct ContentLanguage(&'static str);

impl Header for ContentLanguage {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Language")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self("da"))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.to_owned())
    }
}

#[cfg(test)]
mod tests;
