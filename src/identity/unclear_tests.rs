//! Rows that end something and cannot be read: what they may be about has ended, everything else
//! goes on, and what others have ended takes effect.

use super::*;

async fn raw(scene: &Scene) -> sqlx::SqlitePool {
    let file = scene.state.path().join(crate::store::FILE_NAME);
    sqlx::SqlitePool::connect_with(sqlx::sqlite::SqliteConnectOptions::new().filename(file))
        .await
        .unwrap()
}

async fn run(scene: &Scene, sql: &'static str) {
    sqlx::query(sql).execute(&raw(scene).await).await.unwrap();
    scene.authenticator.reload(at(20)).await.unwrap();
}

async fn person(scene: &Scene, user: &str) -> Person {
    match scene.basic(user, PASSWORD, 2).await {
        Outcome::Proven(identity) => identity.person().clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_person_whose_end_cannot_be_read_has_ended_and_nobody_else() {
    let scene = Scene::new().await;
    let (anna, bo) = (person(&scene, "anna").await, person(&scene, "bo").await);
    let end = async |person: &Person, now| {
        scene.store.end_person(person, &name("x"), "x", &by(), at(now)).await.unwrap();
        scene.authenticator.reload(at(now)).await.unwrap();
    };
    end(&anna, 5).await;
    assert!(scene.authenticator.counts(&anna, at(6)));
    run(&scene, "UPDATE person_ends SET at = 'yesterday'").await;
    assert_eq!(scene.authenticator.unclear_ends(), 1);
    assert!(!scene.authenticator.counts(&anna, at(10_000)));
    assert!(scene.authenticator.counts(&bo, at(4)));
    // What others end takes effect all the same.
    end(&bo, 30).await;
    assert!(!scene.authenticator.counts(&bo, at(29)) && scene.authenticator.counts(&bo, at(31)));
    // Whose it is cannot be read: everybody's of that name at the provider.
    run(&scene, "UPDATE person_ends SET organization = '?' WHERE at = 'yesterday'").await;
    assert!(!scene.authenticator.counts(&anna, at(10_000)));
    assert!(scene.authenticator.counts(&bo, at(31)));
    run(&scene, "UPDATE person_ends SET provider = '?' WHERE at = 'yesterday'").await;
    assert!(!scene.authenticator.counts(&anna, at(10_000)));
    // The end of the same person, said anew, puts a row right.
    run(&scene, "DELETE FROM person_ends WHERE at = 'yesterday'").await;
    run(&scene, "UPDATE person_ends SET at = '?'").await;
    end(&bo, 40).await;
    assert_eq!(scene.authenticator.unclear_ends(), 0);
    assert!(scene.authenticator.counts(&bo, at(41)) && !scene.authenticator.counts(&bo, at(40)));
}

#[tokio::test]
async fn a_session_whose_end_cannot_be_read_has_ended_and_keeps_no_other_from_ending() {
    let scene = Scene::new().await;
    let (first, second, third) =
        (scene.signed_in(0).await, scene.signed_in(0).await, scene.signed_in(0).await);
    scene.authenticator.end_session(&first, true, at(1)).await;
    run(&scene, "UPDATE ended_sessions SET ends = 'never'").await;
    // Another node, which has never seen it as it was.
    let other = Scene::open(&scene.store, &scene.function, generous()).await;
    let there = |headers: &HeaderMap| {
        other.session(&organization("ballerup"), headers, true, at(21)).is_some()
    };
    assert_eq!(other.unclear_ends(), 1);
    assert!(!there(&first) && there(&second));
    scene.authenticator.end_session(&second, true, at(20)).await;
    assert_eq!(scene.store.ended_sessions().await.unwrap().clear.len(), 1);
    other.reload(at(20)).await.unwrap();
    assert!(!there(&first) && !there(&second) && there(&third));
}
