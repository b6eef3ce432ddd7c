//! A real Chromium, driven by chromedriver in the words of the WebDriver standard.

use std::net::SocketAddr;
use std::path::Path;

use base64::Engine as _;
use serde_json::{Value, json};

use super::gateway::eventually;
use super::outside::{Program, command, curl, free_address};

/// The key under which WebDriver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with a profile of its own; it ends with this value.
#[derive(Debug)]
pub struct Browser {
    driver: SocketAddr,
    session: String,
    _program: Program,
    _directory: tempfile::TempDir,
}

impl Browser {
    /// Starts it as large as a phone, asking for pages in this language.
    pub fn start(language: &str) -> Self {
        Self::start_with(language, &[])
    }

    /// The same as large as a window on a desk.
    pub fn start_on_a_desk(language: &str) -> Self {
        let desk = json!({"width": 1280, "height": 900, "pixelRatio": 1.0});
        Self::launch_as(language, &[], &json!({}), &desk)
    }

    /// The same, believing certificates of this public key although no authority has signed them.
    pub fn start_trusting(language: &str, public_key: &[u8]) -> Self {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest(public_key);
        let digest = base64::engine::general_purpose::STANDARD.encode(digest);
        Self::start_with(language, &[format!("--ignore-certificate-errors-spki-list={digest}")])
    }

    fn start_with(language: &str, more: &[String]) -> Self {
        Self::launch(language, more, &json!({}))
    }

    fn launch(language: &str, more: &[String], preferences: &Value) -> Self {
        let phone = json!({"width": 390, "height": 844, "pixelRatio": 2.0});
        Self::launch_as(language, more, preferences, &phone)
    }

    fn launch_as(language: &str, more: &[String], preferences: &Value, size: &Value) -> Self {
        let mut all = json!({"intl.accept_languages": language});
        let known = all.as_object_mut().unwrap();
        known.extend(preferences.as_object().unwrap().clone());
        let directory = tempfile::tempdir().unwrap();
        let driver = free_address();
        let mut chromedriver = command("chromedriver");
        chromedriver.arg(format!("--port={}", driver.port())).env("HOME", directory.path());
        let program = Program::start(chromedriver, &directory.path().join("output"), driver);
        let profile = directory.path().join("profile");
        let (lang, profile) =
            (format!("--lang={language}"), format!("--user-data-dir={}", profile.display()));
        let mut arguments = vec![
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            lang.as_str(),
            profile.as_str(),
        ];
        arguments.extend(more.iter().map(String::as_str));
        let options = json!({
            "args": arguments,
            "prefs": all,
            // A window cannot be made as narrow as a phone.
            "mobileEmulation": {"deviceMetrics": size},
        });
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}});
        let made = ask(driver, "POST", "/session", &wanted);
        let session = made["sessionId"].as_str().expect("a session").to_owned();
        Self { driver, session, _program: program, _directory: directory }
    }

    fn tell(&self, method: &str, command: &str, parameters: &Value) -> Value {
        ask(self.driver, method, &format!("/session/{}{command}", self.session), parameters)
    }

    /// Opens a page and waits until it is there.
    pub fn open(&self, url: &str) {
        self.tell("POST", "/url", &json!({"url": url}));
    }

    /// Where the browser is.
    pub fn address(&self) -> String {
        self.tell("GET", "/url", &Value::Null).as_str().unwrap().to_owned()
    }

    /// The page as the browser understood it.
    pub fn source(&self) -> String {
        self.tell("GET", "/source", &Value::Null).as_str().unwrap().to_owned()
    }

    /// The text of the first element that a selector finds, as a person sees it.
    pub fn text(&self, selector: &str) -> String {
        let element = self.element(selector);
        let text = self.tell("GET", &format!("/element/{element}/text"), &Value::Null);
        text.as_str().unwrap().to_owned()
    }

    /// Types into a field.
    pub fn write(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.tell("POST", &format!("/element/{element}/value"), &json!({"text": text}));
    }

    /// Clicks what a person would first bring to the middle of the screen: on a phone the places of the
    /// administration lie over its lowest part.
    pub fn click(&self, selector: &str) {
        self.script(&format!(
            "document.querySelector({selector:?}).scrollIntoView({{block: 'center'}})"
        ));
        let element = self.element(selector);
        self.tell("POST", &format!("/element/{element}/click"), &json!({}));
    }

    /// Clicks what leads to another page, and waits until that page is there: chromedriver's own click
    /// can come back while the old one still stands.
    pub fn follow(&self, selector: &str) {
        self.script("window.geovagtBefore = true");
        self.click(selector);
        let arrived = "return !window.geovagtBefore && document.readyState === 'complete'";
        let question = json!({"script": arrived, "args": []});
        let path = format!("/session/{}/execute/sync", self.session);
        // In the midst of leaving, a page answers with an error.
        eventually("the next page is there", || {
            try_ask(self.driver, "POST", &path, &question) == Ok(Value::Bool(true))
        });
    }

    /// Gives the browser a device that makes and shows passkeys, and whose owner always consents.
    pub fn add_passkey_device(&self) {
        let device = json!({
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserConsenting": true,
            "isUserVerified": true,
        });
        self.tell("POST", "/webauthn/authenticator", &device);
    }

    /// Runs a script in the page and gives what it returns.
    pub fn script(&self, script: &str) -> Value {
        self.tell("POST", "/execute/sync", &json!({"script": script, "args": []}))
    }

    /// The cookies for the page.
    pub fn cookies(&self) -> Vec<Value> {
        self.tell("GET", "/cookie", &Value::Null).as_array().unwrap().clone()
    }

    /// A picture of the page, as PNG.
    pub fn picture(&self) -> Vec<u8> {
        let picture = self.tell("GET", "/screenshot", &Value::Null);
        base64::engine::general_purpose::STANDARD.decode(picture.as_str().unwrap()).unwrap()
    }

    /// Keeps a picture of the page beside the build, for people.
    pub fn keep_picture(&self, name: &str) {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join(format!("{name}.png")), self.picture()).unwrap();
    }

    fn element(&self, selector: &str) -> String {
        let found =
            self.tell("POST", "/element", &json!({"using": "css selector", "value": selector}));
        found[ELEMENT].as_str().expect("an element").to_owned()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the browser ended at {}:\n{}", self.address(), self.source());
        }
        let url = format!("http://{}/session/{}", self.driver, self.session);
        let _ = curl(&["-X", "DELETE", &url]);
    }
}

/// One command of WebDriver, which has to go well.
fn ask(driver: SocketAddr, method: &str, path: &str, parameters: &Value) -> Value {
    try_ask(driver, method, path, parameters)
        .unwrap_or_else(|said| panic!("{method} {path}: {said}"))
}

/// One command of WebDriver: what came of it, or the error it names.
fn try_ask(
    driver: SocketAddr,
    method: &str,
    path: &str,
    parameters: &Value,
) -> Result<Value, Value> {
    let url = format!("http://{driver}{path}");
    let body = parameters.to_string();
    let mut arguments = vec!["-X", method, &url];
    if method == "POST" {
        arguments.extend(["-H", "Content-Type: application/json", "-d", &body]);
    }
    let (code, printed) = curl(&arguments);
    assert_eq!(code, 0, "{method} {path}: chromedriver does not answer");
    let mut said: Value = serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{printed}"));
    let value = said["value"].take();
    if value.get("error").is_some() { Err(value) } else { Ok(value) }
}
