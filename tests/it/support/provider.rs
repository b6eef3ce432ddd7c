//! An OpenID Connect provider that does what the test tells it, rightly or wrongly. The certified one
//! is in `outside_oidc`.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// Which documents it gives out, and what it was asked.
#[derive(Debug, Default)]
struct Told {
    documents: HashMap<String, (u16, String)>,
    asked: Vec<(String, String)>,
    slow: bool,
}

/// A provider that lives as long as the test.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Where it listens.
    pub address: SocketAddr,
    told: Arc<Mutex<Told>>,
    key: Arc<Key>,
}

/// A signing key.
pub struct Key {
    pair: rcgen::KeyPair,
    /// Its name.
    pub id: String,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.id)
    }
}

impl Key {
    /// A new one.
    pub fn new(id: &str) -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        Self { pair, id: id.to_owned() }
    }

    /// The point, as SEC 1 writes it.
    pub fn public(&self) -> Vec<u8> {
        self.pair.public_key_raw().to_vec()
    }

    /// As other programs keep it in a file.
    pub fn public_pem(&self) -> String {
        self.pair.public_key_pem()
    }

    /// As a JWK.
    pub fn jwk(&self) -> Value {
        let point = self.public();
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]),
        })
    }

    /// Signs claims.
    pub fn sign(&self, kind: Option<&str>, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.id.clone());
        header.typ = kind.map(str::to_owned);
        let key = EncodingKey::from_ec_der(&self.pair.serialize_der());
        jsonwebtoken::encode(&header, claims, &key).unwrap()
    }
}

/// Seconds since 1970.
pub fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

impl Provider {
    /// Starts one that does everything right; its token endpoint knows no code yet.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let told = Arc::new(Mutex::new(Told::default()));
        let provider = Self { address, told: Arc::clone(&told), key: Arc::new(Key::new("first")) };
        provider.publish(|_| {});
        provider.publish_keys(&[provider.key.jwk()]);
        provider.answer_code(400, &json!({"error": "invalid_grant"}));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let told = Arc::clone(&told);
                std::thread::spawn(move || drop(serve(stream, &told)));
            }
        });
        provider
    }

    /// How it calls itself.
    pub fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The configuration of the gateway, under the name `entra`.
    pub fn configuration(&self, more: &str) -> String {
        let issuer = self.issuer();
        format!(
            "{{kind: oidc, issuer: \"{issuer}\", client_id: geovagt, client_secret: \"hemmelig\", timeout: 2s{more}}}"
        )
    }

    /// Its openid-configuration, changed as the test likes.
    pub fn publish(&self, change: impl Fn(&mut Value)) {
        let issuer = self.issuer();
        let mut document = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "end_session_endpoint": format!("{issuer}/end"),
        });
        change(&mut document);
        self.put("/.well-known/openid-configuration", 200, document.to_string());
    }

    /// Its keys.
    pub fn publish_keys(&self, keys: &[Value]) {
        self.put("/keys", 200, json!({ "keys": keys }).to_string());
    }

    /// What every code is answered with from now on.
    pub fn answer_code(&self, status: u16, answer: &Value) {
        self.put("/token", status, answer.to_string());
    }

    /// A document of any kind.
    pub fn put(&self, path: &str, status: u16, document: String) {
        self.told.lock().unwrap().documents.insert(path.to_owned(), (status, document));
    }

    /// It accepts connections and says nothing from now on.
    pub fn be_slow(&self, slow: bool) {
        self.told.lock().unwrap().slow = slow;
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.told.lock().unwrap().asked.iter().filter(|(asked, _)| asked == path).count()
    }

    /// The last body that came for a path.
    pub fn last_body(&self, path: &str) -> String {
        let told = self.told.lock().unwrap();
        let last = told.asked.iter().rev().find(|(asked, _)| asked == path);
        last.map(|(_, body)| body.clone()).unwrap_or_default()
    }

    /// Its signing key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The claims of an ID token of `subject` for a sign-in with this nonce.
    pub fn id_claims(&self, subject: &str, nonce: &str) -> Value {
        json!({
            "iss": self.issuer(), "sub": subject, "aud": "geovagt", "nonce": nonce,
            "iat": now(), "exp": now() + 300, "sid": format!("session-of-{subject}"),
            "preferred_username": format!("{subject}@example.dk"), "name": "Anna Holm",
            "email": "Anna.Holm@example.dk", "groups": ["raad"], "amr": ["pwd", "mfa"],
        })
    }

    /// The claims of a logout token.
    pub fn logout_claims(&self) -> Value {
        json!({
            "iss": self.issuer(), "aud": "geovagt", "iat": now(), "exp": now() + 120, "jti": "1",
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        })
    }
}

fn serve(mut stream: TcpStream, told: &Mutex<Told>) -> std::io::Result<()> {
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    let (head, length) = loop {
        let read = stream.read(&mut buffer)?;
        received.extend_from_slice(&buffer[..read]);
        if let Some(end) = received.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&received[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            break (end + 4, length.and_then(|text| text.parse().ok()).unwrap_or(0));
        }
        if read == 0 {
            return Ok(());
        }
    };
    while received.len() < head + length {
        let read = stream.read(&mut buffer)?;
        received.extend_from_slice(&buffer[..read]);
    }
    let line = String::from_utf8_lossy(&received);
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let path = target.split('?').next().unwrap_or_default().to_owned();
    let body = String::from_utf8_lossy(&received[head..]).into_owned();
    let (slow, found) = {
        let mut told = told.lock().unwrap();
        told.asked.push((path.clone(), body));
        (told.slow, told.documents.get(&path).cloned())
    };
    if slow {
        // Until whoever asked has lost patience.
        stream.read_to_end(&mut received)?;
        return Ok(());
    }
    let (status, document) = found.unwrap_or((404, String::new()));
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nLocation: /elsewhere\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        document.len()
    )?;
    stream.write_all(document.as_bytes())
}
