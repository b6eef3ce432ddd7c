//! Makes a block log as a centre's might be: five municipalities, 400 days, the rhythm of the day, one
//! scanner that is a twenty-fifth of everything, six floods of an hour, a few thousand people, one
//! account of a machine that signs in all the time, and a country that is met three times.

use geovagt::audit::event::{Action, Event, Field};
use geovagt::audit::{Class, Reference};
use jiff::{SignedDuration, Timestamp};

/// How far back the log goes.
pub(crate) const DAYS: i64 = 400;
pub(crate) const ORGANIZATIONS: [&str; 5] = ["ballerup", "egedal", "furesoe", "herlev", "region"];
pub(crate) const SITES: [&str; 4] = ["mail", "intranet", "web", "kort"];
pub(crate) const REASONS: [&str; 5] =
    ["country_listed", "unknown_location", "denied_network", "client_address_unknown", "overload"];
/// The first are met most.
pub(crate) const COUNTRIES: &str = "CN RU IR VN ID BY IQ KZ UZ AZ GE DZ MA ML NG AM LY TJ TH BR IN CD AF \
    KG UA AO ZM ZW YE MM BW MG GH JP IR HK KP CG";
const AGENTS: [&str; 6] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Apple-iPad14C3/2201.95",
    "python-requests/2.32.3",
    "Mozilla/5.0 zgrab/0.x",
    "curl/8.5.0",
];
const PATHS: [&str; 6] = [
    "/",
    "/wp-login.php",
    "/owa/auth/logon.aspx",
    "/Microsoft-Server-ActiveSync",
    "/autodiscover/autodiscover.xml",
    "/.env",
];

/// Met three times, by the first organisation's first site.
pub(crate) const RARE_COUNTRY: &str = "TV";
/// One address that comes again and again, from a country that is common.
pub(crate) const SCANNER: &str = "198.51.100.7";
/// An account that is in a tenth of people's entries.
pub(crate) const BUSY: &str = "scanner-til-mail@example.dk";
const FLOODS: u64 = 6;
/// As long as that of an entry with an address and a user agent: id, hash before it, two salts.
pub(crate) const SEAL: [u8; 82] = {
    let mut seal = [7; 82];
    seal[48] = 0;
    seal[65] = 6;
    seal
};

/// The end of the log.
pub(crate) fn end() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// Random numbers that are the same in each run.
#[derive(Debug, Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// Below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    /// Small numbers far more often than great ones.
    pub(crate) fn few(&mut self, sides: u64) -> u64 {
        let (one, other) = (self.roll(sides) + 1, self.roll(sides) + 1);
        (one * other / (sides + 1)).min(self.roll(sides))
    }

    /// One of these, the first more often.
    pub(crate) fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.few(of.len() as u64)).unwrap()]
    }
}

/// Entries in the order of time.
pub(crate) struct Generator {
    dice: Dice,
    countries: Vec<&'static str>,
    entries: u64,
    made: u64,
}

impl Generator {
    pub(crate) fn new(entries: u64) -> Self {
        let countries = COUNTRIES.split_whitespace().collect();
        Self { dice: Dice(88_172_645_463_325_252), countries, entries, made: 0 }
    }

    fn at(&mut self) -> Timestamp {
        let span = DAYS * 86_400_000;
        // A twentieth of all within six floods of an hour; the rest by the rhythm of the day.
        let whole = self.entries.max(1);
        let sixth = whole.div_ceil(FLOODS).max(1);
        let (flood, place) = (self.made / sixth, self.made % sixth);
        let sixth_span = u64::try_from(span).unwrap() / FLOODS;
        let (before, hour) = (sixth * 19 / 40, 3_600_000);
        let within = if place < before {
            sixth_span / 2 * place / before.max(1)
        } else if place < before + sixth / 20 {
            sixth_span / 2 + hour * (place - before) / (sixth / 20).max(1)
        } else {
            let (place, rest) = (place - before - sixth / 20, sixth - before - sixth / 20);
            sixth_span / 2 + hour + (sixth_span / 2 - hour) * place / rest.max(1)
        };
        let in_flood = (sixth_span / 2..=sixth_span / 2 + hour).contains(&within);
        let mut millisecond = i64::try_from(flood * sixth_span + within).unwrap();
        let hour = millisecond / 3_600_000 % 24;
        if !in_flood && !(6..18).contains(&hour) && self.dice.roll(3) > 0 {
            millisecond += 6 * 3_600_000;
        }
        let start = end() - SignedDuration::from_millis(span);
        start + SignedDuration::from_millis(millisecond.min(span - 1))
    }

    fn address(&mut self, country: usize) -> String {
        let dice = &mut self.dice;
        let place = dice.few(2000);
        let country = country as u64;
        if dice.roll(10) == 0 {
            let (a, b) = (country * 64 + place / 64, dice.few(512));
            return format!("2400:{a:x}:{b:x}:{:x}::{:x}", dice.few(16), 1 + dice.roll(4000));
        }
        let (a, b, c) = (1 + country * 5 + place % 5, place / 5 % 256, dice.few(256));
        format!("{a}.{b}.{c}.{}", dice.roll(256))
    }

    fn person(&mut self) -> String {
        format!("person{:04}@example.dk", self.dice.few(4000))
    }

    fn denied(&mut self, at: Timestamp, random: [u8; 10]) -> Event {
        let number = usize::try_from(self.dice.few(self.countries.len() as u64)).unwrap();
        let repeated = self.dice.roll(4) == 0;
        let action = if repeated { Action::Repeated } else { Action::Denied };
        let scans = self.dice.roll(25) == 0;
        let number = if scans { 0 } else { number };
        let address = if scans { SCANNER.to_owned() } else { self.address(number) };
        let mut event = Event::new(action, at, random)
            .personal(Field::ClientIp, &address)
            .personal(Field::UserAgent, self.dice.one(&AGENTS));
        event.country = Some(self.countries[number].into());
        event.reason = Some(self.dice.one(&REASONS).into());
        event.verdict = Some("deny".into());
        event.as_number =
            Some(u32::try_from(4000 + number as u64 * 40 + self.dice.few(40)).unwrap());
        event.status = Some(403);
        event.reference = Some(Reference::from_random(random[..5].try_into().unwrap()).short());
        if repeated {
            event.count = 2 + self.dice.few(400);
        }
        if self.dice.roll(200) == 0 {
            event = event.user(&self.person());
        }
        if self.dice.roll(300) == 0 {
            event.registered_country = Some("DK".into());
        }
        event
    }

    fn of_people(&mut self, at: Timestamp, random: [u8; 10]) -> Event {
        let action = match self.dice.roll(20) {
            0 => Action::ExemptionGranted,
            1 => Action::LogSearched,
            2..6 => Action::SignIn,
            _ => Action::Allowed,
        };
        let home = self.dice.roll(3) > 0;
        let number = usize::try_from(self.dice.few(self.countries.len() as u64)).unwrap();
        let address = self.address(if home { 39 } else { number });
        let mut event = Event::new(action, at, random)
            .personal(Field::ClientIp, &address)
            .personal(Field::UserAgent, self.dice.one(&AGENTS))
            .user(&if self.dice.roll(10) == 0 { BUSY.to_owned() } else { self.person() });
        event.country = Some(if home { "DK" } else { self.countries[number] }.into());
        event.verdict = Some("allow".into());
        event.reason = Some("travel_exemption".into());
        event.reference = Some(Reference::from_random(random[..5].try_into().unwrap()).short());
        event
    }
}

impl Iterator for Generator {
    type Item = (Class, Event);

    fn next(&mut self) -> Option<Self::Item> {
        if self.made == self.entries {
            return None;
        }
        let at = self.at();
        self.made += 1;
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.dice.roll(u64::MAX).to_le_bytes());
        let class = if self.dice.roll(10) == 0 { Class::People } else { Class::Denied };
        let mut event = match class {
            Class::People => self.of_people(at, random),
            _ => self.denied(at, random),
        };
        let organization = self.dice.one(&ORGANIZATIONS);
        event.organization = Some(organization.into());
        event.site = Some(format!("{organization}-{}", self.dice.one(&SITES)).into());
        if [1, 2, 3].map(|quarter| self.entries / 4 * quarter).contains(&self.made) {
            event.country = Some(RARE_COUNTRY.into());
            event.organization = Some(ORGANIZATIONS[0].into());
            event.site = Some(format!("{}-{}", ORGANIZATIONS[0], SITES[0]).into());
        }
        event.listener = Some(self.dice.one(&["web", "imap", "smtp"]).into());
        event.method = Some("GET".into());
        event.domain = Some(format!("mail.{organization}.dk").into());
        event.path = Some(self.dice.one(&PATHS).into());
        event.rule = Some(("cfcs".into(), "2025-05".into()));
        event.mode = Some("enforce".into());
        event.database_built = Some(end());
        Some((class, event))
    }
}
