//! Each rule of a token by itself.

use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};

use super::*;
use crate::config::{ClaimNames, MultiFactor, Reach};

const ISSUER: &str = "https://login.example.dk";

struct Scene {
    rules: TokenRules,
    pair: rcgen::KeyPair,
    keys: KeySet,
    now: Timestamp,
}

impl Scene {
    fn new() -> Self {
        use base64::Engine as _;
        let encode = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let point = pair.public_key_raw();
        let keys = json!({"keys": [{
            "kty": "EC", "crv": "P-256", "kid": "a",
            "x": encode(&point[1..33]), "y": encode(&point[33..]),
        }]});
        let keys = KeySet::read(keys.to_string().as_bytes(), "x").unwrap();
        let names = ["sub", "upn", "name", "email", "phone_number", "groups"].map(str::to_owned);
        let [subject, user_name, name, mail, telephone, groups] = names;
        let rules = TokenRules {
            issuer: ISSUER.to_owned(),
            algorithms: vec![SigningAlgorithm::Es256],
            clock_skew: std::time::Duration::from_secs(60),
            claims: ClaimNames { subject, user_name, name, mail, telephone, groups },
            groups: Vec::new(),
            multi_factor: MultiFactor { amr: vec!["mfa".into()], acr: vec!["2".into()] },
            reach: Reach { timeout: std::time::Duration::from_secs(1), ca: None },
        };
        Self { rules, pair, keys, now: "2026-11-22T12:00:00Z".parse().unwrap() }
    }

    fn claims(&self) -> Value {
        let now = self.now.as_second();
        json!({"iss": ISSUER, "aud": "geovagt", "iat": now, "exp": now + 60, "sub": "s"})
    }

    fn sign(&self, change: impl Fn(&mut Header), claims: &Value) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some("a".to_owned());
        change(&mut header);
        let key = EncodingKey::from_ec_der(&self.pair.serialize_der());
        jsonwebtoken::encode(&header, claims, &key).unwrap()
    }

    fn taken(&self, token: &str, purpose: Purpose) -> Result<Claims, TokenError> {
        let audiences = ["geovagt".to_owned()];
        let expected =
            Expected { rules: &self.rules, audiences: &audiences, purpose, now: self.now };
        verify(token, &header(token, &expected)?, &self.keys, &expected)
    }
}

#[test]
fn one_kind_of_token_never_passes_for_another() {
    let scene = Scene::new();
    let taken = |kind: Option<&str>, purpose| {
        let token = scene.sign(|header| header.typ = kind.map(str::to_owned), &scene.claims());
        scene.taken(&token, purpose).is_ok()
    };
    for (kind, id, logout, access) in [
        (None, true, true, true),
        (Some("JWT"), true, true, true),
        (Some("at+jwt"), false, false, true),
        (Some("application/AT+JWT"), false, false, true),
        (Some("logout+jwt"), false, true, false),
        (Some("secevent+jwt"), false, false, false),
        (Some("dpop+jwt"), false, false, false),
    ] {
        let found = [Purpose::Id, Purpose::Logout, Purpose::Access].map(|p| taken(kind, p));
        assert_eq!(found, [id, logout, access], "{kind:?}");
    }
}

#[test]
fn a_token_says_who_it_is_from_for_whom_and_until_when() {
    let scene = Scene::new();
    let now = scene.now.as_second();
    let taken = |purpose, change: &dyn Fn(&mut Value)| {
        let mut claims = scene.claims();
        change(&mut claims);
        scene.taken(&scene.sign(|_| {}, &claims), purpose).err()
    };
    let claim = |name: &str| Some(TokenError::Claim(name.to_owned()));
    for purpose in [Purpose::Id, Purpose::Logout, Purpose::Access] {
        assert_eq!(taken(purpose, &|_| {}), None, "{purpose:?}");
        assert_eq!(taken(purpose, &|c| c["aud"] = json!("x")), Some(TokenError::Audience));
        assert_eq!(taken(purpose, &|c| c["aud"] = json!([])), Some(TokenError::Audience));
        assert_eq!(taken(purpose, &|c| c["aud"] = json!([7])), claim("aud"));
        assert_eq!(taken(purpose, &|c| c["iss"] = json!("x")), Some(TokenError::Issuer));
        assert_eq!(taken(purpose, &|c| c["iss"] = json!([ISSUER])), claim("iss"));
        assert_eq!(taken(purpose, &|c| c["exp"] = json!(now - 60)), Some(TokenError::Expired));
        assert_eq!(taken(purpose, &|c| c["exp"] = json!(now - 59)), None);
        assert_eq!(taken(purpose, &|c| c["exp"] = json!("later")), claim("exp"));
        assert_eq!(taken(purpose, &|c| c["exp"] = json!(1e300)), claim("exp"));
        assert_eq!(taken(purpose, &|c| c["nbf"] = json!(now + 61)), Some(TokenError::NotYet));
        assert_eq!(taken(purpose, &|c| c["iat"] = json!(now + 61)), Some(TokenError::NotYet));
        assert_eq!(taken(purpose, &|c| c["nbf"] = json!(now + 60)), None);
    }
    let no_end = |c: &mut Value| drop(c.as_object_mut().unwrap().remove("exp"));
    assert_eq!(taken(Purpose::Access, &no_end), claim("exp"));
    assert_eq!(taken(Purpose::Id, &no_end), claim("exp"));
    assert_eq!(taken(Purpose::Logout, &no_end), None);
    let old = |c: &mut Value| c["iat"] = json!(now - 661);
    assert_eq!(taken(Purpose::Id, &old), Some(TokenError::Expired));
    assert_eq!(taken(Purpose::Logout, &old), Some(TokenError::Expired));
    assert_eq!(taken(Purpose::Access, &old), None);
    let several = |c: &mut Value| c["aud"] = json!(["geovagt", "x"]);
    assert_eq!(taken(Purpose::Id, &several), Some(TokenError::Audience));
    assert_eq!(taken(Purpose::Access, &several), None);
    let asked = |c: &mut Value| {
        c["aud"] = json!(["geovagt", "x"]);
        c["azp"] = json!("geovagt");
    };
    assert_eq!(taken(Purpose::Id, &asked), None);
}

#[test]
fn the_configuration_says_how_it_is_signed_and_the_token_does_not() {
    let mut scene = Scene::new();
    let token = scene.sign(|_| {}, &scene.claims());
    let critical = scene.sign(|h| h.crit = Some(vec!["exp".to_owned()]), &scene.claims());
    assert_eq!(scene.taken(&critical, Purpose::Id), Err(TokenError::Malformed));
    let unknown = scene.sign(|h| h.kid = Some("b".to_owned()), &scene.claims());
    assert_eq!(scene.taken(&unknown, Purpose::Id), Err(TokenError::UnknownKey));
    assert!(scene.taken(&scene.sign(|h| h.kid = None, &scene.claims()), Purpose::Id).is_ok());
    scene.rules.algorithms = vec![SigningAlgorithm::Rs256];
    assert_eq!(scene.taken(&token, Purpose::Id), Err(TokenError::Algorithm));
    scene.rules.algorithms = vec![SigningAlgorithm::Es256];
    let long = format!("{token}{}", "A".repeat(LONGEST));
    assert_eq!(scene.taken(&long, Purpose::Id), Err(TokenError::Malformed));
    for rubbish in ["", ".", "..", "a.b.c", "....", "e30.e30.e30"] {
        assert!(scene.taken(rubbish, Purpose::Id).is_err(), "{rubbish:?}");
    }
}

#[test]
fn more_than_a_password_is_what_the_configuration_says_it_is() {
    let scene = Scene::new();
    let multi_factor = |change: &dyn Fn(&mut Value)| {
        let mut claims = scene.claims();
        change(&mut claims);
        let claims = claims.as_object().unwrap().clone();
        super::super::known::read(&claims, &scene.rules).map(|described| described.multi_factor)
    };
    assert_eq!(multi_factor(&|_| {}), Ok(false));
    assert_eq!(multi_factor(&|c| c["amr"] = json!(["pwd"])), Ok(false));
    assert_eq!(multi_factor(&|c| c["amr"] = json!(["pwd", "mfa"])), Ok(true));
    assert_eq!(multi_factor(&|c| c["amr"] = json!("mfa")), Ok(true));
    assert_eq!(multi_factor(&|c| c["amr"] = json!("pwd mfa")), Ok(false));
    assert_eq!(multi_factor(&|c| c["acr"] = json!("2")), Ok(true));
    assert_eq!(multi_factor(&|c| c["acr"] = json!("mfa")), Ok(false));
    for wrong in [json!({"mfa": true}), json!(["mfa", 1]), json!(true)] {
        assert!(multi_factor(&|c| c["amr"] = wrong.clone()).is_err(), "{wrong}");
    }
    assert!(multi_factor(&|c| c["acr"] = json!(2)).is_err());
}

#[test]
fn a_mail_address_that_nobody_has_verified_is_no_user_name() {
    let mut scene = Scene::new();
    let named = |scene: &Scene, more: Value| {
        let mut claims = scene.claims().as_object().unwrap().clone();
        claims.extend(more.as_object().unwrap().clone());
        let described = super::super::known::read(&claims, &scene.rules).unwrap();
        described.user_name.as_str().to_owned()
    };
    for user_name in ["upn", "email"] {
        scene.rules.claims.user_name = user_name.to_owned();
        let own = json!({"email": "anna@example.dk"});
        assert_eq!(named(&scene, own), "s", "{user_name}");
        for verified in [json!(false), json!(null), json!("true"), json!(1)] {
            let own = json!({"email": "anna@example.dk", "email_verified": verified});
            assert_eq!(named(&scene, own), "s", "{user_name} {verified}");
        }
        let verified = json!({"email": "anna@example.dk", "email_verified": true});
        assert_eq!(named(&scene, verified), "anna@example.dk", "{user_name}");
    }
    // What is said to be verified is `email`, and no other claim.
    scene.rules.claims.mail = "alias".to_owned();
    scene.rules.claims.user_name = "upn".to_owned();
    assert_eq!(named(&scene, json!({"alias": "anna@example.dk", "email_verified": true})), "s");
}
