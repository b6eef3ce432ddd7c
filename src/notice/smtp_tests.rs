use tokio::net::TcpListener;

use super::*;

/// A peer that says these things, one after each line that it hears, and gives what it heard.
async fn open(answers: &'static [&'static str], security: SmtpSecurity) -> (SmtpError, String) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let smtp = Smtp {
        host: "127.0.0.1".into(),
        port: listener.local_addr().unwrap().port(),
        security,
        ca: None,
        login: Some(("geovagt".into(), crate::config::SmtpPassword::new("correct horse".into()))),
        timeout: Duration::from_secs(2),
    };
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = Vec::new();
        for answer in answers {
            stream.write_all(answer.as_bytes()).await.unwrap();
            let mut part = [0; 4096];
            match stream.read(&mut part).await {
                Ok(0) | Err(_) => break,
                Ok(length) => heard.extend_from_slice(&part[..length]),
            }
        }
        String::from_utf8_lossy(&heard).into_owned()
    };
    let (opened, heard) = tokio::join!(Session::open(&smtp, "ballerup.example.dk"), serve);
    (opened.unwrap_err(), heard)
}

#[tokio::test]
async fn without_starttls_nothing_is_said() {
    let plain = &["220 hi\r\n", "250-mail\r\n250 AUTH PLAIN LOGIN\r\n", "235 in\r\n"];
    let (error, heard) = open(plain, SmtpSecurity::StartTls).await;
    assert!(matches!(error, SmtpError::NoStartTls), "{error}");
    assert_eq!(heard, "EHLO ballerup.example.dk\r\n");
    let refused = &["220 hi\r\n", "250-mail\r\n250 starttls\r\n", "454 not now\r\n"];
    let (error, heard) = open(refused, SmtpSecurity::StartTls).await;
    assert!(matches!(error, SmtpError::NoStartTls), "{error}");
    assert!(!heard.contains("AUTH"), "{heard}");
    // A word that only looks like it.
    let near = &["220 hi\r\n", "250-mail\r\n250 XSTARTTLS\r\n", "220 go\r\n"];
    assert!(matches!(open(near, SmtpSecurity::StartTls).await.0, SmtpError::NoStartTls));
}

#[tokio::test]
async fn what_stands_behind_the_consent_is_not_read_as_said_under_tls() {
    let injected =
        &["220 hi\r\n", "250 STARTTLS\r\n", "220 go\r\n250 AUTH PLAIN\r\n235 in\r\n250 sent\r\n"];
    let (error, heard) = open(injected, SmtpSecurity::StartTls).await;
    assert!(matches!(error, SmtpError::Injected), "{error}");
    assert_eq!(heard, "EHLO ballerup.example.dk\r\nSTARTTLS\r\n");
}

#[tokio::test]
async fn a_peer_that_is_no_mail_server_is_left() {
    for answers in [
        &["554 no service\r\n"][..],
        &["HTTP/1.1 400 Bad Request\r\n"],
        &["220-and\r\n"],
        &[""],
        &["220 hi\r\n", "502 what\r\n"],
    ] {
        let (error, heard) = open(answers, SmtpSecurity::StartTls).await;
        assert!(!error.is_about_the_letter() && !heard.contains("AUTH"), "{error} {heard}");
    }
    let (error, _) = open(&["220 hi\r\n"], SmtpSecurity::Tls).await;
    assert!(matches!(error, SmtpError::Tls { .. }), "{error}");
}
