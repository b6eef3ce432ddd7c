//! The hosts that HTTP/2 is not offered for.
//!
//! PURE. Always holds: a host belongs to the site that answers for it, and to no other: an exact host
//! before a suffix, a longer suffix before a shorter one, `*` last.

use super::{Affinity, Config, HostPattern};

/// The hosts of sites that bind a login to its connection (`affinity: connection`).
#[derive(Debug, Clone, Default)]
pub struct Http1Names {
    /// All hosts, and whether theirs is such a site; none where no site is.
    hosts: Vec<(HostPattern, bool)>,
}

impl Http1Names {
    /// Those of a configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let sites = config.sites.values();
        let all = sites.flat_map(|site| {
            let binds = site.upstream.affinity == Affinity::Connection;
            site.hosts.iter().map(move |host| (host.clone(), binds))
        });
        let hosts: Vec<_> = all.collect();
        let any = hosts.iter().any(|(_, binds)| *binds);
        Self { hosts: if any { hosts } else { Vec::new() } }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// Whether the host that a client names in its handshake is one. A client that names none may
    /// mean any.
    #[must_use]
    pub fn concern(&self, name: Option<&str>) -> bool {
        let Some(name) = name else { return !self.is_empty() };
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name);
        let matching = self.hosts.iter().filter(|(host, _)| host.matches(name));
        matching.max_by_key(|(host, _)| rank(host)).is_some_and(|(_, binds)| *binds)
    }
}

fn rank(host: &HostPattern) -> (u8, usize) {
    match host {
        HostPattern::Exact(_) => (2, 0),
        HostPattern::Suffix(suffix) => (1, suffix.len()),
        HostPattern::Any => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(hosts: &[(&str, bool)]) -> Http1Names {
        let parsed = |text: &str| super::super::host_pattern::parse(text).unwrap();
        Http1Names { hosts: hosts.iter().map(|(text, binds)| (parsed(text), *binds)).collect() }
    }

    #[test]
    fn a_host_belongs_to_the_site_that_answers_for_it() {
        let names = names(&[
            ("*", true),
            ("*.example.dk", false),
            ("*.inner.example.dk", true),
            ("open.inner.example.dk", false),
            ("mail.example.dk", true),
        ]);
        for host in ["mail.example.dk", "MAIL.Example.dk.", "a.inner.example.dk", "else.dk"] {
            assert!(names.concern(Some(host)), "{host}");
        }
        for host in ["www.example.dk", "open.inner.example.dk", "inner.example.dk"] {
            assert!(!names.concern(Some(host)), "{host}");
        }
        assert!(names.concern(None));
        assert!(!Http1Names::default().concern(None));
        assert!(!Http1Names::default().concern(Some("mail.example.dk")));
    }
}
