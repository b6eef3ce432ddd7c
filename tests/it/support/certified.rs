//! The certified OpenID Connect provider (npm `oidc-provider`), and curl as the browser that signs in
//! there.

use std::path::{Path, PathBuf};

use rcgen::PublicKeyData as _;
use serde_json::json;

use super::client::{Answer, get};
use super::gateway::{Gateway, repository};
use super::outside::{Program, command, curl, free_address, npm_packages};

const SECRET: &str = "en hemmelighed: 100 % sikker";

/// A provider that lives as long as this value does. It knows anna and bo.
pub struct Certified {
    /// The public key of its server, for a browser that is to trust it.
    pub public_key: Vec<u8>,
    issuer: String,
    authority: PathBuf,
    _directory: tempfile::TempDir,
    /// The lines by which the gateway shows which client it is.
    shows: String,
    _program: Program,
}

impl Certified {
    /// Starts it for a gateway with these origins; it tells of logouts where it is told to.
    pub fn start(origins: &[&str], logout: Option<&str>) -> Self {
        Self::start_for(origins, logout, None)
    }

    /// The same for a gateway that shows which client it is by a key of this kind, with `signs` as
    /// the key that it has: none, the right one.
    pub fn start_for_key(
        origins: &[&str],
        kind: &'static rcgen::SignatureAlgorithm,
        signs: Option<&rcgen::KeyPair>,
    ) -> Self {
        Self::start_for(origins, None, Some((kind, signs)))
    }

    fn start_for(
        origins: &[&str],
        logout: Option<&str>,
        shown_by: Option<(&'static rcgen::SignatureAlgorithm, Option<&rcgen::KeyPair>)>,
    ) -> Self {
        npm_packages("oidc");
        let directory = tempfile::tempdir().unwrap();
        let (authority, key, public_key) = certificate(directory.path());
        let at = free_address();
        let issuer = format!("https://localhost:{}", at.port());
        let own = |path: &str| origins.iter().map(|o| format!("{o}{path}")).collect::<Vec<_>>();
        let callbacks = [own("/.geovagt/callback"), own("/sign-in/callback")].concat();
        let mut client = json!({
            "client_id": "geovagt",
            "client_secret": SECRET,
            "redirect_uris": callbacks,
            "post_logout_redirect_uris": own("/.geovagt/sign-out"),
        });
        let own_secret = directory.path().join("secret");
        let mut shows = format!("client_secret: \"${{file:{}}}\"", own_secret.display());
        if let Some((kind, signs)) = shown_by {
            let (certificate, key) = client_key(directory.path(), kind, signs);
            client.as_object_mut().unwrap().remove("client_secret");
            client["token_endpoint_auth_method"] = json!("private_key_jwt");
            client["certificate"] = json!(certificate);
            let certificate = match signs {
                Some(_) => String::new(),
                None => format!(", client_certificate: {}", certificate.display()),
            };
            shows = format!("client_key: {}{certificate}", key.display());
        }
        if let Some(uri) = logout {
            client["backchannel_logout_uri"] = json!(uri);
            client["backchannel_logout_session_required"] = json!(true);
        }
        let settings = json!({
            "issuer": issuer, "port": at.port(), "key": key, "certificate": authority,
            "clients": [client],
        });
        let mut node = command("node");
        node.arg(repository().join("tests/oidc/provider.mjs"))
            .env("SETTINGS", settings.to_string());
        let program = Program::start(node, &directory.path().join("provider"), at);
        std::fs::write(own_secret, format!("{SECRET}\n")).unwrap();
        Self { public_key, issuer, authority, _directory: directory, shows, _program: program }
    }

    /// A block of `identity` that finds people here, under the name `entra`.
    pub fn configuration(&self) -> String {
        format!(
            "  entra: {{kind: oidc, label: Ballerup, issuer: \"{}\", client_id: geovagt, \
             {}, ca: {}, groups: []}}\n",
            self.issuer,
            self.shows,
            self.authority.display(),
        )
    }

    /// What the provider answers to this address, asked by nobody it knows.
    pub fn ask(&self, address: &str) -> String {
        let jar = tempfile::NamedTempFile::new().unwrap();
        self.curl(jar.path(), &[address])
    }

    /// curl at the provider, with a cookie jar of its own: gives the head and the body.
    fn curl(&self, jar: &Path, arguments: &[&str]) -> String {
        let (jar, authority) = (jar.to_str().unwrap(), self.authority.to_str().unwrap());
        let own = ["-b", jar, "-c", jar, "--cacert", authority, "-i"];
        let (code, output) = curl(&[&own, arguments].concat());
        assert_eq!(code, 0, "{output}");
        output
    }

    /// Signs in at the provider as somebody, from where the gateway sent the browser to; gives the
    /// address that the provider sends it back to.
    fn at_the_provider(&self, location: &str, who: &str) -> String {
        let jar = tempfile::NamedTempFile::new().unwrap();
        let form = located(&self.curl(jar.path(), &[location]));
        let page = self.curl(jar.path(), &[&absolute(&form, location)]);
        assert!(page.contains("<form"), "{page}");
        let login = format!("login={who}");
        let on = located(&self.curl(jar.path(), &["-d", &login, &absolute(&form, location)]));
        located(&self.curl(jar.path(), &[&absolute(&on, location)]))
    }

    /// The whole way from an address: gives the answer at the end, and the session.
    pub fn sign_in(
        &self,
        gateway: &Gateway,
        host: &str,
        from: &str,
        who: &str,
    ) -> (Answer, Option<String>) {
        let web = gateway.address("web");
        let away = get(web, host, "/.geovagt/sign-in?provider=entra&next=/sag").from(from).send();
        assert_eq!(away.status, 303, "{}", away.text());
        let back = self.at_the_provider(away.header("location").unwrap(), who);
        let target = back.strip_prefix(&format!("http://{host}")).expect("the callback");
        let cookie = away.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let arrived = get(web, host, target).from(from).header("Cookie", &cookie).send();
        let session = set_cookie(&arrived, "geovagt");
        (arrived, session)
    }
}

/// A cookie that an answer sets, as a browser sends it back.
pub fn set_cookie(answer: &Answer, name: &str) -> Option<String> {
    let set = answer.headers.iter().filter(|(header, _)| header == "set-cookie");
    let mut pairs = set.filter_map(|(_, value)| value.split(';').next());
    pairs.find(|pair| pair.starts_with(&format!("{name}="))).map(str::to_owned)
}

/// Files of a certificate and its key, and the public key.
fn certificate(directory: &Path) -> (PathBuf, PathBuf, Vec<u8>) {
    let hosts = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(hosts).unwrap();
    let (chain, key) = (directory.join("chain.pem"), directory.join("key.pem"));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (chain, key, made.signing_key.subject_public_key_info())
}

/// Files of a certificate and of the key that signs, which is another one where it is given.
fn client_key(
    directory: &Path,
    kind: &'static rcgen::SignatureAlgorithm,
    signs: Option<&rcgen::KeyPair>,
) -> (PathBuf, PathBuf) {
    let own = rcgen::KeyPair::generate_for(kind).unwrap();
    let parameters = rcgen::CertificateParams::new(["geovagt".to_owned()]).unwrap();
    let made = parameters.self_signed(&own).unwrap();
    let (certificate, key) = (directory.join("client.pem"), directory.join("client-key.pem"));
    std::fs::write(&certificate, made.pem()).unwrap();
    std::fs::write(&key, signs.unwrap_or(&own).serialize_pem()).unwrap();
    (certificate, key)
}

fn located(answer: &str) -> String {
    let line = answer.lines().find(|line| line.to_lowercase().starts_with("location:"));
    line.unwrap_or_else(|| panic!("no redirect: {answer}"))[9..].trim().to_owned()
}

fn absolute(location: &str, base: &str) -> String {
    url::Url::parse(base).unwrap().join(location).unwrap().to_string()
}
