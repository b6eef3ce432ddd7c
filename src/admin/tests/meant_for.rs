//! The rights of all routes once more, written down as they were meant.

use http::Method;

use crate::admin::access::Right;
use crate::admin::fixture::Office;
use crate::admin::routes;
use crate::config::Role;

/// Whom each part of the administration is for: the begin of its paths, the longest that fits, with
/// the first letters of the roles (case officer, approver, security, dpo, operator), `*` for an
/// operator of the centre and `t` for whoever is signed in; what only reads before the bar, what
/// changes something after it. Written down beside the routes, so that a right that somebody widens
/// there does not pass for the one that was meant.
const MEANT_FOR: [(&str, &str); 51] = [
    ("/account", "t|t"),
    ("/api/v1/breaches", "sd|s"),
    ("/api/v1/exemptions", "ca|c"),
    ("/api/v1/exemptions/{id}", "ca|ca"),
    ("/api/v1/exemptions/emergency", "|c"),
    ("/api/v1/exemptions/import", "c|c"),
    ("/api/v1/exemptions/{id}/extend", "|c"),
    ("/api/v1/explain", "caso|"),
    ("/api/v1/erasure-orders", "d|d"),
    ("/api/v1/lists", "casdo*|casdo*"),
    ("/api/v1/lists/{list}/forecast", "cs|"),
    ("/api/v1/log", "s|"),
    ("/api/v1/me", "t|t"),
    ("/api/v1/overview", "casdo*|"),
    ("/api/v1/people", "d|d"),
    ("/api/v1/report", "casdo|"),
    ("/api/v1/retention", "d|"),
    ("/api/v1/reviews", "sd|s"),
    ("/api/v1/systems", "casdo|so"),
    ("/api/v1/tokens", "casdo|casdo"),
    ("/", "t|"),
    ("/breach", "sd|s"),
    ("/insight", "d|d"),
    ("/insight/pseudonyms", "sd|sd"),
    ("/list", "casdo*|casdo*"),
    ("/list/forecast", "cs|"),
    ("/log", "sd|s"),
    ("/log/charts", "s|"),
    ("/log/entry", "s|"),
    ("/log/export", "s|"),
    ("/log/find", "cso|"),
    ("/log/live", "s|"),
    ("/log/reasons", "csdo|"),
    ("/own", "t|t"),
    ("/report", "casdo|"),
    ("/review", "sd|s"),
    ("/review/odd", "s|"),
    ("/review/surges", "s|"),
    ("/review/wrong", "s|"),
    ("/session/organization", "|t"),
    ("/sign-out", "|t"),
    ("/system", "casdo|casdo"),
    ("/systems", "casdo|so"),
    ("/systems/new", "so|so"),
    ("/systems/{id}/change", "so|so"),
    ("/travel", "ca|ca"),
    ("/travel/apply", "c|c"),
    ("/travel/emergency", "c|c"),
    ("/travel/import", "c|c"),
    ("/travel/new", "c|c"),
    ("/would", "caso|"),
];

/// Those of the table that are for a case officer alone below an id.
const OFFICERS_ALONE: [&str; 2] = ["/travel/{id}/extend", "/travel/{id}/contact"];

#[tokio::test]
async fn each_route_is_for_those_it_was_meant_for() {
    let office = Office::open().await;
    let list = routes(&office.admin);
    let mut used = std::collections::BTreeSet::new();
    for route in list.list().iter().filter(|route| route.right != Right::Everybody) {
        let begins = |begin: &str| {
            let rest = route.path.strip_prefix(begin);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) || begin == route.path
        };
        let fitting = MEANT_FOR.iter().filter(|(begin, _)| begins(begin));
        let (begin, meant) = fitting.max_by_key(|(begin, _)| begin.len()).unwrap_or_else(|| {
            panic!("{route:?} stands in no line of the table");
        });
        used.insert(begin);
        let (reads, changes) = meant.split_once('|').unwrap();
        let meant = if route.method == Method::GET { reads } else { changes };
        let officers_alone =
            OFFICERS_ALONE.contains(&route.path) || route.path.contains("/notices/");
        let meant = if officers_alone { "c" } else { meant };
        for (letter, role) in [
            ('c', Some(Role::CaseOfficer)),
            ('a', Some(Role::Approver)),
            ('s', Some(Role::Security)),
            ('d', Some(Role::DataProtectionOfficer)),
            ('o', Some(Role::Operator)),
            ('*', None),
            ('t', None),
        ] {
            let is_meant = meant.contains(letter) || meant.contains('t');
            let has = match (route.right, role) {
                (Right::Everybody | Right::SignedIn | Right::Somebody, _) => true,
                (Right::Roles(roles) | Right::RolesOrCentre(roles), Some(role)) => {
                    roles.contains(&role)
                }
                (Right::RolesOrCentre(_), None) => letter == '*',
                (Right::Roles(_), None) => false,
            };
            assert_eq!(has, is_meant, "{letter}: {route:?}");
        }
    }
    let unused: Vec<_> = MEANT_FOR.iter().filter(|(begin, _)| !used.contains(begin)).collect();
    assert!(unused.is_empty(), "{unused:?}");
    let open: Vec<&str> =
        list.list().iter().filter(|r| r.right == Right::Everybody).map(|r| r.path).collect();
    assert_eq!(
        open,
        [
            "/sign-in",
            "/sign-in",
            "/sign-in/start-over",
            "/sign-in/outside",
            "/sign-in/callback",
            "/sign-in/code",
            "/sign-in/passkey/challenge",
            "/sign-in/passkey/answer",
            "/api/v1/openapi.json",
            "/api/v1/session",
        ]
    );
}
