use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::config::{Sender, Smtp, SmtpSecurity};
use crate::language::Language;
use crate::lifecycle::Tasks;
use crate::mail_address::MailAddress;
use crate::notice::compose::{self, Calendar};
use crate::notice::message;
use crate::notice::smtp::Session;

const LINK: &str =
    "https://kilden.localhost/.geovagt/rejse/Ab-1_2cdefghijklmnopqrstuvwxyz0123456789ABCD";

async fn open() -> (Post, SocketAddr, Tasks) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (post, tasks) = (Post::default(), Tasks::new());
    tasks.spawn(serve(listener, post.clone(), tasks.clone()));
    (post, address, tasks)
}

/// As the gateway sends it.
async fn send(address: SocketAddr, letters: &[compose::Letter]) {
    let smtp = Smtp {
        host: address.ip().to_string(),
        port: address.port(),
        security: SmtpSecurity::None,
        ca: None,
        login: None,
        timeout: Duration::from_secs(60),
    };
    let sender = Sender {
        name: Some("Rejser i Højbæk".to_owned()),
        address: MailAddress::parse("rejser@ballerup.example").unwrap(),
    };
    let to = MailAddress::parse("anna.holm@example.net").unwrap();
    let mut session = Session::open(&smtp, "ballerup.example").await.unwrap();
    for letter in letters {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        session.send(&message::write(letter, &sender, &to, "1", now).unwrap()).await.unwrap();
    }
    session.close().await;
}

fn letter(subject: &str, text: &str, calendar: Option<&str>) -> compose::Letter {
    compose::Letter {
        subject: subject.to_owned(),
        text: text.to_owned(),
        calendar: calendar
            .map(|content| Calendar { content: content.to_owned(), method: "PUBLISH" }),
        language: Language::Danish,
    }
}

#[tokio::test]
async fn what_the_gateway_sends_is_read_as_it_was_written() {
    let (post, address, tasks) = open().await;
    let subject = "Din rejseundtagelse er godkendt: Kina, Sankt Vincent og Grenadinerne, Færøerne, \
                   22. november 2026–28. november 2026";
    let text = format!(
        "Hej Anna\n\n1. Åbn dette link derhjemme på hver enhed, du tager med, og log på: {LINK} – \
         linket er kun til dig.\n.\n..to punktummer\n100 % = alt\n"
    );
    let calendar = "BEGIN:VCALENDAR\r\nSUMMARY:Rejse på øen\r\nEND:VCALENDAR\r\n";
    let plain = "Kun ASCII\n.\n..to\n";
    send(address, &[letter(subject, &text, Some(calendar)), letter("Kort", plain, None)]).await;
    let [second, first] = &post.letters()[..] else { panic!("{:?}", post.letters()) };
    assert_eq!((first.number, second.number), (1, 2));
    assert_eq!(first.to, "anna.holm@example.net");
    assert_eq!(first.content.subject, subject);
    assert_eq!(first.content.text.trim_end(), text.trim_end());
    let read = first.content.calendar.as_deref().unwrap();
    assert_eq!(read.trim_end(), calendar.replace("\r\n", "\n").trim_end());
    assert!(first.content.from.contains("Rejser i Højbæk"), "{}", first.content.from);
    assert!(first.content.from.contains("rejser@ballerup.example"), "{}", first.content.from);
    assert_eq!(second.content.text.trim_end(), plain.trim_end());
    assert_eq!((&second.content.subject[..], &second.content.calendar), ("Kort", &None));
    tasks.stop();
    tasks.finished().await;
}

#[tokio::test]
async fn a_form_of_a_web_page_delivers_nothing() {
    let (post, address, tasks) = open().await;
    let mut page = TcpStream::connect(address).await.unwrap();
    let form = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nEHLO a\r\nMAIL FROM:<a@b.dk>\r\n\
                RCPT TO:<a@b.dk>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n";
    page.write_all(form.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    // The end may be a reset: not all of the form was read.
    let _ = page.read_to_end(&mut said).await;
    assert!(!String::from_utf8_lossy(&said).contains("354"), "{said:?}");
    assert_eq!(post.letters().len(), 0);
    tasks.stop();
    tasks.finished().await;
}

#[tokio::test]
async fn only_so_many_letters_are_kept_and_only_so_long_ones_taken() {
    let (post, address, tasks) = open().await;
    for number in 0..KEPT + 5 {
        post.take(&["a@b.dk".to_owned()], &format!("Subject: {number}\r\n\r\nx"), Timestamp::MIN);
    }
    assert_eq!(post.letters().len(), KEPT);
    assert_eq!(post.letters()[0].content.subject, (KEPT + 4).to_string());
    assert!(post.letter(5).is_none() && post.letter(6).is_some());
    let mut sender = TcpStream::connect(address).await.unwrap();
    let begin = "EHLO a\r\nMAIL FROM:<a@b.dk>\r\nRCPT TO:<a@b.dk>\r\nDATA\r\n";
    sender.write_all(begin.as_bytes()).await.unwrap();
    let line = [b'x'; 998];
    let mut taken = true;
    for _ in 0..2000 {
        taken &= sender.write_all(&[&line[..], b"\r\n"].concat()).await.is_ok();
    }
    let ended = sender.write_all(b".\r\nQUIT\r\n").await.is_ok();
    let mut said = String::new();
    let whole = sender.read_to_string(&mut said).await.is_ok();
    assert!(!(taken && ended && whole && said.contains("250 it is in the mailbox")), "{said}");
    assert_eq!(post.letters()[0].content.subject, (KEPT + 4).to_string());
    tasks.stop();
    tasks.finished().await;
}
