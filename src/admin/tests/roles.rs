//! What somebody is, by whom and by which names they were proven; and who may use whom in the house.

use std::collections::BTreeMap;
use std::path::Path;

use crate::admin::access::{is_centre_operator, roles};
use crate::admin::fixture::configuration;
use crate::config::{self, Config, Role};
use crate::identity::Remembered;

const DIRECTORY: &str = "  local: {kind: local}
  ad: {kind: oidc, issuer: \"https://id.example.dk\", client_id: geovagt, client_secret: hemmeligt}
";

fn shared() -> Config {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gateway.yaml");
    let text = configuration("")
        .replace("identity: {local: {kind: local}}\n", &format!("identity:\n{DIRECTORY}"))
        .replace("identity_providers: [local]", "identity_providers: [local, ad]")
        .replace("[sofie.lind, alt.muligt]", "[sofie.lind, \"CN=Sikkerhed, OU=Grupper,DC=dk\"]")
        .replace("ballerup/cille.center", "ballerup/drift");
    std::fs::write(&file, text).unwrap();
    config::load(&file).unwrap_or_else(|findings| panic!("{findings:#?}")).config
}

fn held(
    config: &Config,
    organization: &str,
    provider: &str,
    names: &[&str],
) -> (BTreeMap<String, Vec<Role>>, bool) {
    let outside = (provider != "local").then(|| {
        serde_json::json!({"user_name": names[0], "sub": null, "sid": null, "multi_factor": true})
    });
    let proof = serde_json::json!({
        "organization": organization, "provider": provider, "subject": "s", "user_name": names[0],
        "groups": &names[1..], "epoch": 0, "at": "2026-11-22T12:00:00Z", "outside": outside,
    });
    let proof = Remembered::read(&proof.to_string()).unwrap();
    let person = proof.person().unwrap();
    let all = roles(config, &proof, &person).into_iter();
    let all = all.map(|(id, roles)| (id.to_string(), roles.into_iter().collect())).collect();
    (all, is_centre_operator(config, &proof, &person))
}

#[test]
fn a_name_counts_where_the_provider_that_proved_it_is_known() {
    let config = shared();
    let of = |organization: &str, provider: &str, names: &[&str]| {
        held(&config, organization, provider, names)
    };
    let only = |id: &str, role: Role| (BTreeMap::from([(id.to_owned(), vec![role])]), false);
    let nothing = (BTreeMap::new(), false);
    // A group gives a role, however the directory writes it.
    let group = "cn=sikkerhed,ou=Grupper,DC=DK";
    assert_eq!(of("ballerup", "ad", &["x", group]), only("ballerup", Role::Security));
    assert_eq!(of("ballerup", "ad", &["x", "cn=sikkerhed,ou=Andre,dc=dk"]), nothing);
    assert_eq!(of("ballerup", "ad", &["x", "Sikkerhed"]), nothing);
    // A local account of one organisation is nobody in the other, whatever it is called.
    assert_eq!(of("egedal", "local", &["kirsten.vang"]), nothing);
    assert_eq!(of("ballerup", "local", &["kirsten.vang"]), only("ballerup", Role::CaseOfficer));
    assert_eq!(of("ballerup", "local", &["eva.egedal"]), nothing);
    // A provider that both know proves the same person to both.
    let (both, _) = of("ballerup", "ad", &["eva.egedal"]);
    assert_eq!(both.keys().collect::<Vec<_>>(), ["egedal"]);
    // One that nobody knows any more proves nobody.
    assert_eq!(of("ballerup", "gone", &["kirsten.vang"]), nothing);
    // The centre's operators are those of the organisation that is named.
    assert!(of("ballerup", "ad", &["x", "Drift"]).1 && of("egedal", "ad", &["x", "drift"]).1);
    assert!(of("ballerup", "local", &["drift"]).1 && !of("egedal", "local", &["drift"]).1);
}

#[test]
fn the_gateway_and_the_administration_do_not_know_each_other() {
    fn sources(directory: &Path, visit: &mut dyn FnMut(&Path, &str)) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, visit);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                visit(&path, &std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut looked_at = 0;
    for (room, other) in
        [("admin", "gateway"), ("gateway", "admin"), ("store", "admin"), ("store", "gateway")]
    {
        sources(&source.join(room), &mut |path, text| {
            looked_at += 1;
            let named = format!("crate::{other}");
            let uses = text.match_indices(&named).any(|(at, _)| {
                let next = text[at + named.len()..].chars().next();
                next.is_none_or(|c| !c.is_alphanumeric() && c != '_')
            });
            assert!(!uses, "{} names {named}", path.display());
        });
    }
    assert!(looked_at > 100);
}
