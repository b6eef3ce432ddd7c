//! The configuration taken anew: whole, or not at all.

use super::support::client::get;
use super::support::gateway::{Gateway, Printed, configuration, eventually, today};
use super::support::places::{CHINA, DENMARK};
use super::support::upstream::Upstream;

const LIST: &str = r#"id: own
name: Egen liste
minimum_notice: 14d
versions:
  - version: "1"
    source: "Beslutning 1"
    adopted_by: "Udvalget"
    adopted_on: 2025-01-01
    announced_on: 2025-01-01
    effective_from: 2025-02-01
    territories: [CN]
"#;

struct Setting {
    gateway: Gateway,
    configuration: String,
    _upstream: Upstream,
}

/// A gateway whose list is its own.
fn running() -> Setting {
    running_with(|text| text)
}

fn running_with(change: impl FnOnce(String) -> String) -> Setting {
    let upstream = Upstream::start();
    let root = super::support::gateway::repository().display().to_string();
    let configuration = configuration(&upstream.url(), "")
        .replace(&format!("{{cfcs: \"{root}/config/lists/cfcs.yaml\"}}"), "{cfcs: own.yaml}");
    let configuration = change(configuration);
    let mut gateway = Gateway::prepare(&configuration);
    write_list(&gateway, LIST);
    gateway.run();
    Setting { gateway, configuration, _upstream: upstream }
}

fn second_version(announced: jiff::civil::Date, from: jiff::civil::Date, on: &str) -> String {
    format!(
        r#"  - version: "2"
    source: "Beslutning 2"
    adopted_by: "Udvalget"
    adopted_on: {announced}
    announced_on: {announced}
    effective_from: {from}
    territories: {on}
"#
    )
}

fn write_list(gateway: &Gateway, text: &str) {
    let text = text.replace("id: own", "id: cfcs");
    std::fs::write(gateway.directory().join("own.yaml"), text).unwrap();
}

impl Setting {
    fn write(&self, text: &str) {
        std::fs::write(self.gateway.config_file(), text).unwrap();
    }

    fn reload(&self) -> Printed {
        self.gateway.command(&["reload"])
    }

    fn status(&self, host: &str, from: &str) -> u16 {
        get(self.gateway.address("web"), host, "/").from(from).send().status
    }

    fn assert_unchanged(&self) {
        assert_eq!(self.status("kilden.example.dk", DENMARK), 200);
        assert_eq!(self.status("kilden.example.dk", CHINA), 403);
        assert_eq!(self.status("new.example.dk", DENMARK), 404);
    }

    /// The configuration with one more site.
    fn with_a_new_site(&self) -> String {
        let kilden = self.configuration.lines().find(|line| line.starts_with("  kilden:")).unwrap();
        let new = kilden.replace("kilden", "new");
        self.configuration.replace(kilden, &format!("{kilden}\n{new}"))
    }
}

#[test]
fn a_new_site_and_another_policy_take_effect() {
    let setting = running();
    setting.assert_unchanged();
    setting.write(&setting.with_a_new_site());
    let printed = setting.reload().expect_code(0);
    assert!(printed.out.contains("sites: 8 (before: 7)"), "{printed:?}");
    assert_eq!(setting.status("new.example.dk", DENMARK), 200);
    let lenient =
        setting.configuration.replacen("    policy: standard", "    policy: reporting", 1);
    assert_ne!(lenient, setting.configuration);
    setting.write(&lenient);
    setting.gateway.signal("HUP");
    eventually("the policy is another", || setting.status("kilden.example.dk", CHINA) == 200);
    assert_eq!(setting.status("new.example.dk", DENMARK), 404);
    eventually("each is in the log", || {
        let search = ["audit", "search", "--json", "--action", "policy_loaded"];
        setting.gateway.command(&search).expect_code(0).out.lines().count() == 3
    });
}

#[test]
fn a_hang_up_as_soon_as_it_is_ready_reloads() {
    let setting = running();
    setting.gateway.signal("HUP");
    setting.gateway.wait_for_log("it reloads", |line| {
        line["fields"]["message"] == "the configuration was taken anew"
    });
    setting.assert_unchanged();
}

#[test]
fn an_unknown_key_changes_nothing_and_is_shown_at_its_place() {
    let setting = running();
    setting.write(&(setting.with_a_new_site() + "colour: blue\n"));
    let printed = setting.reload().expect_code(1);
    assert!(printed.err.contains("colour") && printed.err.contains("gateway.yaml:"), "{printed:?}");
    setting.assert_unchanged();
    setting.gateway.signal("HUP");
    setting.gateway.wait_for_log("the refusal names the place", |line| {
        let error = line["fields"]["error"].as_str().unwrap_or_default();
        line["level"] == "ERROR" && error.contains("gateway.yaml:") && error.contains("colour")
    });
    setting.assert_unchanged();
    let metrics = get(setting.gateway.address("operations"), "localhost", "/metrics").send().text();
    assert!(metrics.contains(r#"geovagt_reloads_total{outcome="failure"} 1"#), "{metrics}");
    setting.write(&setting.with_a_new_site());
    setting.reload().expect_code(0);
    assert_eq!(setting.status("new.example.dk", DENMARK), 200);
}

#[test]
fn a_list_that_is_missing_or_empty_changes_nothing() {
    let setting = running();
    setting.write(&setting.with_a_new_site());
    std::fs::remove_file(setting.gateway.directory().join("own.yaml")).unwrap();
    let printed = setting.reload().expect_code(1);
    assert!(printed.err.contains("own.yaml"), "{printed:?}");
    setting.assert_unchanged();
    write_list(&setting.gateway, "");
    let printed = setting.reload().expect_code(1);
    assert!(printed.err.contains("own.yaml"), "{printed:?}");
    setting.assert_unchanged();
}

#[test]
fn what_breaks_the_announcement_lock_changes_nothing() {
    let setting = running();
    let today = today();
    let tomorrow = today.tomorrow().unwrap();
    setting.write(&setting.with_a_new_site());
    write_list(&setting.gateway, &(LIST.to_owned() + &second_version(today, tomorrow, "[CN, DK]")));
    let printed = setting.reload().expect_code(1);
    assert!(printed.err.contains("keeps its old configuration"), "{printed:?}");
    assert!(printed.err.contains("announcement lock refuses list `cfcs`"), "{printed:?}");
    setting.assert_unchanged();
}

#[test]
fn what_only_a_restart_can_change_is_refused_whole() {
    let setting = running();
    setting.write(&(setting.with_a_new_site() + "threads: 3\n"));
    let printed = setting.reload().expect_code(1);
    let named = "a reload cannot change threads, which";
    assert!(printed.err.contains(named), "{printed:?}");
    assert!(printed.err.contains("needs a restart"), "{printed:?}");
    setting.assert_unchanged();
}

#[test]
fn what_the_log_keeps_changes_with_a_reload() {
    let setting = running();
    let web = setting.gateway.address("web");
    let ask = |path: &str| get(web, "kilden.example.dk", path).from(DENMARK).send().status;
    let reload = |audit: &str| {
        setting.write(&format!("{}audit: {{{audit}}}\n", setting.configuration));
        setting.reload().expect_code(0);
    };
    assert_eq!(ask("/one?secret=1"), 200);
    reload("query_strings: true, flush: 1ms");
    assert_eq!(ask("/two?shown=2"), 200);
    reload("allowed: none");
    assert_eq!(ask("/three"), 200);
    reload("allowed: requests");
    assert_eq!(ask("/four"), 200);
    let mut found = String::new();
    eventually("the last is in the log", || {
        let search = ["audit", "search", "--json", "--action", "allowed"];
        found = setting.gateway.command(&search).expect_code(0).out;
        found.contains("\"/four\"")
    });
    assert!(found.contains("\"/one\"") && !found.contains("secret=1"), "{found}");
    assert!(found.contains("shown=2") && !found.contains("\"/three\""), "{found}");
}

#[test]
fn a_list_that_the_running_database_does_not_know_changes_nothing() {
    let root = super::support::gateway::repository().display().to_string();
    let bundled = format!("\"{root}/geoip/country.mmdb\"");
    let setting =
        running_with(|text| text.replace(&bundled, &format!("\"{root}/geoip/test-city.mmdb\"")));
    setting.write(&setting.with_a_new_site());
    let today = today();
    let later = today.checked_add(jiff::Span::new().days(60)).unwrap();
    write_list(&setting.gateway, &(LIST.to_owned() + &second_version(today, later, "[CN, AQ]")));
    let printed = setting.reload().expect_code(1);
    assert!(printed.err.contains("test-city.mmdb") && printed.err.contains("AQ"), "{printed:?}");
    assert_eq!(setting.status("new.example.dk", DENMARK), 404);
    write_list(&setting.gateway, LIST);
    setting.reload().expect_code(0);
}

#[test]
fn a_second_gateway_on_the_same_state_does_not_start() {
    let setting = running();
    let printed = setting.gateway.command(&["serve"]).expect_code(1);
    let said: Vec<&str> =
        printed.err.lines().filter(|line| line.starts_with("geovagt: ")).collect();
    assert_eq!(said.len(), 1, "{printed:?}");
    assert!(said[0].contains("audit log"), "{printed:?}");
    setting.assert_unchanged();
    setting.reload().expect_code(0);
}

#[test]
fn without_a_gateway_there_is_nobody_to_ask() {
    let mut setting = running();
    assert_eq!(setting.gateway.stop(), Some(0));
    let printed = setting.reload().expect_code(1);
    assert!(printed.err.contains("no gateway is running"), "{printed:?}");
    assert!(printed.err.contains("geovagt serve"), "{printed:?}");
    assert!(printed.err.contains("`state_directory` was changed"), "{printed:?}");
}
