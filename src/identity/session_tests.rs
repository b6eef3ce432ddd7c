//! Sessions: what begins, carries on and ends them.

use super::*;

#[tokio::test]
async fn a_form_signs_in_and_the_session_says_who_it_is() {
    let scene = Scene::new().await;
    let ballerup = organization("ballerup");
    let guard = scene.authenticator.form_guard(&ballerup, &HeaderMap::new(), true);
    let headers = cookies(&guard.set_cookie.unwrap());
    let body =
        format!("name=Anna&password=rejsen+g%C3%A5r+til+Kina&next=/owa/&csrf={}", guard.token);
    let form = scene.authenticator.read_form(&ballerup, &headers, true, body.as_bytes()).unwrap();
    assert_eq!(form.next().as_str(), "/owa/");
    let attempt = Attempt {
        organization: &ballerup,
        client: "203.0.113.1".parse().unwrap(),
        eligible: &|_| true,
        holders: &|_| {},
        now: at(0),
    };
    let Outcome::Proven(identity) = scene.authenticator.form(attempt, form).await else {
        panic!("not proven")
    };
    assert_eq!(identity.how(), How::Form);
    let headers = cookies(&scene.authenticator.new_session(&identity, true, at(0)).unwrap());
    let session = scene.session(&headers, 60).unwrap();
    assert_eq!((session.person(), session.user_name()), (identity.person(), &name("anna")));
    assert_eq!((session.how(), session.at()), (How::Session, at(0)));
}

#[tokio::test]
async fn a_session_belongs_to_one_organization_and_one_key() {
    let scene = Scene::new().await;
    let headers = scene.signed_in(0).await;
    assert!(scene.session(&headers, 1).is_some());
    let elsewhere = scene.authenticator.session(&organization("egedal"), &headers, true, at(1));
    assert_eq!(elsewhere, None);
    assert_eq!(
        scene.authenticator.session(&organization("ballerup"), &headers, false, at(1)),
        None
    );
    let file = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(scene.state.path().join(crate::store::FILE_NAME));
    let raw = sqlx::SqlitePool::connect_with(file).await.unwrap();
    sqlx::query("DELETE FROM shared_keys").execute(&raw).await.unwrap();
    let other = Scene::open(&scene.store, &scene.function, generous()).await;
    assert_eq!(other.session(&organization("ballerup"), &headers, true, at(1)), None);
}

#[tokio::test]
async fn a_session_survives_a_restart() {
    let scene = Scene::new().await;
    let headers = scene.signed_in(0).await;
    let other = Scene::open(&scene.store, &scene.function, generous()).await;
    assert!(other.session(&organization("ballerup"), &headers, true, at(1)).is_some());
}

#[tokio::test]
async fn a_session_ends_with_idleness_and_with_its_age_however_often_it_is_renewed() {
    let scene = Scene::new().await;
    let mut headers = scene.signed_in(0).await;
    assert!(scene.session(&headers, 3599).is_some());
    assert_eq!(scene.session(&headers, 3600), None);
    let identity = scene.session(&headers, 299).unwrap();
    assert_eq!(scene.authenticator.renew(&identity, true, at(299)), None);
    let mut now = 0;
    loop {
        now += 1800;
        let Some(identity) = scene.session(&headers, now) else { break };
        headers = cookies(&scene.authenticator.renew(&identity, true, at(now)).unwrap());
    }
    assert_eq!(now, 12 * 3600);
    let by_password = scene.identity(now).await;
    assert_eq!(scene.authenticator.renew(&by_password, true, at(now + 1800)), None);
}

#[tokio::test]
async fn a_changed_locked_or_removed_account_ends_its_sessions() {
    let (ballerup, anna) = (organization("ballerup"), name("anna"));
    for change in ["password", "lock and unlock", "remove", "remove and add"] {
        let scene = Scene::new().await;
        let headers = scene.signed_in(0).await;
        let (store, by, kept) = (&scene.store, by(), format!("kept:{PASSWORD}"));
        match change {
            "password" => store.set_password(&ballerup, &anna, &kept, &by, at(1)).await.unwrap(),
            "lock and unlock" => {
                store.set_locked(&ballerup, &anna, true, &by, at(1)).await.unwrap();
                store.set_locked(&ballerup, &anna, false, &by, at(1)).await.unwrap();
            }
            _ => store.remove_account(&ballerup, &anna, &by, at(1)).await.unwrap(),
        }
        if change == "remove and add" {
            let account = NewAccount { organization: &ballerup, name: &anna, password_hash: &kept };
            store.add_account(&account, &by, at(1)).await.unwrap();
        }
        assert!(scene.session(&headers, 2).is_some(), "{change}: before the reload");
        scene.authenticator.reload(at(2)).await.unwrap();
        assert_eq!(scene.session(&headers, 2), None, "{change}");
    }
}

#[tokio::test]
async fn an_organization_that_no_longer_uses_local_accounts_ends_its_sessions() {
    let scene = Scene::new().await;
    let headers = scene.signed_in(0).await;
    let mut left = providers();
    left.remove(&organization("ballerup"));
    scene.authenticator.reload_with(left, at(1)).await.unwrap();
    assert_eq!(scene.session(&headers, 1), None);
    assert_eq!(why(scene.basic("anna", PASSWORD, 1).await), Why::UnknownAccount);
    let mut renamed = providers();
    renamed.insert(organization("ballerup"), ProviderId::parse("other").unwrap());
    scene.authenticator.reload_with(renamed, at(1)).await.unwrap();
    assert_eq!(scene.session(&headers, 1), None, "the person would be another");
}

#[tokio::test]
async fn signing_out_ends_the_session_everywhere_and_no_other() {
    let scene = Scene::new().await;
    let headers = scene.signed_in(0).await;
    let other_device = scene.signed_in(0).await;
    let identity = scene.session(&headers, 400).unwrap();
    let renewed = cookies(&scene.authenticator.renew(&identity, true, at(400)).unwrap());
    let removal = scene.authenticator.end_session(&headers, true, at(500)).await;
    assert!(removal.to_str().unwrap().starts_with("__Host-geovagt=; Max-Age=0"));
    assert_eq!(scene.session(&headers, 501), None);
    assert_eq!(scene.session(&renewed, 501), None, "a copy from before does not live on");
    assert!(scene.session(&other_device, 501).is_some());
    let restarted = Scene::open(&scene.store, &scene.function, generous()).await;
    assert_eq!(restarted.session(&organization("ballerup"), &headers, true, at(501)), None);
    scene.authenticator.reload(at(502)).await.unwrap();
    assert_eq!(scene.session(&headers, 502), None);
}

#[tokio::test]
async fn signing_out_holds_in_this_process_when_the_store_is_gone() {
    let scene = Scene::new().await;
    let headers = scene.signed_in(0).await;
    scene.store.close().await;
    scene.authenticator.end_session(&headers, true, at(1)).await;
    assert_eq!(scene.session(&headers, 2), None);
    assert!(scene.authenticator.reload(at(2)).await.is_err());
    assert!(matches!(scene.basic("anna", PASSWORD, 2).await, Outcome::Proven(_)));
}

#[tokio::test]
async fn a_sign_out_that_the_store_missed_reaches_the_other_nodes_later() {
    let scene = Scene::new().await;
    let headers = scene.signed_in(0).await;
    let other = Scene::open(&scene.store, &scene.function, generous()).await;
    let there = |now| other.session(&organization("ballerup"), &headers, true, at(now)).is_some();
    let file = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(scene.state.path().join(crate::store::FILE_NAME));
    let raw = sqlx::SqlitePool::connect_with(file).await.unwrap();
    sqlx::query("ALTER TABLE ended_sessions RENAME TO away").execute(&raw).await.unwrap();
    scene.authenticator.end_session(&headers, true, at(1)).await;
    assert!(scene.authenticator.tell_sign_outs(at(2)).await.is_err());
    sqlx::query("ALTER TABLE away RENAME TO ended_sessions").execute(&raw).await.unwrap();
    other.reload(at(3)).await.unwrap();
    assert!(there(3));
    scene.authenticator.tell_sign_outs(at(4)).await.unwrap();
    other.reload(at(5)).await.unwrap();
    assert!(!there(5));
    scene.authenticator.tell_sign_outs(at(6)).await.unwrap();
    assert_eq!(scene.store.ended_sessions().await.unwrap().clear.len(), 1);
}

#[tokio::test]
async fn what_is_remembered_of_ended_sessions_is_forgotten_with_them() {
    let scene = Scene::new().await;
    let headers = scene.signed_in(0).await;
    scene.authenticator.end_session(&headers, true, at(1)).await;
    assert_eq!(scene.authenticator.ended().len(), 1);
    let later = at(0) + SignedDuration::from_hours(13);
    scene.authenticator.reload(later).await.unwrap();
    assert!(scene.authenticator.ended().is_empty());
    let rubbish = {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static("__Host-geovagt=rubbish"));
        headers
    };
    scene.authenticator.end_session(&rubbish, true, at(1)).await;
    assert!(scene.authenticator.ended().is_empty());
}
