//! Passkeys (WebAuthn). The browser's part is the one small script; codes work without it.

use axum::extract::{Request, State};
use axum::response::Response;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use url::Url;
use uuid::Uuid;
use webauthn_rs::prelude::{
    Passkey, PasskeyAuthentication, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Webauthn, WebauthnBuilder,
};

use super::{Halfway, Pending, halfway, open};
use crate::admin::shell::Asking;
use crate::admin::{Admin, Answer, Refusal, access, api, form, sign_in};
use crate::clock;
use crate::policy::{Actor, Person, UserName};
use crate::store::{FactorKind, SecondFactorRecord};

/// What a passkey was asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Asked {
    /// To be made.
    Registration(Box<PasskeyRegistration>),
    /// To be shown.
    Authentication(Box<PasskeyAuthentication>),
}

/// Whether the address has a name that a passkey can be bound to.
pub(super) fn is_possible(asked: &Asking) -> bool {
    webauthn(asked).is_some()
}

fn webauthn(asked: &Asking) -> Option<Webauthn> {
    let scheme = if asked.connection.secure { "https" } else { "http" };
    let origin = Url::parse(&format!("{scheme}://{}", asked.host.as_deref()?)).ok()?;
    let name = origin.domain()?.to_owned();
    let builder = WebauthnBuilder::new(&name, &origin).ok()?;
    builder.rp_name("geovagt").build().ok()
}

/// What the browser is to ask the device, and what we keep of it.
pub(super) fn ask(
    asked: &Asking,
    person: &Person,
    name: &UserName,
    factors: &[SecondFactorRecord],
    register: bool,
) -> Result<(serde_json::Value, Asked), Refusal> {
    let webauthn = webauthn(asked).ok_or(Refusal::NotFound)?;
    let known = passkeys(factors);
    if register {
        let have = known.iter().map(|(_, passkey)| passkey.cred_id().clone()).collect();
        let (options, state) = webauthn
            .start_passkey_registration(id_of(person), name.as_str(), name.as_str(), Some(have))
            .map_err(|error| Refusal::fault(&error))?;
        let body = json!({"kind": "create", "options": options});
        return Ok((body, Asked::Registration(Box::new(state))));
    }
    let known: Vec<Passkey> = known.into_iter().map(|(_, passkey)| passkey).collect();
    let (options, state) =
        webauthn.start_passkey_authentication(&known).map_err(|error| Refusal::fault(&error))?;
    Ok((json!({"kind": "get", "options": options}), Asked::Authentication(Box::new(state))))
}

/// Keeps a new passkey; false where the device's answer does not hold, or there are enough.
pub(super) async fn register(
    admin: &Admin,
    asked: &Asking,
    (person, name): (&Person, &UserName),
    state: &PasskeyRegistration,
    answer: &[u8],
) -> Result<bool, Refusal> {
    let webauthn = webauthn(asked).ok_or(Refusal::NotFound)?;
    let Ok(credential) = serde_json::from_slice::<RegisterPublicKeyCredential>(answer) else {
        return Ok(false);
    };
    let Ok(passkey) = webauthn.finish_passkey_registration(&credential, state) else {
        return Ok(false);
    };
    let secret = serde_json::to_string(&passkey).map_err(|error| Refusal::fault(&error))?;
    let now = clock::now();
    let factor = SecondFactorRecord {
        id: Uuid::now_v7().to_string(),
        kind: FactorKind::Passkey,
        label: asked.host.clone().unwrap_or_default(),
        secret,
        last_step: 0,
        created: now,
        used: None,
    };
    let by = Actor { name: name.as_str().to_owned(), operating_system_user: None };
    Ok(admin.store().add_second_factor(person, name, &factor, &by).await?)
}

/// Whether the device's answer holds.
async fn verify(
    admin: &Admin,
    asked: &Asking,
    found: &Halfway,
    state: &PasskeyAuthentication,
    answer: &[u8],
) -> Result<bool, Refusal> {
    let webauthn = webauthn(asked).ok_or(Refusal::NotFound)?;
    let Ok(credential) = serde_json::from_slice::<PublicKeyCredential>(answer) else {
        return Ok(false);
    };
    let Ok(result) = webauthn.finish_passkey_authentication(&credential, state) else {
        return Ok(false);
    };
    // One that was taken away meanwhile counts no longer.
    let mut known = passkeys(&found.factors);
    let used = known.iter_mut().find(|(_, passkey)| passkey.cred_id() == result.cred_id());
    let Some((id, passkey)) = used else { return Ok(false) };
    passkey.update_credential(&result);
    let secret = serde_json::to_string(passkey).map_err(|error| Refusal::fault(&error))?;
    admin.store().use_passkey(id, &secret, clock::now()).await?;
    Ok(true)
}

/// Asks the passkey of somebody who is halfway in, or lets the first one be made.
pub(super) async fn challenge_at_sign_in(State(admin): State<Admin>, request: Request) -> Answer {
    let asked = Asking::of(&request);
    drop(request);
    let found = entitled(&admin, &asked).await?;
    let register = found.factors.is_empty();
    if !register && !found.has(FactorKind::Passkey) {
        return Err(Refusal::NotFound);
    }
    let (body, state) = ask(&asked, &found.person, &found.name, &found.factors, register)?;
    let pending = Pending { passkey: Some(state), ..Pending::of(&found.session) };
    pending.keep(&admin, &found.session).await?;
    Ok(api::json(StatusCode::OK, &body))
}

/// Takes the device's answer, and signs in.
pub(super) async fn answer_at_sign_in(State(admin): State<Admin>, request: Request) -> Answer {
    let asked = Asking::of(&request);
    let answer = axum::body::to_bytes(request.into_body(), form::LARGEST)
        .await
        .map_err(|_| Refusal::TooLarge)?;
    let found = entitled(&admin, &asked).await?;
    let pending = Pending::of(&found.session);
    let state = pending.passkey.ok_or(Refusal::Forged)?;
    // A challenge counts once, whatever comes of it.
    Pending { code: pending.code, passkey: None }.keep(&admin, &found.session).await?;
    if !admin.store().count_code_attempt(&found.person, clock::now()).await? {
        return Err(Refusal::TooMany);
    }
    let person = (&found.person, &found.name);
    let holds = match &state {
        Asked::Registration(state) if found.factors.is_empty() => {
            register(&admin, &asked, person, state, &answer).await?
        }
        Asked::Registration(_) => false,
        Asked::Authentication(state) => verify(&admin, &asked, &found, state, &answer).await?,
    };
    if !holds {
        sign_in::record_failure(&admin, &found.person, &found.name, "passkey").await;
        return Err(Refusal::Forged);
    }
    let opened = open(&admin, &asked, &found, "passkey", "/").await?;
    let mut response: Response = api::json(StatusCode::OK, &json!({"done": true}));
    for cookie in opened.headers().get_all(header::SET_COOKIE) {
        response.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    Ok(response)
}

async fn entitled(admin: &Admin, asked: &Asking) -> Result<Halfway, Refusal> {
    let found = halfway(admin, asked).await?.ok_or(Refusal::SignInNeeded)?;
    access::is_same(asked.token(), &found.csrf())?;
    Ok(found)
}

fn passkeys(factors: &[SecondFactorRecord]) -> Vec<(String, Passkey)> {
    let passkeys = factors.iter().filter(|factor| factor.kind == FactorKind::Passkey);
    passkeys
        .filter_map(|factor| Some((factor.id.clone(), serde_json::from_str(&factor.secret).ok()?)))
        .collect()
}

/// The same for one person always, and no name.
fn id_of(person: &Person) -> Uuid {
    let digest = Sha256::digest(format!("geovagt passkey 1 {person:?}"));
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    Uuid::from_bytes(bytes)
}
