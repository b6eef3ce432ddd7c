use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

const ALL: [SampleSite; 3] = [SampleSite::Mail, SampleSite::Intranet, SampleSite::Website];

fn request(path: &str, headers: &[(&'static str, &str)]) -> Request<Empty<Bytes>> {
    let mut builder = Request::builder().uri(path);
    for &(name, value) in headers {
        builder = builder.header(name, value);
    }
    builder.body(Empty::new()).unwrap()
}

async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn every_page_says_who_came_in_and_obeys_no_header() {
    let attack = "<script>alert(1)</script>";
    for site in ALL {
        let headers = [
            ("x-geovagt-user", "anna.holm"),
            ("x-geovagt-country", "TH"),
            ("x-geovagt-exemption", attack),
            ("x-forwarded-for", attack),
        ];
        let response = respond(site, &request("/", &headers));
        assert_eq!(response.status(), StatusCode::OK);
        let page = text(response).await;
        assert!(
            page.contains(
                "Du kom ind som <strong>anna.holm</strong>, fra landet <strong>TH</strong>"
            )
        );
        assert!(!page.contains("<script"), "{site}");
        assert!(!page.contains("http://") && !page.contains("https://"), "{site}");
        assert_eq!(page.matches("<h1").count(), 1, "{site}");
    }
}

#[tokio::test]
async fn a_page_without_a_person_says_so() {
    let page = text(respond(SampleSite::Website, &request("/", &[]))).await;
    assert!(page.contains("Du kom ind uden at vise, hvem du er."));
}

#[tokio::test]
async fn echo_shows_what_arrived_and_repeats_as_lists() {
    let headers = [("x-a", "1"), ("x-a", "2"), ("x-b", "3")];
    let response = respond(SampleSite::Mail, &request("/echo?q=1", &headers));
    let echoed: serde_json::Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(echoed["headers"], serde_json::json!({"x-a": ["1", "2"], "x-b": "3"}));
    assert_eq!((&echoed["path"], &echoed["query"]), (&"/echo".into(), &"q=1".into()));
    assert_eq!(echoed["site"], "mail");
}

#[tokio::test]
async fn the_stream_has_ten_lines() {
    let lines = text(respond(SampleSite::Mail, &request("/stream", &[]))).await;
    assert_eq!(lines.lines().count(), 10);
    assert!(lines.ends_with("linje 10 af 10\n"));
}

#[test]
fn other_paths_and_methods_are_refused() {
    let missing = respond(SampleSite::Mail, &request("/nowhere", &[]));
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    let mut post = request("/", &[]);
    *post.method_mut() = Method::POST;
    assert_eq!(respond(SampleSite::Mail, &post).status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_site_serves_a_connection_and_ends_at_shutdown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tasks = Tasks::new();
    let owner = tasks.clone();
    tasks.spawn(async move { serve(listener, SampleSite::Intranet, &owner).await });
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /echo HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut head = [0_u8; 15];
    client.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    tasks.stop();
    tasks.finished().await;
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
}

#[tokio::test]
async fn write_the_pages() {
    let folder = std::env::temp_dir().join("geovagt-pages");
    std::fs::create_dir_all(&folder).unwrap();
    for site in ALL {
        let headers = [
            ("x-geovagt-user", "anna.holm"),
            ("x-geovagt-country", "TH"),
            ("x-geovagt-exemption", "TE-7K2M9D"),
            ("x-forwarded-for", "1.46.12.7"),
        ];
        let page = text(respond(site, &request("/", &headers))).await;
        std::fs::write(folder.join(format!("sample-{site}.html")), page).unwrap();
    }
}
