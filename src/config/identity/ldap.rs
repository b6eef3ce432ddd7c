//! `kind: ldap`

use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::block::Block;
use crate::config::checker::{Checker, Text, Wrong, all};

/// A directory that people are looked up in and bind to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ldap {
    /// In the order in which they are tried.
    pub servers: Vec<LdapServer>,
    /// The authorities that the servers' certificates come from; none: the operating system's.
    pub ca: Option<PathBuf>,
    /// The account that looks people up.
    pub bind_dn: String,
    /// Its password.
    pub bind_password: LdapPassword,
    /// Where people are.
    pub base: String,
    /// Which entry a name means: a filter (RFC 4515) with `{user}` and `{login}`.
    pub filter: String,
    /// The attribute that is never given to anybody else.
    pub subject: String,
    /// The attribute that holds the login name.
    pub user_name: String,
    /// Further attributes whose values people sign in with.
    pub other_names: Vec<String>,
    /// What may stand before `\` or after `@` in a name.
    pub domains: Vec<String>,
    /// Who is not in one of these may not sign in; empty: everybody of the base may.
    pub required_groups: Vec<String>,
    /// What holds of a group that somebody is in, where `memberOf` does not say so: a filter with
    /// `{dn}` and `{user}`.
    pub group_filter: Option<String>,
    /// Where the groups are in which people are looked for when they sign in, beside `memberOf`; none:
    /// nowhere.
    pub group_base: Option<String>,
    /// How long an answer may take, and how long every refusal does take.
    pub timeout: Duration,
    /// Connections at the same time.
    pub connections: usize,
    /// How long a proven password is taken without asking again.
    pub remember: Duration,
    /// So many refused passwords of one person are asked for...
    pub failed_binds: usize,
    /// ...in so long a time.
    pub failed_binds_within: Duration,
}

/// One of `servers`. Neither kind is ever spoken to in plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LdapServer {
    /// A name or an IPv4 address; the certificate must name it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// `ldaps://`: TLS from the first byte. Else StartTLS, before anything else is said.
    pub tls_first: bool,
}

/// The service account's password: wiped when it is dropped, and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct LdapPassword(Zeroizing<String>);

impl LdapPassword {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for LdapPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[password]")
    }
}

impl std::fmt::Display for LdapServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.tls_first { "ldaps" } else { "ldap" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

/// What is usual in one kind of directory.
#[derive(Debug, Clone, Copy)]
struct Usual {
    filter: &'static str,
    subject: &'static str,
    user_name: &'static str,
    other_names: &'static [&'static str],
}

const STANDARD: Usual = Usual {
    filter: "(&(objectClass=person)(uid={user}))",
    subject: "entryUUID",
    user_name: "uid",
    other_names: &["mail"],
};

const ACTIVE_DIRECTORY: Usual = Usual {
    filter: "(&(objectCategory=person)(objectClass=user)(|(sAMAccountName={user})(userPrincipalName={login})))",
    subject: "objectGUID",
    user_name: "sAMAccountName",
    other_names: &["userPrincipalName", "mail"],
};

/// How directories without `memberOf` keep who is in a group (RFC 4519, RFC 2307).
const USUAL_GROUPS: &str = "(|(&(objectClass=groupOfNames)(member={dn}))(&(objectClass=groupOfUniqueNames)(uniqueMember={dn}))(&(objectClass=posixGroup)(memberUid={user})))";

/// Given to somebody else one day.
const REUSED: [&str; 9] = [
    "cn",
    "distinguishedname",
    "dn",
    "mail",
    "proxyaddresses",
    "samaccountname",
    "uid",
    "uidnumber",
    "userprincipalname",
];

pub(super) fn check(block: &mut Block<'_>, check: &mut Checker<'_>) -> Option<Ldap> {
    let here = block.here();
    let servers = servers(block, check);
    let ca = match block.text("ca", check) {
        Some(text) => check.path(&text).map(Some),
        None => Some(None),
    };
    let bind_dn = required(block, "bind_dn", check);
    let bind_password = password(block, check);
    let base = required(block, "base", check);
    let schema = block.text("schema", check);
    let kinds = [("standard", STANDARD), ("active_directory", ACTIVE_DIRECTORY)];
    let usual = check.word(schema.as_ref(), STANDARD, &kinds);
    let default = usual.unwrap_or(STANDARD);
    let filter = template(block, "filter", Some(default.filter), &["{user}", "{login}"], check);
    let subject = subject(block, default, check);
    let user_name = attribute(block, "user_name", default.user_name, check);
    let other_names = match block.texts("other_names", check) {
        Some(texts) => all(texts.iter().map(|text| check.parsed(text, "an attribute", name_of))),
        None => Some(default.other_names.iter().map(|&name| name.to_owned()).collect()),
    };
    let domains = block.texts("domains", check).unwrap_or_default();
    let domains = all(domains.iter().map(|text| check.parsed(text, "a domain", domain_of)));
    let required_groups = block.texts("required_groups", check).unwrap_or_default();
    let required_groups = all(required_groups.iter().map(|text| {
        let group = check.label(text)?;
        if !is_distinguished_name(&group) {
            let says = format!("`{group}` is no distinguished name, so nobody is in that group");
            check.warn(
                text.referenced,
                says,
                "write all of it, as `cn=rejsende,ou=grupper,dc=ballerup,dc=dk`",
            );
        }
        Some(group)
    }));
    let group_base = match block.text("group_base", check) {
        Some(text) => base_of_groups(&text, check).map(Some),
        None => Some(None),
    };
    let usual_groups = matches!(group_base, Some(Some(_))).then_some(USUAL_GROUPS);
    let group_filter = template(block, "group_filter", usual_groups, &["{dn}", "{user}"], check);
    let bounds = bounds(block, check);
    if let (Some(groups), Some(None)) = (&required_groups, &group_filter)
        && !groups.is_empty()
        && usual.is_some_and(|usual| usual.subject == STANDARD.subject)
    {
        check.note(
            here,
            "groups are read from `memberOf`, which a directory may not keep",
            "write a `group_base` such as \"ou=groups,dc=example,dc=dk\" if yours does not",
        );
    }
    Some(Ldap {
        servers: servers?,
        ca: ca?,
        bind_dn: bind_dn?,
        bind_password: bind_password?,
        filter: filter??,
        subject: subject?,
        user_name: user_name?,
        other_names: other_names?,
        domains: domains?,
        required_groups: required_groups?,
        group_filter: group_filter?,
        group_base: group_base?,
        base: base?,
        timeout: bounds.timeout?,
        connections: bounds.connections?,
        remember: bounds.remember?,
        failed_binds: bounds.failed_binds?,
        failed_binds_within: bounds.failed_binds_within?,
    })
}

/// How long, how many, how often.
struct Bounds {
    timeout: Option<Duration>,
    connections: Option<usize>,
    remember: Option<Duration>,
    failed_binds: Option<usize>,
    failed_binds_within: Option<Duration>,
}

fn bounds(block: &mut Block<'_>, check: &mut Checker<'_>) -> Bounds {
    let second = Duration::from_secs;
    let span = |key, default, bounds, block: &mut Block<'_>, check: &mut Checker<'_>| {
        let text = block.text(key, check);
        check.span(text.as_ref(), default, bounds)
    };
    let number = |key, default, bounds, block: &mut Block<'_>, check: &mut Checker<'_>| {
        let number = block.number(key, check);
        let number = check.number(number.as_ref(), default, bounds);
        number.and_then(|number| usize::try_from(number).ok())
    };
    let within = second(60)..=second(86_400);
    Bounds {
        timeout: span("timeout", second(3), second(1)..=second(15), block, check),
        connections: number("connections", 4, 1..=64, block, check),
        remember: span("remember", second(60), second(0)..=second(600), block, check),
        failed_binds: number("failed_binds", 4, 2..=100, block, check),
        failed_binds_within: span("failed_binds_within", second(1800), within, block, check),
    }
}

fn required(block: &mut Block<'_>, key: &'static str, check: &mut Checker<'_>) -> Option<String> {
    let text = block.text(key, check);
    let text = check.required(&text, key, block.here())?;
    check.label(text)
}

fn servers(block: &mut Block<'_>, check: &mut Checker<'_>) -> Option<Vec<LdapServer>> {
    let texts = block.texts("servers", check);
    let texts = check.required(&texts, "servers", block.here())?;
    if texts.is_empty() {
        let help = "write at least one, as \"ldaps://dc1.example.dk\"";
        check.refuse(block.place_of("servers"), "no directory server is named", help);
        return None;
    }
    all(texts.iter().map(|text| check.parsed(text, "a directory server", server_of)))
}

fn server_of(text: &str) -> Result<LdapServer, Wrong> {
    let wrong = |says: &str| {
        Wrong::new(
            says,
            "write it as \"ldaps://dc1.example.dk\", or \"ldap://dc1.example.dk\", which is spoken with StartTLS",
        )
    };
    let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("has no scheme"))?;
    let tls_first = match scheme {
        "ldaps" => true,
        "ldap" => false,
        _ => return Err(wrong("has a scheme other than ldap and ldaps")),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.split_once(':') {
        Some((host, port)) => {
            let port = port.parse::<u16>().ok().filter(|&port| port > 0);
            (host, port.ok_or_else(|| wrong("has a port that cannot be"))?)
        }
        None => (rest, if tls_first { 636 } else { 389 }),
    };
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if host.is_empty() || !host.chars().all(fine) {
        return Err(wrong("names no host"));
    }
    Ok(LdapServer { host: host.to_ascii_lowercase(), port, tls_first })
}

/// Never said back.
fn password(block: &mut Block<'_>, check: &mut Checker<'_>) -> Option<LdapPassword> {
    let text = block.text("bind_password", check);
    let text = check.required(&text, "bind_password", block.here())?;
    let here = text.referenced;
    if !text.value.contains("${") {
        // Not at its place: the line would be shown.
        check.refuse(
            block.here(),
            "the password stands in the file itself under `bind_password`",
            "keep it in a file of its own and write \"${file:PATH}\", or \"${NAME}\" for a variable of the environment",
        );
        return None;
    }
    if check.is_for_later(text) {
        return Some(LdapPassword(Zeroizing::default()));
    }
    let value = Zeroizing::new(check.value(text)?);
    let value = value.trim_end_matches(['\r', '\n']);
    if value.is_empty() {
        // A directory takes a bind without a password for one of nobody, and says yes.
        check.refuse(here, "the password is empty", "put the service account's password there");
        return None;
    }
    Some(LdapPassword(Zeroizing::new(value.to_owned())))
}

/// A filter that becomes whole, with its places filled.
fn template(
    block: &mut Block<'_>,
    key: &'static str,
    default: Option<&str>,
    places: &'static [&'static str],
    check: &mut Checker<'_>,
) -> Option<Option<String>> {
    let Some(text) = block.text(key, check) else { return Some(default.map(str::to_owned)) };
    let parsed = check.parsed(&text, "a filter", |value| {
        if !places.iter().any(|place| value.contains(place)) {
            let help = format!("write {} where the value belongs", places.join(" or "));
            return Err(Wrong::new("holds no place for the value", help));
        }
        let filled = places.iter().fold(value.to_owned(), |text, place| text.replace(place, "x"));
        if filled.contains(['{', '}']) || ldap3::parse_filter(&filled).is_err() {
            let help = "write it as RFC 4515 says, such as \"(&(objectClass=person)(uid={user}))\"";
            return Err(Wrong::new("is no filter", help));
        }
        Ok(value.to_owned())
    });
    parsed.map(Some)
}

fn subject(block: &mut Block<'_>, usual: Usual, check: &mut Checker<'_>) -> Option<String> {
    let name = attribute(block, "subject", usual.subject, check)?;
    if REUSED.contains(&name.to_ascii_lowercase().as_str()) {
        check.refuse(
            block.place_of("subject"),
            format!("`{name}` may be given to somebody else one day, and exemptions with it"),
            "write an attribute that stays with the person: `entryUUID`, `objectGUID`, or your own",
        );
        return None;
    }
    Some(name)
}

fn attribute(
    block: &mut Block<'_>,
    key: &'static str,
    default: &str,
    check: &mut Checker<'_>,
) -> Option<String> {
    match block.text(key, check) {
        Some(text) => check.parsed(&text, "an attribute", name_of),
        None => Some(default.to_owned()),
    }
}

fn name_of(text: &str) -> Result<String, Wrong> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    if text.is_empty() || text.len() > 100 || !text.chars().all(fine) {
        return Err(Wrong::new("is no attribute", "write its name alone, such as `entryUUID`"));
    }
    Ok(text.to_owned())
}

fn domain_of(text: &str) -> Result<String, Wrong> {
    let unfit = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '\\' | '@' | ':');
    if text.is_empty() || text.len() > 253 || text.chars().any(unfit) {
        let help = "write `ballerup` for BALLERUP\\anna, `ballerup.dk` for anna@ballerup.dk";
        return Err(Wrong::new("is no domain", help));
    }
    Ok(text.to_lowercase())
}

/// Refused where it cannot be one: nobody would be found in a group, and nobody told why.
fn base_of_groups(text: &Text, check: &mut Checker<'_>) -> Option<String> {
    let base = check.label(text)?;
    if !is_distinguished_name(&base) {
        check.refuse(
            text.referenced,
            format!("`{base}` is no distinguished name"),
            "write where the groups are, as `ou=grupper,dc=ballerup,dc=dk`",
        );
        return None;
    }
    Some(base)
}

/// Whether a text looks like a distinguished name (RFC 4514): each part names an attribute.
fn is_distinguished_name(text: &str) -> bool {
    let attribute = |name: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ' ');
        !name.trim().is_empty() && name.chars().all(fits)
    };
    // A comma that is escaped belongs to a value.
    let parts = text.replace("\\,", "");
    parts.split(',').all(|part| part.split_once('=').is_some_and(|(name, _)| attribute(name)))
}

#[cfg(test)]
#[path = "ldap_tests.rs"]
mod tests;
