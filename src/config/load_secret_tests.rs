//! What comes from outside the file, and is never said.

use super::*;

#[test]
fn what_a_value_expands_to_is_never_said() {
    let text = changed("http://10.1.0.10:8080", "${PASSWORD}")
        .replace("policy: standard", "policy: ${PASSWORD}")
        .replace("list: cfcs", "list: ${MISSING}");
    let shown = shown(&text);
    assert!(!shown.contains("hunter2"), "{shown}");
    insta::assert_snapshot!(shown, @r#"
    error: the environment variable `MISSING` is not set
     --> /etc/geovagt/gateway.yaml:4:11
      |
    4 |     list: ${MISSING}
      |           ^^^^^^^^^^
      |
      = help: set MISSING where geovagt is started, or write the value here
    error: no policy is called `${PASSWORD}`
     --> /etc/geovagt/gateway.yaml:8:13
      |
    8 |     policy: ${PASSWORD}
      |             ^^^^^^^^^^^
      |
      = help: known is only `standard`
    error: what `${PASSWORD}` stands for is not an upstream server
      --> /etc/geovagt/gateway.yaml:16:26
       |
    16 |     upstream: {servers: ["${PASSWORD}"]}
       |                          ^^^^^^^^^^^^^
       |
       = help: let it stand for an upstream server
    "#);
}

#[test]
fn a_static_check_looks_at_nothing_outside_the_file() {
    let text = changed("http://10.1.0.10:8080", "http://${HOST}:${file:/nonexistent}")
        .replace("name: Ballerup Kommune", "name: ${NAME}");
    let source = SourceFile::new("x.yaml", &text);
    let environment = |_: &str| -> Option<String> { panic!("looked at the environment") };
    let surroundings =
        Surroundings { static_only: true, environment: &environment, ..surroundings() };
    let examined = examine_source(source, surroundings);
    assert_eq!(examined.findings, []);
    assert!(examined.config.is_none(), "a configuration with gaps must never run");
}

#[test]
fn the_password_of_the_database_never_stands_in_the_open() {
    insta::assert_snapshot!(
        shown(&format!("store: postgres://geovagt:hunter2@db/geovagt\n{SMALL}")), @r#"
    error: the password of the database stands in the open
     --> /etc/geovagt/gateway.yaml:1:8
      |
    1 | store: postgres://geovagt:*******@db/geovagt
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: keep it in a file of geovagt's own user and write ${file:PATH} in its place, or ${NAME} for an environment variable
    "#);
    for written in ["postgres://g:${X}y@db/g", "postgresql://g:p@ss@db/g", "postgres://g:p@"] {
        let shown = shown(&format!("store: {written}\n{SMALL}"));
        assert!(shown.contains("stands in the open"), "{written}: {shown}");
    }
}

#[test]
fn the_address_of_the_store_is_checked_and_never_said_with_its_password() {
    let shown_with = |store: &str| {
        let found = shown(&format!("store: {store}\n{SMALL}"));
        assert!(!found.contains("hunter2"), "{found}");
        found
    };
    insta::assert_snapshot!(shown_with("postgres://g:${PASSWORD}@db/g?sslmode=maybe"), @r#"
    error: the address of the store names an sslmode that is not known
     --> /etc/geovagt/gateway.yaml:1:8
      |
    1 | store: postgres://g:***********@db/g?sslmode=maybe
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write sslmode=verify-full, or one of verify-ca, require, prefer, disable
    "#);
    insta::assert_snapshot!(shown_with("postgres://g:${PASSWORD}@db/g?sslmode=require"), @r#"
    warning: what is said to the database, keys of sessions included, may go to another server
     --> /etc/geovagt/gateway.yaml:1:8
      |
    1 | store: postgres://g:***********@db/g?sslmode=require
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: let it prove its name: sslmode=verify-full, with sslrootcert where its certificate is of your own making
    "#);
    insta::assert_snapshot!(shown_with("mysql://g@db/g"), @r#"
    error: this names no store that is known
     --> /etc/geovagt/gateway.yaml:1:8
      |
    1 | store: mysql://g@db/g
      |        ^^^^^^^^^^^^^^
      |
      = help: write `store: sqlite`, remove the key, or name a database of PostgreSQL: postgres://USER:${file:PATH}@HOST:5432/DATABASE
    "#);
    assert_eq!(shown_with("postgres://g:${PASSWORD}@db/g"), "");
}
