//! The conversation before the proof, and the one with the server, without sockets.

use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;

const BOTH: Offer = Offer { password: true, token: true };

fn dialogue(protocol: MailProtocol, offer: Offer) -> Dialogue {
    match protocol {
        MailProtocol::Imap => Dialogue::Imap(imap::Imap::new(offer)),
        MailProtocol::Pop3 => Dialogue::Pop3(pop3::Pop3::new(offer)),
        MailProtocol::Smtp => Dialogue::Smtp(smtp::Smtp::new(offer)),
    }
}

const ALL: [MailProtocol; 3] = [MailProtocol::Imap, MailProtocol::Pop3, MailProtocol::Smtp];

/// What a client says, and whether the answers had to be read meanwhile.
async fn talked(
    protocol: MailProtocol,
    said: &[u8],
    piece: usize,
) -> (Result<Heard, Over>, String) {
    let (mut here, mut there) = duplex(1 << 20);
    let said = said.to_vec();
    let client = async move {
        for piece in said.chunks(piece.max(1)) {
            if there.write_all(piece).await.is_err() {
                break;
            }
        }
        there.shutdown().await.unwrap();
        let mut answers = Vec::new();
        there.read_to_end(&mut answers).await.unwrap();
        String::from_utf8_lossy(&answers).into_owned()
    };
    let gateway = async move {
        let heard = talk::talk(&mut here, dialogue(protocol, BOTH), Patience::default()).await;
        drop(here);
        heard
    };
    tokio::join!(gateway, client)
}

fn told(login: &Login) -> String {
    match &login.credentials {
        Credentials::Password { name, password } => format!("{} / {}", **name, password.reveal()),
        Credentials::Token { name, token } => format!("{} : {}", **name, **token),
        Credentials::Unreadable => "-".to_owned(),
    }
}

#[tokio::test]
async fn what_follows_a_login_is_kept_whatever_it_is_cut_into() {
    for (protocol, said) in [
        (MailProtocol::Imap, "a LOGIN {4}\r\nanna \"x y\"\r\n"),
        (MailProtocol::Imap, "a NOOP\nb AUTHENTICATE PLAIN AGFubmEAeCB5\n"),
        (MailProtocol::Pop3, "USER anna\r\nPASS x y\r\n"),
        (MailProtocol::Smtp, "EHLO pc\r\nAUTH LOGIN YW5uYQ==\r\neCB5\r\n"),
    ] {
        let rest = b"\0\r\n\r\nrest \xff".as_slice();
        let all = [said.as_bytes(), rest].concat();
        for piece in [1, 2, 7, 5000] {
            let (heard, _) = talked(protocol, &all, piece).await;
            let (login, mut ahead) = heard.expect("a login");
            assert_eq!(told(&login), "anna / x y", "{said}");
            // What had not come yet is still to be read.
            assert!(rest.starts_with(&ahead), "{ahead:?}");
            if piece == 5000 {
                assert_eq!(std::mem::take(&mut *ahead), rest);
            }
        }
    }
}

#[tokio::test]
async fn nothing_of_a_login_can_be_printed() {
    let (heard, _) = talked(MailProtocol::Imap, b"a LOGIN anna geheim\r\n", 99).await;
    let (login, _) = heard.expect("a login");
    let printed = format!("{login:?}");
    assert!(!printed.contains("geheim") && !printed.contains("anna"), "{printed}");
}

#[test]
fn only_what_can_be_proven_is_offered() {
    let tokens = Offer { password: false, token: true };
    let greeting = imap::Imap::new(tokens).greeting();
    assert!(greeting.contains(" AUTH=XOAUTH2 LOGINDISABLED]"), "{greeting}");
    let greeting = imap::Imap::new(Offer { token: false, ..BOTH }).greeting();
    assert!(greeting.contains(" AUTH=PLAIN]") && !greeting.contains("DISABLED"), "{greeting}");
    let says = |protocol, line: &[u8]| match dialogue(protocol, tokens).hear(line) {
        talk::Step::Say(text) => text,
        _ => panic!("{line:?} says something else"),
    };
    assert!(says(MailProtocol::Imap, b"a LOGIN anna x").starts_with("a BAD"));
    assert!(says(MailProtocol::Imap, b"a AUTHENTICATE PLAIN AGFubmEAeA==").starts_with("a NO"));
    assert!(says(MailProtocol::Pop3, b"USER anna").starts_with("-ERR"));
    assert!(!says(MailProtocol::Pop3, b"CAPA").contains("USER"));
    assert!(says(MailProtocol::Smtp, b"EHLO x").ends_with("250 AUTH XOAUTH2\r\n"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_talk_without_end(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        lines in prop::collection::vec("(a )?(LOGIN|AUTHENTICATE|AUTH|USER|PASS|ID|EHLO)?( \"?[ -~]{0,9}\"?| \\{[0-9]{1,5}\\+?\\})*", 0..9),
        protocol in 0..3_usize,
        piece in 1..600_usize,
    ) {
        let said = [lines.join("\r\n").as_bytes(), b"\r\n", &bytes].concat();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (_, answers) = runtime.block_on(talked(ALL[protocol], &said, piece));
        prop_assert!(answers.len() < 24 * 300, "{answers}");
        for line in answers.lines() {
            prop_assert!(line.len() < 512);
        }
    }

    #[test]
    fn a_login_of_imap_goes_on_as_it_came(
        name in "[ -|~æøå]{1,20}",
        password in "[ -|~æøå]{0,20}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let said = format!(
            "a LOGIN {{{}+}}\r\n{name} {{{}+}}\r\n{password}\r\n",
            name.len(),
            password.len()
        );
        let again = runtime.block_on(async {
            let (heard, _) = talked(MailProtocol::Imap, said.as_bytes(), 99).await;
            let login = heard.ok()?.0;
            let (mut server, mut here) = duplex(1 << 16);
            let (mut client, _kept) = duplex(1 << 16);
            // A server that asks for everything, and then says yes.
            server.write_all(b"* OK hi\r\n").await.unwrap();
            let heard = async {
                let mut all = Vec::new();
                loop {
                    let mut piece = [0; 4096];
                    let count = server.read(&mut piece).await.unwrap();
                    all.extend_from_slice(&piece[..count]);
                    if all.ends_with(b"}\r\n") {
                        server.write_all(b"+ \r\n").await.unwrap();
                    } else if all.ends_with(b"\r\n") {
                        server.write_all(b"a OK [CAPABILITY IMAP4rev1]\r\n").await.unwrap();
                        return all;
                    }
                }
            };
            let (said, heard) = tokio::join!(replay(&login, &mut here, &mut client), heard);
            said.ok()?;
            Some(heard)
        });
        let again = again.expect("a login");
        // Read by our own reader once more, it is the same person and password.
        let text = String::from_utf8(again).unwrap().replace("}\r\n", "+}\r\n");
        let (heard, _) = runtime.block_on(talked(MailProtocol::Imap, text.as_bytes(), 99));
        let name = name.as_str();
        let expected = [name, " / ", &password].concat();
        prop_assert_eq!(told(&heard.expect("a login").0), expected);
    }
}

/// A server that says this, all at once, and what the client and the server then heard.
async fn replayed(login: &Login, server_says: &str) -> (Result<(), NotReplayed>, String, String) {
    let (mut server, mut here): (DuplexStream, DuplexStream) = duplex(1 << 20);
    let (mut client, mut far) = duplex(1 << 20);
    server.write_all(server_says.as_bytes()).await.unwrap();
    server.shutdown().await.unwrap();
    let outcome = replay(login, &mut here, &mut client).await;
    drop((here, client));
    let (mut server_heard, mut client_heard) = (String::new(), String::new());
    server.read_to_string(&mut server_heard).await.unwrap();
    far.read_to_string(&mut client_heard).await.unwrap();
    (outcome, client_heard, server_heard)
}

#[tokio::test]
async fn a_server_that_is_not_as_it_should_be_gets_no_password() {
    let imap =
        talked(MailProtocol::Imap, b"a LOGIN anna geheim\r\n", 99).await.0.expect("a login").0;
    let sasl = b"a AUTHENTICATE PLAIN AGFubmEAZ2VoZWlt\r\n";
    let sasl = talked(MailProtocol::Imap, sasl, 99).await.0.expect("a login").0;
    let pop3 = talked(MailProtocol::Pop3, b"USER anna\r\nPASS geheim\r\n", 99).await;
    let pop3 = pop3.0.expect("a login").0;
    let smtp = b"EHLO pc\r\nAUTH PLAIN AGFubmEAZ2VoZWlt\r\n";
    let smtp = talked(MailProtocol::Smtp, smtp, 99).await.0.expect("a login").0;
    let endless = "x".repeat(100_000);
    for (login, says, tells) in [
        (&imap, "* BYE full\r\n", "* BYE full\r\n"),
        (&imap, "* PREAUTH root\r\n", ""),
        (&imap, "220 an SMTP server\r\n", ""),
        (&imap, "", ""),
        (&imap, endless.as_str(), ""),
        (&sasl, "* OK\r\na NO not that\r\n", "a NO not that\r\n"),
        (&sasl, "* OK\r\na OK what?\r\n", ""),
        (&pop3, "-ERR full\r\n", "-ERR full\r\n"),
        (&pop3, "+OK\r\n-ERR who?\r\n", "-ERR who?\r\n"),
        (&smtp, "554 no\r\n", "554 no\r\n"),
        (&smtp, "220 hi\r\n502 what?\r\n", "502 what?\r\n"),
        (&smtp, "220 hi\r\n250-AUTH PLAIN\r\n250 ok\r\n504 no\r\n", "504 no\r\n"),
        (&smtp, "220 hi\r\n250 AUTH PLAIN\r\n235 already\r\n", ""),
        (&smtp, "220 hi\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n", ""),
        (&smtp, "220 hi\r\n250-AUTH PLAIN\r\n250 starttls\r\n", ""),
        (&imap, "* OK [CAPABILITY IMAP4rev1 UNAUTHENTICATE] hi\r\n", ""),
    ] {
        let (outcome, client_heard, server_heard) = replayed(login, says).await;
        assert!(outcome.is_err(), "{says}");
        assert_eq!(client_heard, tells, "{says}");
        let secret = ["geheim", "AGFubmEAZ2VoZWlt"].iter().any(|s| server_heard.contains(s));
        assert!(!secret, "{says}: {server_heard}");
    }
}

#[tokio::test]
async fn nobody_is_signed_in_to_a_server_that_offers_to_forget_it() {
    let imap =
        talked(MailProtocol::Imap, b"a LOGIN anna geheim\r\n", 99).await.0.expect("a login").0;
    let says = "* OK hi\r\na OK [CAPABILITY IMAP4rev1 UNAUTHENTICATE] in\r\n";
    let (outcome, client_heard, _) = replayed(&imap, says).await;
    assert!(matches!(outcome, Err(NotReplayed::Anew("UNAUTHENTICATE"))), "{outcome:?}");
    assert_eq!(client_heard, "");
    let says = "* OK hi\r\na OK [CAPABILITY IMAP4rev1 IDLE] in\r\n";
    let (outcome, client_heard, server_heard) = replayed(&imap, says).await;
    assert!(outcome.is_ok(), "others are: {outcome:?}");
    assert_eq!(client_heard, "a OK [CAPABILITY IMAP4rev1 IDLE] in\r\n");
    assert_eq!(server_heard, "a LOGIN \"anna\" \"geheim\"\r\n", "it was said with the yes");
    // What it offers before a login is not all: a server that has not said it with its yes is asked.
    for (told, goes_on) in [
        ("* CAPABILITY IMAP4rev1 IDLE\r\ngeovagt OK\r\n", true),
        ("* CAPABILITY IMAP4rev1 UNAUTHENTICATE\r\ngeovagt OK\r\n", false),
        ("* CAPABILITY IMAP4rev1 unauthenticate\r\ngeovagt OK\r\n", false),
        ("geovagt OK\r\n", false),
        ("geovagt BAD what?\r\n", false),
        ("+ more\r\n", false),
        ("", false),
    ] {
        let says = format!("* OK [CAPABILITY IMAP4rev1 IDLE] hi\r\na OK in\r\n{told}");
        let (outcome, client_heard, server_heard) = replayed(&imap, &says).await;
        assert_eq!(outcome.is_ok(), goes_on, "{told}: {outcome:?}");
        assert_eq!(client_heard.contains("a OK in"), goes_on, "{told}: {client_heard}");
        assert!(!client_heard.contains("geovagt"), "{client_heard}");
        assert!(server_heard.ends_with("geovagt CAPABILITY\r\n"), "{server_heard}");
    }
    let smtp = b"EHLO pc\r\nAUTH PLAIN AGFubmEAZ2VoZWlt\r\n";
    let smtp = talked(MailProtocol::Smtp, smtp, 99).await.0.expect("a login").0;
    let says =
        |offer: &str| format!("220 hi\r\n250-{offer}\r\n250 AUTH PLAIN\r\n334 \r\n235 in\r\n");
    for offer in ["STARTTLS", "starttls"] {
        let (outcome, client_heard, server_heard) = replayed(&smtp, &says(offer)).await;
        assert!(matches!(outcome, Err(NotReplayed::Anew("STARTTLS"))), "{outcome:?}");
        assert_eq!((client_heard.as_str(), server_heard.as_str()), ("", "EHLO pc\r\n"));
    }
    assert!(replayed(&smtp, &says("8BITMIME")).await.0.is_ok(), "others are");
}

/// What a server says before its answer is no way to fill the gateway's memory.
#[tokio::test]
async fn a_server_that_talks_on_and_on_is_not_heard_out() {
    let imap =
        talked(MailProtocol::Imap, b"a LOGIN anna geheim\r\n", 99).await.0.expect("a login").0;
    let long = format!("* OK {}\r\na OK in\r\n", "x".repeat(20_000));
    let much = format!("* OK\r\n{}a OK in\r\n", format!("* {}\r\n", "x".repeat(990)).repeat(80));
    for says in [long, much] {
        let outcome = replayed(&imap, &says).await.0;
        assert!(matches!(outcome, Err(NotReplayed::Unclear)), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_client_that_talks_on_and_on_has_no_login() {
    let line = format!("a ID {}\r\n", "x".repeat(20_000));
    let login = "a LOGIN anna geheim\r\n";
    let heard = |lines| {
        let said = line.repeat(lines) + login;
        async move { talked(MailProtocol::Imap, said.as_bytes(), 999).await.0 }
    };
    assert!(heard(1).await.is_ok());
    assert!(matches!(heard(3).await, Err(Over::TooMuch)));
    let mut imap = imap::Imap::new(BOTH);
    let mut literal = || {
        let step = imap.hear(b" {4000+}");
        imap.hear_literal(&[b'x'; 4000]);
        step
    };
    assert!((0..9).all(|_| matches!(literal(), talk::Step::Literal(..))));
    assert!(matches!(literal(), talk::Step::TooMuch));
}

/// Where a server explains why it takes no token, this is heard, and its no goes on.
#[tokio::test]
async fn a_refused_token_ends_in_the_servers_no() {
    let token = sasl::encode("user=anna\x01auth=Bearer a.b.c\x01\x01");
    for (protocol, said, says, tells) in [
        (
            MailProtocol::Imap,
            format!("a AUTHENTICATE XOAUTH2 {}\r\n", *token),
            "* OK\r\n+ \r\n+ e30=\r\na NO no\r\n",
            "a NO no\r\n",
        ),
        (
            MailProtocol::Pop3,
            format!("AUTH XOAUTH2 {}\r\n", *token),
            "+OK\r\n+ \r\n+ e30=\r\n-ERR no\r\n",
            "-ERR no\r\n",
        ),
        (
            MailProtocol::Smtp,
            format!("EHLO x\r\nAUTH XOAUTH2 {}\r\n", *token),
            "220 x\r\n250 AUTH XOAUTH2\r\n334 \r\n334 e30=\r\n535 no\r\n",
            "535 no\r\n",
        ),
    ] {
        let login = talked(protocol, said.as_bytes(), 999).await.0.expect("a login").0;
        assert_eq!(told(&login), "anna : a.b.c");
        let (outcome, client_heard, server_heard) = replayed(&login, says).await;
        assert!(matches!(outcome, Err(NotReplayed::Refused)));
        assert_eq!(client_heard, tells);
        assert!(server_heard.ends_with(&format!("{}\r\n\r\n", *token)), "{server_heard:?}");
    }
}

/// A login with such a server, for as long as it takes; at most a minute and a half.
async fn with_server<F: Future<Output = ()>>(
    login: &Login,
    server: impl FnOnce(DuplexStream) -> F,
) -> Result<(), NotReplayed> {
    let (far, mut here) = duplex(1 << 16);
    let (mut client, _kept) = duplex(1 << 16);
    let replayed = tokio::time::timeout(std::time::Duration::from_secs(90), async {
        tokio::select! { said = replay(login, &mut here, &mut client) => said, () = server(far) => unreachable!("it stays") }
    });
    replayed.await.expect("nobody is waited for so long")
}

/// For all of it: whoever says a line now and then does not hold somebody's place for ever.
#[tokio::test]
async fn a_server_may_take_a_minute_for_a_login_and_no_longer() {
    let login =
        async |protocol, said: &[u8]| talked(protocol, said, 99).await.0.expect("a login").0;
    let imap = login(MailProtocol::Imap, b"a LOGIN anna geheim\r\n").await;
    let pop3 = login(MailProtocol::Pop3, b"USER anna\r\nPASS geheim\r\n").await;
    let smtp = login(MailProtocol::Smtp, b"EHLO pc\r\nAUTH PLAIN AGFubmEAZ2VoZWlt\r\n").await;
    let seconds = |seconds| tokio::time::sleep(std::time::Duration::from_secs(seconds));
    let silent = async |says: &'static [u8], mut server: DuplexStream| {
        server.write_all(says).await.unwrap();
        seconds(3600).await;
    };
    let chatting = async |mut server: DuplexStream| {
        server.write_all(b"* OK hi\r\n").await.unwrap();
        loop {
            seconds(5).await;
            server.write_all(b"* OK still at it\r\n").await.unwrap();
        }
    };
    let late = async |mut server: DuplexStream| {
        server.write_all(b"* OK hi\r\n").await.unwrap();
        seconds(50).await;
        server.write_all(b"a OK [CAPABILITY IMAP4rev1] in\r\n").await.unwrap();
        seconds(3600).await;
    };
    let (mute, pop3, smtp, chatted, answered) = tokio::join!(
        with_server(&imap, |server| silent(b"", server)),
        with_server(&pop3, |server| silent(b"+OK hi\r\n+OK\r\n", server)),
        with_server(&smtp, |server| silent(b"220 hi\r\n250 AUTH PLAIN\r\n334 \r\n", server)),
        with_server(&imap, chatting),
        with_server(&imap, late),
    );
    for slow in [mute, pop3, smtp, chatted] {
        assert!(matches!(slow, Err(NotReplayed::Slow)), "{slow:?}");
    }
    assert!(answered.is_ok(), "{answered:?}");
}
