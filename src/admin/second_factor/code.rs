//! Codes of six digits that a phone makes from a secret and the time (RFC 6238).

use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

use super::{Halfway, Pending};
use crate::admin::{Admin, Refusal};
use crate::clock;
use crate::policy::Actor;
use crate::store::{FactorKind, SecondFactorRecord};

/// What somebody copies into a phone.
pub(super) struct Enrolment {
    /// The picture, made by us.
    pub(super) svg: String,
    /// The secret in groups of four letters.
    pub(super) secret: String,
}

/// The secret that is being set up: the same until it is.
pub(super) async fn enrol(admin: &Admin, found: &Halfway) -> Result<Enrolment, Refusal> {
    let mut pending = Pending::of(&found.session);
    let known = pending.code.as_deref().and_then(|sealed| open(admin, sealed));
    let secret = match known {
        Some(secret) => secret,
        None => {
            let secret = Zeroizing::new(clock::random_bytes::<20>().to_vec());
            pending.code = Some(seal(admin, &secret)?);
            pending.keep(admin, &found.session).await?;
            secret
        }
    };
    let text = Zeroizing::new(Secret::from(secret.to_vec()).to_base32());
    let issuer = "geovagt";
    let account = form_urlencode(&format!("{issuer}:{}", found.name));
    let url = Zeroizing::new(format!(
        "otpauth://totp/{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period=30",
        text.trim_end_matches('=')
    ));
    let code = QrCode::with_error_correction_level(url.as_bytes(), EcLevel::M)
        .map_err(|error| Refusal::fault(&error))?;
    let svg = code
        .render()
        .dark_color(svg::Color("#000000"))
        .light_color(svg::Color("#ffffff"))
        .quiet_zone(false)
        .min_dimensions(200, 200)
        .build();
    // Within a page the declaration of XML has no place.
    let svg = svg.split_once("?>").map_or(svg.as_str(), |(_, rest)| rest).to_owned();
    let letters: Vec<char> = text.trim_end_matches('=').chars().collect();
    let groups: Vec<String> = letters.chunks(4).map(|four| four.iter().collect()).collect();
    Ok(Enrolment { svg, secret: groups.join(" ") })
}

/// Whether a code is right and was not taken before. At the first sign-in it also sets the secret up.
pub(super) async fn fits(admin: &Admin, found: &Halfway, typed: &str) -> Result<bool, Refusal> {
    let typed: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    let now = clock::now();
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let step_of = |secret: &[u8]| totp(secret)?.check(&typed, seconds);
    if found.factors.is_empty() {
        let pending = Pending::of(&found.session);
        let Some(sealed) = pending.code else { return Ok(false) };
        let Some(secret) = open(admin, &sealed) else { return Ok(false) };
        let Some(step) = step_of(&secret) else { return Ok(false) };
        let factor = SecondFactorRecord {
            id: uuid::Uuid::now_v7().to_string(),
            kind: FactorKind::Totp,
            label: "TOTP".to_owned(),
            secret: sealed,
            last_step: i64::try_from(step).unwrap_or_default(),
            created: now,
            used: None,
        };
        let by = Actor { name: found.name.as_str().to_owned(), operating_system_user: None };
        admin.store().add_second_factor(&found.person, &found.name, &factor, &by).await?;
        return Ok(true);
    }
    for factor in found.factors.iter().filter(|factor| factor.kind == FactorKind::Totp) {
        let Some(secret) = open(admin, &factor.secret) else {
            tracing::error!("the secret of a second factor cannot be opened; reset it");
            continue;
        };
        if let Some(step) = step_of(&secret) {
            let step = i64::try_from(step).unwrap_or_default();
            if admin.store().take_code(&factor.id, step, now).await? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn totp(secret: &[u8]) -> Option<Totp> {
    Builder::new().with_secret(secret.to_vec()).with_skew(1).build().ok()
}

fn seal(admin: &Admin, secret: &[u8]) -> Result<String, Refusal> {
    admin.authenticator().seal_factor(secret).ok_or(Refusal::Unavailable)
}

fn open(admin: &Admin, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
    admin.authenticator().open_factor(sealed)
}

fn form_urlencode(text: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    encoded.replace('+', "%20")
}
