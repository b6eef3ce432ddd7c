//! Several gateways on one PostgreSQL: what one is told the other knows, and neither needs the
//! database to go on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::support::authority::Authority;
use super::support::client::{Answer, get, post_form};
use super::support::gateway::{Gateway, configuration, eventually};
use super::support::line::Line;
use super::support::places::{CHINA, DENMARK};
use super::support::postgres::{PASSWORD, PgBouncer, Postgres};
use super::support::upstream::Upstream;

const WORD: &str = "en meget lang adgangskode";

/// One gateway, and what it is asked.
struct Node(Gateway);

impl Node {
    /// With its own directory, on the database at this address.
    fn prepare(upstream: &Upstream, store: SocketAddr, database: &str) -> Self {
        let url = format!("postgres://geovagt:${{file:secret}}@{store}/{database}");
        Self::prepare_with(upstream, &url, |text| text)
    }

    fn prepare_with(upstream: &Upstream, url: &str, change: impl Fn(String) -> String) -> Self {
        let more = format!("store: \"{url}\"\n");
        let text = configuration(&upstream.url(), &more)
            .replace("two_approvers: [RU, CN]", "two_approvers: [RU]");
        let gateway = Gateway::prepare(&change(text));
        std::fs::write(gateway.directory().join("secret"), format!("{PASSWORD}\n")).unwrap();
        Self(gateway)
    }

    fn start(upstream: &Upstream, store: SocketAddr, database: &str) -> Self {
        let mut node = Self::prepare(upstream, store, database);
        node.0.run();
        node
    }

    fn travels(&self) -> u16 {
        let web = self.0.address("web");
        get(web, "mail.example.dk", "/").from(CHINA).basic("anna", WORD).send().status
    }

    fn danish(&self) -> u16 {
        get(self.0.address("web"), "kilden.example.dk", "/").from(DENMARK).send().status
    }

    fn operations(&self, page: &str) -> Answer {
        get(self.0.address("operations"), "localhost", page).send()
    }

    /// The store's part of the readiness.
    fn store(&self) -> Value {
        let parts = self.operations("/readyz").json()["parts"].clone();
        parts.as_array().unwrap().iter().find(|part| part["name"] == "store").unwrap().clone()
    }

    fn misses_its_store(&self) -> bool {
        self.store()["warning"] == true
    }

    fn add_user(&self, name: &str) {
        let add = ["user", "add", name, "--organization", "ballerup"];
        self.0.command_with_input(&add, &format!("{WORD}\n")).expect_code(0);
    }

    fn grant(&self) -> String {
        self.0.grant("anna", "CN", &["mail"])
    }

    fn revoke(&self, id: &str) {
        self.0.command(&["exemption", "revoke", id, "--reason", "hjemme"]).expect_code(0);
    }

    /// How often each change stands in this node's own files, by the event's id. A search would ask
    /// the index, which the nodes share.
    fn changes_in_log(&self) -> BTreeMap<String, usize> {
        let ours = ["user_added", "user_changed", "exemption_granted", "exemption_revoked"];
        let mut times = BTreeMap::new();
        let chain = self.0.directory().join("state/audit/people");
        for segment in std::fs::read_dir(chain).unwrap() {
            let text = std::fs::read_to_string(segment.unwrap().path()).unwrap();
            // The last line may be half there.
            for entry in text.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok()) {
                if entry["event"]["action"].as_str().is_some_and(|action| ours.contains(&action)) {
                    let id = entry["event"]["id"].as_str().unwrap().to_owned();
                    *times.entry(id).or_default() += 1;
                }
            }
        }
        times
    }
}

struct Nodes {
    one: Node,
    two: Node,
    database: String,
    server: Postgres,
    upstream: Upstream,
}

fn two_nodes() -> Nodes {
    let (upstream, server) = (Upstream::start(), Postgres::start());
    let database = server.new_database();
    let one = Node::start(&upstream, server.address, &database);
    let two = Node::start(&upstream, server.address, &database);
    one.add_user("anna");
    Nodes { one, two, database, server, upstream }
}

/// How long it takes until both say so.
fn until_both(what: &str, one: &Node, two: &Node, status: u16) -> Duration {
    let begin = Instant::now();
    eventually(what, || one.travels() == status && two.travels() == status);
    begin.elapsed()
}

#[test]
fn a_grant_a_revocation_and_a_lock_made_at_one_node_count_at_both() {
    let Nodes { one, two, server, .. } = &two_nodes();
    assert_eq!((one.travels(), two.travels()), (403, 403));
    let id = one.grant();
    let granted = until_both("the grant counts", one, two, 200);
    two.revoke(&id);
    let revoked = until_both("the revocation counts", one, two, 403);
    one.grant();
    until_both("another grant counts", one, two, 200);
    let lock = ["user", "lock", "anna", "--organization", "ballerup"];
    two.0.command(&lock).expect_code(0);
    let locked = until_both("the lock counts", one, two, 403);
    eprintln!("seen by both after: grant {granted:?}, revocation {revoked:?}, lock {locked:?}");
    assert!(server.log().is_empty() || !server.log().contains("ERROR"), "{}", server.log());
}

#[test]
fn a_session_that_began_at_one_node_goes_on_at_the_other_and_ends_at_both() {
    let Nodes { one, two, .. } = &two_nodes();
    one.grant();
    until_both("the grant counts", one, two, 200);
    let cookie = |answer: &Answer, name: &str| {
        let mut set = answer.headers.iter().filter(|(field, _)| field == "set-cookie");
        let value = set.find_map(|(_, value)| value.strip_prefix(&format!("{name}=")));
        format!("{name}={}", value.expect("the cookie").split(';').next().unwrap())
    };
    let (first, second) = (one.0.address("web"), two.0.address("web"));
    let host = "mail.example.dk";
    let page = get(first, host, "/.geovagt/sign-in").from(CHINA).browser().send();
    let token = page.text().split("name=\"csrf\" value=\"").nth(1).unwrap().to_owned();
    let token = token.split('"').next().unwrap();
    let form = format!("name=anna&password={}&csrf={token}&next=%2F", WORD.replace(' ', "+"));
    // The form that one node showed is taken by the other.
    let signed_in = post_form(second, host, "/.geovagt/sign-in", &form)
        .from(CHINA)
        .browser()
        .header("Cookie", &cookie(&page, "geovagt-form"))
        .send();
    assert_eq!(signed_in.status, 303, "{}", signed_in.text());
    let session = cookie(&signed_in, "geovagt");
    let is_in = |at: SocketAddr| {
        get(at, host, "/").from(CHINA).browser().header("Cookie", &session).send().status == 200
    };
    assert!(is_in(first) && is_in(second));
    let form = format!("csrf={token}");
    let signed_out = post_form(first, host, "/.geovagt/sign-out", &form)
        .from(CHINA)
        .browser()
        .header("Cookie", &format!("{session}; {}", cookie(&page, "geovagt-form")))
        .send();
    assert!(signed_out.status < 400, "{}", signed_out.text());
    eventually("the session ends at both", || !is_in(first) && !is_in(second));
}

#[test]
fn without_the_database_both_go_on_and_catch_up_when_it_is_back() {
    let Nodes { one, two, mut server, database, upstream } = two_nodes();
    let id = one.grant();
    until_both("the grant counts", &one, &two, 200);
    server.stop();
    eventually("the loss is said", || one.misses_its_store() && two.misses_its_store());
    for node in [&one, &two] {
        let ready = node.operations("/readyz");
        assert_eq!(ready.status, 200, "{}", ready.text());
        let detail = node.store()["detail"].as_str().unwrap().to_owned();
        assert!(detail.starts_with("does not answer; what was read at 20"), "{detail}");
        assert!(!ready.text().contains(PASSWORD), "{detail}");
        assert!(node.operations("/metrics").text().contains("geovagt_store_up 0"));
        assert_eq!((node.travels(), node.danish()), (200, 200));
        node.0.command(&["reload"]).expect_code(1);
        assert_eq!((node.travels(), node.danish()), (200, 200));
    }
    let refused = one.0.command(&["exemption", "revoke", &id, "--reason", "hjemme"]).expect_code(1);
    assert!(refused.err.contains("cannot be reached"), "{}", refused.err);
    assert!(!refused.err.contains(PASSWORD), "{}", refused.err);
    // One that starts now knows nobody, and says so.
    let three = Node::start(&upstream, server.address, &database);
    assert_eq!((three.travels(), three.danish()), (403, 200));
    let detail = three.store()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("has not answered since the start; no exemption"), "{detail}");
    assert_eq!(three.operations("/readyz").status, 200);
    server.start_again();
    let begin = Instant::now();
    eventually("the third knows the traveller", || three.travels() == 200);
    eprintln!("after the database was back, the third knew after {:?}", begin.elapsed());
    eventually("all have caught up", || {
        [&one, &two, &three].iter().all(|node| {
            let up = node.operations("/metrics").text().contains("geovagt_store_up 1");
            up && !node.misses_its_store()
        })
    });
    two.revoke(&id);
    until_both("the revocation counts", &one, &two, 403);
    eventually("the third knows, too", || three.travels() == 403);
}

#[test]
fn without_the_database_an_exemption_ends_on_time() {
    let Nodes { one, two, mut server, upstream: _upstream, .. } = two_nodes();
    let now = jiff::Timestamp::now();
    let until = jiff::Timestamp::from_second(now.as_second() + 30).unwrap();
    let leg = format!("CN {:.0}..{until:.0}", now - jiff::SignedDuration::from_hours(1));
    let grant = ["exemption", "grant", "--organization", "ballerup", "--person", "anna"];
    let more = ["--leg", &leg, "--purpose", "Studietur", "--case", "24-1", "--site", "mail"];
    one.0.command(&[&grant[..], &more[..]].concat()).expect_code(0);
    until_both("the grant counts", &one, &two, 200);
    server.stop();
    until_both("it ends without the database", &one, &two, 403);
    assert!(jiff::Timestamp::now() >= until, "not before its time");
    assert_eq!((one.danish(), two.danish()), (200, 200));
}

#[test]
fn a_line_that_is_cut_off_half_open_harms_nobody_and_is_found_again() {
    let (upstream, server) = (Upstream::start(), Postgres::start());
    let database = server.new_database();
    let line = Line::to(server.address);
    let (cut_off, well) = (
        Node::start(&upstream, line.address, &database),
        Node::start(&upstream, server.address, &database),
    );
    well.add_user("anna");
    let id = well.grant();
    until_both("the grant counts", &cut_off, &well, 200);
    line.cut();
    well.revoke(&id);
    eventually("the other node knows", || well.travels() == 403);
    let begin = Instant::now();
    let mut slowest = Duration::ZERO;
    eventually("the loss is said", || {
        let asked = Instant::now();
        assert_eq!((cut_off.danish(), cut_off.travels()), (200, 200));
        slowest = slowest.max(asked.elapsed());
        cut_off.misses_its_store()
    });
    eprintln!("cut off: said after {:?}, the slowest two requests {slowest:?}", begin.elapsed());
    assert!(slowest < Duration::from_secs(3), "no request waits for the database: {slowest:?}");
    // Whoever asks the database itself is answered, by a sentence.
    let refused = cut_off.0.command(&["user", "list", "--organization", "ballerup"]).expect_code(1);
    assert!(refused.err.contains("does not answer in time"), "{}", refused.err);
    assert_eq!(cut_off.0.command(&["reload"]).code, 1);
    assert_eq!(cut_off.danish(), 200);
    line.mend();
    let begin = Instant::now();
    eventually("the revocation counts", || cut_off.travels() == 403);
    eprintln!("mended: the revocation counted after {:?}", begin.elapsed());
    eventually("it says that it is well", || !cut_off.misses_its_store());
    let again = well.grant();
    until_both("changes are seen as before", &cut_off, &well, 200);
    well.revoke(&again);
    until_both("changes are seen as before", &cut_off, &well, 403);
}

#[test]
fn a_node_that_is_cut_off_in_the_midst_of_a_change_does_not_keep_the_others_from_theirs() {
    let (upstream, server) = (Upstream::start(), Postgres::start());
    let database = server.new_database();
    let line = Line::to(server.address);
    let well = Node::start(&upstream, server.address, &database);
    well.add_user("anna");
    let id = well.grant();
    let cut_off = Node::prepare(&upstream, line.address, &database);
    line.cut_after("pg_advisory_xact_lock");
    let add = ["user", "add", "bo", "--organization", "ballerup"];
    std::thread::scope(|scope| {
        let changing = scope.spawn(|| cut_off.0.command_with_input(&add, &format!("{WORD}\n")));
        eventually("the change has begun", || line.is_cut());
        let begin = Instant::now();
        well.revoke(&id);
        eprintln!("the other's change waited {:?}", begin.elapsed());
        let refused = changing.join().unwrap().expect_code(1);
        assert!(refused.err.contains("does not answer in time"), "{}", refused.err);
    });
    eventually("the revocation counts", || well.travels() == 403);
}

#[test]
fn a_node_that_is_cut_off_can_be_stopped() {
    let (upstream, server) = (Upstream::start(), Postgres::start());
    let database = server.new_database();
    let line = Line::to(server.address);
    let mut node = Node::start(&upstream, line.address, &database);
    line.cut();
    eventually("the loss is said", || node.misses_its_store());
    assert_eq!(node.0.stop(), Some(0));
}

#[test]
fn behind_a_pooler_in_transaction_mode_two_nodes_see_each_others_changes() {
    let (upstream, server) = (Upstream::start(), Postgres::start());
    let database = server.new_database();
    let pooler = PgBouncer::start(server.address);
    let one = Node::start(&upstream, pooler.address, &database);
    let two = Node::start(&upstream, pooler.address, &database);
    one.add_user("anna");
    for _ in 0..3 {
        let id = one.grant();
        let granted = until_both("the grant counts", &one, &two, 200);
        two.revoke(&id);
        let revoked = until_both("the revocation counts", &one, &two, 403);
        eprintln!("through the pooler: grant {granted:?}, revocation {revoked:?}");
    }
    assert!(!one.misses_its_store() && !two.misses_its_store());
    assert!(!server.log().contains("ERROR"), "{}", server.log());
}

#[test]
fn each_change_stands_in_one_log_once() {
    let Nodes { one, two, .. } = &two_nodes();
    let mut ids = Vec::new();
    std::thread::scope(|scope| {
        let clerks: Vec<_> = [one, two]
            .into_iter()
            .map(|node| {
                scope.spawn(|| {
                    let granted: Vec<String> = (0..5).map(|_| node.grant()).collect();
                    granted.iter().for_each(|id| node.revoke(id));
                    granted
                })
            })
            .collect();
        ids = clerks.into_iter().flat_map(|clerk| clerk.join().unwrap()).collect();
    });
    // An account, ten grants, ten revocations.
    eventually("everything is told", || {
        one.changes_in_log().len() + two.changes_in_log().len() >= 21
    });
    let (first, second) = (one.changes_in_log(), two.changes_in_log());
    eprintln!("{} entries in one log, {} in the other", first.len(), second.len());
    assert_eq!(first.len() + second.len(), 21);
    assert!(first.values().chain(second.values()).all(|&times| times == 1));
    assert!(first.keys().all(|id| !second.contains_key(id)));
    for node in [one, two] {
        node.0.command(&["audit", "verify"]).expect_code(0);
    }
}

/// Whoever takes the call need not know which gateway stood in the caller's way.
#[test]
fn a_reference_that_one_node_gave_is_found_at_the_other() {
    let (upstream, server) = (Upstream::start(), Postgres::start());
    let database = server.new_database();
    let url = format!("postgres://geovagt:${{file:secret}}@{}/{database}", server.address);
    let emergency = |text: String| {
        text.replace("two_approvers: [RU]", "two_approvers: [RU], emergency: {sites: [mail]}")
    };
    let start = || {
        let mut node = Node::prepare_with(&upstream, &url, emergency);
        node.0.run();
        node
    };
    let (one, two) = (start(), start());
    one.add_user("anna");
    let rejected = get(one.0.address("web"), "mail.example.dk", "/").from(CHINA).browser().send();
    assert_eq!(rejected.status, 403);
    let reference = rejected.header("geovagt-reference").unwrap();
    let call = |node: &Node, reference: &str| {
        let mut line = vec!["exemption", "emergency", "--reference", reference, "--person", "anna"];
        line.extend(["--caller-verified", "ringet op", "--by", "Bente"]);
        node.0.command(&line)
    };
    let refused = call(&two, "ZZZZ-ZZZZ").expect_code(1);
    assert!(refused.err.contains("no rejection with the reference"), "{}", refused.err);
    let begin = Instant::now();
    eventually("the other node finds the rejection", || call(&two, reference).code == 0);
    eprintln!("the rejection was found at the other node after {:?}", begin.elapsed());
    until_both("the emergency counts", &one, &two, 200);
}

#[test]
fn what_one_node_has_announced_binds_the_other() {
    let (upstream, server) = (Upstream::start(), Postgres::start());
    let database = server.new_database();
    let url = format!("postgres://geovagt:${{file:secret}}@{}/{database}", server.address);
    let reports = |text: String| {
        text.replace("standard: {list: cfcs}", "standard: {list: cfcs, mode: report_only}")
    };
    let mut one = Node::prepare_with(&upstream, &url, reports);
    one.0.run();
    let rejected = |node: &Node| {
        get(node.0.address("web"), "kilden.example.dk", "/").from(CHINA).send().status
    };
    assert_eq!(rejected(&one), 200);
    let mut two = Node::prepare_with(&upstream, &url, |text| text);
    two.0.run();
    assert_eq!(rejected(&two), 200, "the stricter mode waits for its notice");
    // On a database of its own nothing was announced, and it counts at once.
    let alone = Node::start(&upstream, server.address, &server.new_database());
    assert_eq!(rejected(&alone), 403);
    // Nor does a node that starts without the memory keep to what it took meanwhile.
    let mut server = server;
    server.stop();
    let mut three = Node::prepare_with(&upstream, &url, |text| text);
    three.0.run();
    assert_eq!(rejected(&three), 403, "without its memory it takes what is written");
    server.start_again();
    eventually("it asks the memory", || rejected(&three) == 200);
    eventually("it says that it is well", || !three.misses_its_store());
}

#[test]
fn the_database_has_to_prove_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "ours");
    let other = Authority::new(directory.path(), "other");
    let (right, wrong) = (authority.issue("localhost"), authority.issue("db.example.dk"));
    let upstream = Upstream::start();
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
    let start = |issued: &super::support::authority::Issued| {
        let files = [("s.crt", read(&issued.chain)), ("s.key", read(&issued.key))];
        let files: Vec<(&str, &str)> = files.iter().map(|(n, text)| (*n, text.as_str())).collect();
        let options = ["ssl=on", "ssl_cert_file=@/s.crt", "ssl_key_file=@/s.key"];
        Postgres::start_with_files(&options, &files)
    };
    let asks = |server: &Postgres, authority: &Authority, mode: &str| {
        let url = format!(
            "postgres://geovagt:${{file:secret}}@localhost:{}/postgres?{mode}&sslrootcert={}",
            server.address.port(),
            authority.file.display()
        );
        let node = Node::prepare_with(&upstream, &url, |text| text);
        node.0.command(&["user", "list", "--organization", "ballerup"])
    };
    let server = start(&right);
    asks(&server, &authority, "sslmode=verify-full").expect_code(0);
    let refused = asks(&server, &other, "sslmode=verify-full").expect_code(1);
    assert!(refused.err.contains("cannot be reached"), "{}", refused.err);
    assert!(!refused.err.contains(PASSWORD), "{}", refused.err);
    drop(server);
    let server = start(&wrong);
    let refused = asks(&server, &authority, "sslmode=verify-full").expect_code(1);
    assert!(refused.err.contains("certificate"), "{}", refused.err);
    asks(&server, &authority, "sslmode=verify-ca").expect_code(0);
    drop(server);
    // One that speaks no TLS at all is not asked either.
    let plain = Postgres::start();
    let refused = asks(&plain, &authority, "sslmode=verify-full").expect_code(1);
    assert!(refused.err.contains("TLS"), "{}", refused.err);
}
