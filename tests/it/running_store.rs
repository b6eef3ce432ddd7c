//! The store beside the traffic: changes are seen, and its loss changes nothing.

use super::support::client::{Answer, get};
use super::support::gateway::{Gateway, configuration, eventually};
use super::support::places::{CHINA, DENMARK};
use super::support::upstream::Upstream;

const PASSWORD: &str = "en meget lang adgangskode";

struct Setting {
    gateway: Gateway,
    _upstream: Upstream,
}

fn running() -> Setting {
    let upstream = Upstream::start();
    // China takes two people here; Thailand would do as well, but its address is China's here.
    let configuration = configuration(&upstream.url(), "")
        .replace("two_approvers: [RU, CN]", "two_approvers: [RU]");
    let gateway = Gateway::start(&configuration);
    gateway.add_user("anna", "ballerup", PASSWORD);
    Setting { gateway, _upstream: upstream }
}

impl Setting {
    fn travels(&self) -> Answer {
        get(self.gateway.address("web"), "mail.example.dk", "/")
            .from(CHINA)
            .basic("anna", PASSWORD)
            .send()
    }

    fn readiness(&self) -> Answer {
        get(self.gateway.address("operations"), "localhost", "/readyz").send()
    }

    fn store_is_ready(&self) -> bool {
        let parts = self.readiness().json()["parts"].clone();
        parts.as_array().unwrap().iter().find(|part| part["name"] == "store").unwrap()["ready"]
            == true
    }

    /// An exemption that ends in so many seconds.
    fn grant_for(&self, seconds: i64) -> String {
        let now = jiff::Timestamp::now();
        let from = now - jiff::SignedDuration::from_hours(1);
        let until = now + jiff::SignedDuration::from_secs(seconds);
        let leg = format!("CN {from:.0}..{until:.0}");
        self.gateway.grant_leg("anna", &leg, &["mail"], &[])
    }

    /// Writes over the file that the gateway has open.
    fn spoil_the_store(&self) {
        let state = self.gateway.directory().join("state");
        let mut spoilt = 0;
        for entry in std::fs::read_dir(&state).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.contains(".sqlite") || name.contains(".db") {
                let length = std::fs::metadata(&path).unwrap().len();
                let rubbish = vec![0xa5; usize::try_from(length).unwrap().max(4096)];
                std::fs::write(&path, rubbish).unwrap();
                spoilt += 1;
            }
        }
        assert!(spoilt > 0, "the store has another name: {:?}", std::fs::read_dir(&state));
    }
}

#[test]
fn a_grant_and_a_revocation_are_seen_by_the_running_gateway() {
    let setting = running();
    assert_eq!(setting.travels().status, 403);
    let id = setting.gateway.grant("anna", "CN", &["mail"]);
    eventually("the exemption counts", || setting.travels().status == 200);
    setting.gateway.command(&["exemption", "revoke", &id, "--reason", "hjemme"]).expect_code(0);
    eventually("the revocation counts", || setting.travels().status == 403);
    setting.gateway.command(&["reload"]).expect_code(0);
    assert_eq!(setting.travels().status, 403);
    let log = setting.gateway.command(&["audit", "search", "--json", "--user", "anna"]);
    for action in ["exemption_granted", "exemption_revoked"] {
        assert!(log.out.contains(action), "{action}: {}", log.out);
    }
}

#[test]
fn reloads_beside_changes_lose_no_change() {
    let setting = running();
    for _ in 0..4 {
        let id = setting.gateway.grant("anna", "CN", &["mail"]);
        setting.gateway.signal("HUP");
        eventually("the exemption counts", || setting.travels().status == 200);
        setting.gateway.signal("HUP");
        setting.gateway.command(&["exemption", "revoke", &id, "--reason", "hjem"]).expect_code(0);
        setting.gateway.command(&["reload"]).expect_code(0);
        assert_eq!(setting.travels().status, 403, "a reload has read what was revoked before it");
    }
}

#[test]
fn without_its_store_traffic_goes_on_and_exemptions_end_on_time() {
    let setting = running();
    setting.grant_for(8);
    eventually("the exemption counts", || setting.travels().status == 200);
    assert!(setting.store_is_ready());
    setting.spoil_the_store();
    eventually("the loss is noticed", || !setting.store_is_ready());
    assert_eq!(setting.readiness().status, 503);
    setting.gateway.wait_for_log("an error says so", |line| {
        let message = line["fields"]["message"].as_str().unwrap_or_default();
        line["level"] == "ERROR" && message.starts_with("the store does not answer")
    });
    let denmark = || {
        let web = setting.gateway.address("web");
        get(web, "kilden.example.dk", "/").from(DENMARK).send().status
    };
    assert_eq!(denmark(), 200);
    eventually("the exemption ends without the store", || setting.travels().status == 403);
    assert_eq!(denmark(), 200);
}

/// Says something to the store behind the gateway's back, as somebody who edits it by hand.
fn edit(gateway: &Gateway, sql: &'static str) {
    let file = gateway.directory().join("state/geovagt.sqlite3");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let file = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
        let pool = sqlx::SqlitePool::connect_with(file).await.unwrap();
        sqlx::query(sql).execute(&pool).await.unwrap();
        pool.close().await;
    });
}

#[test]
fn a_row_that_cannot_be_read_keeps_no_revocation_from_taking_effect_and_is_told_of() {
    let setting = running();
    let id = setting.grant_for(3600);
    eventually("the traveller passes", || setting.travels().status == 200);
    edit(
        &setting.gateway,
        "INSERT INTO person_ends VALUES ('ballerup', 'local', 'somebody', 'yesterday');",
    );
    edit(&setting.gateway, "INSERT INTO ended_sessions VALUES ('a', 'never');");
    edit(
        &setting.gateway,
        "INSERT INTO provider_logouts VALUES ('entra', 'session', 's', 'once');",
    );
    let other = setting.grant_for(3600);
    let detail = || {
        let parts = setting.readiness().json()["parts"].clone();
        let parts = parts.as_array().unwrap().clone();
        parts.into_iter().find(|part| part["name"] == "store").unwrap()
    };
    eventually("readiness tells", || detail()["warning"] == true);
    let told = detail();
    assert!(told["detail"].as_str().unwrap().contains("3 rows"), "{told}");
    assert_eq!(told["ready"], true);
    assert_eq!(setting.travels().status, 200);
    for id in [&id, &other] {
        let revoke = ["exemption", "revoke", id, "--reason", "x"];
        setting.gateway.command(&revoke).expect_code(0);
    }
    eventually("the revocation counts", || setting.travels().status == 403);
}
