//! Odd use of an exemption is flagged, and nobody loses access for it.

use serde_json::Value;

use crate::support::client::get;
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::places::{DENMARK, THAILAND};
use crate::support::upstream::Upstream;

const PASSWORD: &str = "en lang adgangskode 42";
const HOST: &str = "kilden.example.dk";
const VIETNAM: &str = "14.160.0.1";

fn status(gateway: &Gateway, place: &str) -> u16 {
    get(gateway.address("web"), HOST, "/").from(place).basic("anna.holm", PASSWORD).send().status
}

fn flags(gateway: &Gateway, id: &str) -> Vec<(String, String)> {
    let shown = gateway.command(&["exemption", "show", id, "--json"]).expect_code(0).json();
    let flags = shown["odd_use"].as_array().unwrap();
    let word = |flag: &Value, key: &str| flag[key].as_str().unwrap().to_owned();
    flags.iter().map(|flag| (word(flag, "kind"), word(flag, "detail"))).collect()
}

#[test]
fn two_countries_and_home_are_flagged_and_all_go_on_passing() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start(&configuration(&upstream.url(), ""));
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    let id = gateway.grant("anna.holm", "TH,VN", &["kilden"]);
    eventually("the traveller passes", || status(&gateway, THAILAND) == 200);
    assert_eq!(flags(&gateway, &id), []);
    assert_eq!(status(&gateway, VIETNAM), 200);
    let second = ("second_country".to_owned(), "VN after TH, not as planned".to_owned());
    eventually("a second country is flagged", || flags(&gateway, &id).contains(&second));
    assert_eq!(status(&gateway, DENMARK), 200);
    eventually("home and abroad is flagged", || {
        flags(&gateway, &id).iter().any(|(kind, _)| kind == "home_and_abroad")
    });
    let lines = gateway.command(&["exemption", "show", &id]).expect_code(0).out;
    assert!(lines.contains("second_country: VN after TH"), "{lines}");
    let entries = |gateway: &Gateway| {
        gateway.command(&["audit", "search", "--json", "--action", "odd_use"]).expect_code(0).out
    };
    eventually("both stand in the log", || entries(&gateway).lines().count() == 2);
    assert!(entries(&gateway).contains(&id) && entries(&gateway).contains("anna.holm"));
    let told = gateway.command(&["notices", "list", "--json", "--exemption", &id]).expect_code(0);
    assert!(told.out.contains("unexpected_country"), "{}", told.out);

    // The store remembers; another process flags the same day's no second time.
    let before = flags(&gateway, &id);
    gateway.stop();
    gateway.run();
    for place in [VIETNAM, DENMARK, THAILAND, VIETNAM] {
        eventually("nobody loses access", || status(&gateway, place) == 200);
    }
    gateway.stop();
    let later: Vec<_> = flags(&gateway, &id).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(later, before.into_iter().map(|(kind, _)| kind).collect::<Vec<_>>());
    assert_eq!(entries(&gateway).lines().count(), 2);
}
