use super::*;
use crate::config::{SourceFile, examine_list};
use crate::lists::{difference, entra};

#[derive(Debug)]
struct Chosen {
    list: CountryList,
    unknown_location: Admission,
}

fn chosen(territories: &str, unknown_location: Admission) -> Chosen {
    let text = format!(
        "id: cfcs\nname: Lande på listen\nversions:\n  - {{version: \"2025-05\", source: paper, adopted_by: b, adopted_on: 2025-03-27, announced_on: 2025-03-27, effective_from: 2025-05-12, territories: [{territories}]}}\n"
    );
    let list = examine_list(None, &SourceFile::new("l.yaml", &text)).unwrap().list;
    Chosen { list, unknown_location }
}

fn exported(chosen: &Chosen) -> Exported<'_> {
    let (list, unknown_location) = (&chosen.list, chosen.unknown_location);
    Exported { list, version: &list.versions()[0], unknown_location, database: None }
}

#[test]
fn nginx_gets_a_map_that_names_what_is_unknown() {
    let deny = chosen("RU, RU-CE, NO", Admission::Deny);
    insta::assert_snapshot!(exported(&deny).nginx(), @r#"
    # Lande på listen (cfcs), version 2025-05, 3 entries
    # paper
    # RU-CE (Chechnya) is covered by RU
    # needs: geoip2 … { $geoip2_data_country_code country iso_code; }
    map $geoip2_data_country_code $geovagt_listed {
        default 0;
        "" 1; # not in the database
        NO 1; # Norge
        RU 1; # Rusland
    }
    "#);
    let allow = chosen("RU", Admission::Allow);
    assert!(exported(&allow).nginx().contains("    \"\" 0;"));
}

#[test]
fn haproxy_gets_one_code_a_line() {
    insta::assert_snapshot!(exported(&chosen("RU, RU-CE, NO", Admission::Deny)).haproxy(), @"
    # Lande på listen (cfcs), version 2025-05, 3 entries
    # paper
    # RU-CE (Chechnya) is covered by RU
    # acl listed var(txn.country) -m str -f THIS_FILE
    # acl located var(txn.country) -m len 2
    # http-request deny if listed or !located
    NO
    RU
    ");
    let allow = chosen("RU", Admission::Allow);
    assert!(!exported(&allow).haproxy().contains("located"));
}

#[test]
fn csv_tells_subdivisions_and_quotes() {
    assert_eq!(
        exported(&chosen("RU-CE, CI", Admission::Deny)).csv(),
        "code,level,name_da,name_en\nCI,3166-1,Elfenbenskysten,Ivory Coast\nRU-CE,3166-2,Tjetjenien,Chechnya\n"
    );
    assert_eq!(field("a, \"b\""), "\"a, \"\"b\"\"\"");
}

#[test]
fn what_entra_gets_compares_as_the_same() {
    for unknown in [Admission::Deny, Admission::Allow] {
        let ours = chosen("RU, RU-CE, CN", unknown);
        let location = entra::read(&exported(&ours).entra().unwrap(), None).unwrap();
        assert_eq!(location.countries_and_regions, ["CN", "RU"]);
        assert_eq!(location.include_unknown_countries_and_regions, unknown == Admission::Deny);
        assert!(difference::is_same(&ours.list, ours.unknown_location, &location));
    }
}

#[test]
fn a_subdivision_alone_is_not_left_open_in_silence() {
    let only = chosen("RU-CE, CN", Admission::Deny);
    for format in [Format::Nginx, Format::Haproxy, Format::Entra] {
        assert_eq!(names(&exported(&only).invisible(format)), "RU-CE (Chechnya)");
    }
    assert!(exported(&only).invisible(Format::Csv).is_empty());
    let covered = chosen("RU-CE, RU", Admission::Deny);
    assert!(exported(&covered).invisible(Format::Nginx).is_empty());
}

#[test]
fn nftables_gets_the_networks_of_the_database() {
    let requirements = Requirements::new("2026-11-22T00:00:00Z".parse().unwrap());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("geoip/test-city.mmdb");
    let database = Database::open(&path, &requirements).unwrap();
    let ours = chosen("RU, CN", Admission::Deny);
    let version = &ours.list.versions()[0];
    let networks = listed(&database, &version.territories);
    assert!(!networks.ipv4.is_empty() && !networks.ipv6.is_empty());
    for network in &networks.ipv4 {
        for address in [network.network(), network.broadcast()] {
            let known = crate::client_address::KnownAddress::new(address.into()).unwrap();
            let located = database.locate(&crate::client_address::ClientAddress::Known(known));
            assert!(version.territories.covering(located.location).is_some(), "{address}");
        }
    }
    let text = exported(&ours).nftables(&networks);
    assert!(text.contains(
        "  set listed_ipv4 {\n    type ipv4_addr\n    flags interval\n    elements = {\n"
    ));
    assert!(text.contains(&format!("      {},\n", networks.ipv4[0])));
    assert_eq!(text.matches('{').count(), text.matches('}').count());
}

#[test]
fn an_empty_set_and_a_title_with_control_characters_stay_readable() {
    let mut text = String::new();
    set(&mut text, "x", "ipv4_addr", &Vec::<String>::new());
    assert_eq!(text, "  set x {\n    type ipv4_addr\n    flags interval\n  }\n");
    assert_eq!(one_line("a\nb\u{1b}c"), "a b c");
}
