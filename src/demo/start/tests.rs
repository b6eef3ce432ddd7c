use http_body_util::{BodyExt as _, Empty};

use super::pages::{Piece, pieces};
use super::*;
use crate::demo::places::PLACES;

const PEOPLE: &[Somebody] = &[Somebody { name: "bo.lund", danish: "rejser", english: "travels" }];

fn scene() -> Start {
    let fronts = PLACES.iter().zip(40_001..);
    let fronts = fronts.map(|(place, port)| (place, SocketAddr::from(([127, 0, 0, 1], port))));
    let admin = "127.0.0.1:9080".parse().unwrap();
    Start { fronts: fronts.collect(), admin, people: PEOPLE, post: Post::default() }
}

async fn get(start: &Start, host: &str, path: &str, language: &str) -> (StatusCode, String) {
    let request = Request::builder().uri(path).header(HOST, host);
    let request = request.header(ACCEPT_LANGUAGE, language);
    let response = respond(start, &request.body(Empty::<bytes::Bytes>::new()).unwrap());
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_first_page_leads_everywhere_in_both_languages() {
    let start = scene();
    for (language, china, who) in [("da", ">Kina<", "rejser"), ("en", ">China<", "travels")] {
        let (status, page) = get(&start, "127.0.0.1:40000", "/", language).await;
        assert_eq!(status, StatusCode::OK);
        let address = "href=\"http://127.0.0.1:40003/\"";
        for part in [china, who, address, "href=\"http://127.0.0.1:9080/\"", "href=\"/post?"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(page.contains(&format!("<html lang=\"{language}\"")));
        assert_eq!(page.matches("<h1").count(), 1);
    }
    let (_, page) = get(&start, "localhost", "/?sprog=en", "da").await;
    assert!(page.contains(">China<"), "{page}");
    let (status, page) = get(&start, "[::1]:40000", "/post", "da").await;
    assert!(status == StatusCode::OK && page.contains("Der er ingen breve endnu"), "{page}");
    for path in ["/post/1", "/post/x", "/post/1/rejse.ics", "/other"] {
        assert_eq!(get(&start, "localhost", path, "da").await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_page_from_elsewhere_reads_nothing_under_its_own_name() {
    let start = scene();
    for host in ["attacker.example", "attacker.example:40000", "127.0.0.1.attacker.example", ""] {
        for path in ["/", "/post"] {
            let (status, page) = get(&start, host, path, "da").await;
            assert_eq!(status, StatusCode::MISDIRECTED_REQUEST, "{host}");
            assert!(!page.contains("bo.lund"), "{page}");
        }
    }
}

#[tokio::test]
async fn a_letter_stands_as_text_and_its_link_leads_home() {
    let start = scene();
    let text =
        "Hej <script>alert(1)</script>\nhttps://kilden.localhost/.geovagt/rejse/Ab-1_2 – din";
    start.post.take_for_tests(&format!("Subject: <b>Rejse\r\n\r\n{text}"));
    let (status, page) = get(&start, "127.0.0.1:40000", "/post/1", "da").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!page.contains("<script") && !page.contains("<b>Rejse"), "{page}");
    let link = "<a href=\"http://127.0.0.1:40001/.geovagt/rejse/Ab-1_2\">\
                https://kilden.localhost/.geovagt/rejse/Ab-1_2</a>";
    assert!(page.contains(link), "{page}");
    let (_, page) = get(&start, "127.0.0.1:40000", "/post", "en").await;
    assert!(page.contains("href=\"/post/1?sprog=en\""), "{page}");
}

#[test]
fn only_travel_links_of_the_demo_are_links() {
    let home = Some("127.0.0.1:40001".parse().unwrap());
    let links = |text: &str| -> Vec<String> {
        let pieces = pieces(text, home);
        let whole: String = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Link { shown, .. } => shown.as_str(),
            })
            .collect();
        assert_eq!(whole, text);
        let links = pieces.into_iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Link { href, .. } => Some(href),
        });
        links.collect()
    };
    assert_eq!(
        links(
            "a https://mail.localhost/.geovagt/rejse/x\nhttps://kilden.localhost/.geovagt/rejse/y"
        ),
        ["http://mail.localhost:40001/.geovagt/rejse/x", "http://127.0.0.1:40001/.geovagt/rejse/y"]
    );
    for other in [
        "https://attacker.example/.geovagt/rejse/x",
        "https://a@kilden.localhost/.geovagt/rejse/x",
        "javascript:alert(1)//https://kilden.localhost/.geovagt/rejse/x",
        "https://kilden.localhost/other",
        "https://kilden.localhost/.geovagt/rejse/x\"onclick=\"",
        "",
    ] {
        assert_eq!(links(other), Vec::<String>::new(), "{other}");
    }
}
