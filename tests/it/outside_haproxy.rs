//! A real haproxy in front, as sender of PROXY protocol 1 and 2 and of X-Forwarded-For.
//!
//! haproxy takes the client's address from a header of ours (`set-src`) as if the connection had
//! come from there, and then says it in its own way. `outside_namespaces` does it with addresses
//! that are real.

use std::net::SocketAddr;

use crate::support::client::{Request, get};
use crate::support::gateway::{Gateway, configuration};
use crate::support::outside::{Program, curl, entry, entry_of, free_address, haproxy};
use crate::support::places::{CHINA, DENMARK, LISTED};
use crate::support::upstream::Upstream;

const HOST: &str = "kilden.example.dk";

struct Chain {
    front: SocketAddr,
    gateway: Gateway,
    _haproxy: Program,
    _upstream: Upstream,
}

/// client → haproxy → gateway → upstream. `sender` is how haproxy's `server` line ends.
fn chain(listener: &str, options: &str, sender: &str) -> Chain {
    let upstream = Upstream::start();
    // Only haproxy's own address is trusted, so that 127.0.0.2 can be a client.
    let text = configuration(&upstream.url(), "").replace("[127.0.0.0/8]", "[127.0.0.1/32]");
    let gateway = Gateway::start(&text);
    let front = free_address();
    let to = gateway.address(listener);
    let lines = format!(
        "frontend web\n  bind {front}\n  {options}\n  http-request set-src hdr(x-place) if {{ \
         req.hdr(x-place) -m found }}\n  http-request del-header x-place\n  default_backend \
         geovagt\nbackend geovagt\n  server geovagt {to} source 127.0.0.1 {sender}"
    );
    let haproxy = haproxy(gateway.directory(), &lines, front);
    Chain { front, gateway, _haproxy: haproxy, _upstream: upstream }
}

impl Chain {
    fn from(&self, place: &str) -> Request {
        get(self.front, HOST, "/").header("X-Place", place)
    }

    /// The entry of a request that is rejected.
    fn denied(&self, request: &Request) -> serde_json::Value {
        let answer = request.send();
        assert_eq!(answer.status, 403);
        entry_of(&self.gateway, &answer)
    }

    /// What must hold however haproxy says who the client is.
    fn sees_the_right_client(&self) {
        let allowed = self.from(DENMARK).send();
        assert_eq!(allowed.status, 200, "{}", allowed.text());
        assert_eq!(stated(&allowed.json(), "x-forwarded-for"), [DENMARK]);
        assert_eq!(stated(&allowed.json(), "x-geovagt-country"), ["DK"]);

        let entry = self.denied(&self.from(CHINA));
        assert_eq!(entry["client"]["ip"], CHINA);
        assert_eq!(entry["event"]["reason"], "country_listed");

        // What the client says about itself before haproxy speaks counts for nothing.
        let forged = self.from(CHINA).header("X-Forwarded-For", DENMARK);
        assert_eq!(self.denied(&forged)["client"]["ip"], CHINA);

        let url = format!("http://{}/", self.front);
        let host = format!("Host: {HOST}");
        let wanted = ["-o", "/dev/null", "-w", "%header{geovagt-reference}"];
        let from = ["--interface", "127.0.0.2", "-H", &host, &url];
        let (_, reference) = curl(&[&wanted[..], &from].concat());
        let entry = self::entry(&self.gateway, &reference);
        assert_eq!(entry["client"]["ip"], "127.0.0.2");
        assert_eq!(entry["event"]["reason"], "denied_private_network");
    }
}

/// The values of a field as the upstream got them.
fn stated(seen: &serde_json::Value, name: &str) -> Vec<String> {
    let fields = seen["headers"].as_array().unwrap();
    let value = |field: &serde_json::Value| field[1].as_str().unwrap().to_owned();
    fields.iter().filter(|field| field[0] == name).map(value).collect()
}

#[test]
fn outside_haproxy_sends_proxy_protocol_1() {
    chain("proxied", "", "send-proxy").sees_the_right_client();
}

#[test]
fn outside_haproxy_sends_proxy_protocol_2() {
    chain("proxied", "", "send-proxy-v2").sees_the_right_client();
}

#[test]
fn outside_haproxy_sends_x_forwarded_for() {
    chain("web", "option forwardfor", "").sees_the_right_client();
}

#[test]
fn outside_haproxy_sends_ipv6_in_each_way() {
    let (_, _, _, china) = LISTED.iter().find(|entry| entry.0 == "CN").unwrap();
    for (listener, options, sender) in [
        ("proxied", "", "send-proxy"),
        ("proxied", "", "send-proxy-v2"),
        ("web", "option forwardfor", ""),
    ] {
        let chain = chain(listener, options, sender);
        assert_eq!(chain.denied(&chain.from(china))["client"]["ip"], *china);
        assert_eq!(chain.from("2001:878::1").send().status, 200);
    }
}

#[test]
fn outside_haproxy_that_says_nothing_opens_nothing() {
    let silent = chain("web", "", "");
    let entry = silent.denied(&silent.from(DENMARK));
    assert_eq!(entry["event"]["reason"], "client_address_unknown");
    // Without its header the connection to the other listener ends; haproxy makes a 502 of that.
    let without_header = chain("proxied", "", "");
    assert!([400, 502].contains(&without_header.from(DENMARK).send().status));
}
