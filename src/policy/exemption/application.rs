//! An application: what the traveller asks for, and what it takes to reach them while they decide
//! and travel.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::problem::{MAXIMUM_CASE_NUMBER, MAXIMUM_DEVICE, MAXIMUM_DEVICES, Problem, Text};
use super::validation::{check_common, check_text, does_not_show, finish, tidied};
use super::{
    Caution, ExemptionState, GrantGrounds, GrantRequest, Phase, TravelExemption, ValidGrant,
    journey,
};
use crate::policy::{ExemptionId, working_days};

/// A mail address has at most this many characters (RFC 5321 section 4.5.3.1.3).
const MAXIMUM_MAIL: usize = 254;
/// A telephone number as written, with spaces.
const MAXIMUM_TELEPHONE: usize = 32;
/// The digits of a telephone number: a Danish one, up to the longest there is (ITU-T E.164).
const TELEPHONE_DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

/// What an application says beyond the exemption itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Application {
    /// What the traveller takes along.
    pub devices: Vec<String>,
    /// Where the traveller can be reached on the way.
    pub telephone: String,
    /// Where notices go: not the mailbox that will be blocked.
    pub mail: String,
    /// The exemption that it would prolong; that one stays as it is.
    pub extends: Option<ExemptionId>,
}

/// What somebody applies for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationRequest {
    /// Person, journey and sites. The case number may be empty as long as nobody has opened a case.
    pub grant: GrantRequest,
    /// The rest.
    pub application: Application,
}

/// An application that has been found good. Only [`validate_application`] and [`validate_extension`]
/// make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidApplication {
    grant: ValidGrant,
    application: Application,
}

impl ValidApplication {
    /// What it asks for, its texts trimmed.
    #[must_use]
    pub fn grant(&self) -> &ValidGrant {
        &self.grant
    }

    /// The exemption under its new name, waiting for a decision, and the rest.
    #[must_use]
    pub fn into_exemption(self, id: ExemptionId) -> (TravelExemption, Application) {
        (self.grant.into_state(id, ExemptionState::Applied), self.application)
    }
}

/// Holds an application against the organisation's scheme and sites: as a grant, and `lead_days`
/// working days ahead.
///
/// # Errors
/// Everything that is wrong with it, at once; never empty.
pub fn validate_application(
    request: &ApplicationRequest,
    grounds: GrantGrounds<'_>,
    now: Timestamp,
) -> Result<ValidApplication, Vec<Problem>> {
    check(request, grounds, None, now, |request, problems| {
        check_lead_time(&request.grant, grounds, now, problems);
    })
}

/// Holds an application that prolongs a journey against the organisation's scheme and sites.
///
/// The longest journey is counted from `began`, where the first of the journeys that it prolongs
/// begins; so nobody stays for ever by prolonging. The lead time is that of the first application.
///
/// # Errors
/// Everything that is wrong with it, at once; never empty.
pub fn validate_extension(
    request: &ApplicationRequest,
    extended: &TravelExemption,
    began: Timestamp,
    grounds: GrantGrounds<'_>,
    now: Timestamp,
) -> Result<ValidApplication, Vec<Problem>> {
    check(request, grounds, Some(began), now, |request, problems| {
        let phase = extended.phase(now);
        if !matches!(phase, Phase::Planned | Phase::Active)
            || extended.state != ExemptionState::Granted
        {
            problems.push(Problem::NothingToExtend { id: extended.id.clone(), phase });
        }
        let end = extended.journey().map(|(_, until)| until);
        let later = request.grant.legs.iter().any(|leg| end.is_some_and(|end| leg.until > end));
        if let Some(end) = end.filter(|_| !later) {
            problems.push(Problem::NotLater(end.to_zoned(grounds.time_zone.clone())));
        }
    })
}

/// Holds what a grant says of how the traveller is reached, tidied: nothing of it has to be there,
/// and what is there has to be good.
///
/// # Errors
/// Everything that is wrong with it, at once; never empty.
pub fn validate_reached(reached: &Application) -> Result<Application, Vec<Problem>> {
    let reached = tidied_reached(reached);
    let missing = |problem: &Problem| {
        *problem == Problem::NoDevice
            || matches!(problem, Problem::NoTelephone(text) | Problem::NoMail(text) if text.is_empty())
    };
    let mut problems = Vec::new();
    check_contact(&reached, &mut problems);
    problems.retain(|problem| !missing(problem));
    if problems.is_empty() { Ok(reached) } else { Err(problems) }
}

fn tidied_reached(reached: &Application) -> Application {
    Application {
        devices: reached.devices.iter().map(|device| device.trim().to_owned()).collect(),
        telephone: reached.telephone.trim().to_owned(),
        mail: reached.mail.trim().to_owned(),
        extends: reached.extends.clone(),
    }
}

fn check(
    request: &ApplicationRequest,
    grounds: GrantGrounds<'_>,
    counted_from: Option<Timestamp>,
    now: Timestamp,
    also: impl FnOnce(&ApplicationRequest, &mut Vec<Problem>),
) -> Result<ValidApplication, Vec<Problem>> {
    let request = ApplicationRequest {
        grant: tidied(&request.grant),
        application: tidied_reached(&request.application),
    };
    let mut problems = Vec::new();
    check_common(&request.grant, grounds, counted_from, now, &mut problems);
    if !request.grant.case_number.is_empty() {
        let case = &request.grant.case_number;
        check_text(Text::CaseNumber, case, MAXIMUM_CASE_NUMBER, &mut problems);
    }
    check_contact(&request.application, &mut problems);
    also(&request, &mut problems);
    let grant = finish(request.grant, grounds, now, problems)?;
    Ok(ValidApplication { grant, application: request.application })
}

fn check_lead_time(
    request: &GrantRequest,
    grounds: GrantGrounds<'_>,
    now: Timestamp,
    problems: &mut Vec<Problem>,
) {
    let lead_days = grounds.scheme.lead_days;
    let day = |at: Timestamp, zone: &TimeZone| zone.to_datetime(at).date();
    let today = day(now, grounds.time_zone);
    let Some(whole) = journey(&request.legs).filter(|whole| whole.until > now) else { return };
    let begins = day(whole.from, grounds.time_zone);
    if working_days::working_days_between(today, begins) < usize::from(lead_days) {
        problems.push(Problem::TooSoon {
            organization: request.organization.clone(),
            lead_days,
            begins,
            earliest: working_days::after_working_days(today, lead_days).unwrap_or(begins),
        });
    }
}

fn check_contact(application: &Application, problems: &mut Vec<Problem>) {
    let devices = &application.devices;
    if devices.is_empty() {
        problems.push(Problem::NoDevice);
    }
    if devices.len() > MAXIMUM_DEVICES {
        problems.push(Problem::TooManyDevices(devices.len()));
    } else {
        devices.iter().for_each(|d| check_text(Text::Device, d, MAXIMUM_DEVICE, problems));
    }
    if !is_telephone(&application.telephone) {
        problems.push(Problem::NoTelephone(shortened(&application.telephone)));
    }
    if !is_mail(&application.mail) {
        problems.push(Problem::NoMail(shortened(&application.mail)));
    }
}

/// Digits, grouped as people group them, with a plus at most in front.
fn is_telephone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let fit = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')' | '.');
    text.len() <= MAXIMUM_TELEPHONE
        && digits.chars().all(fit)
        && TELEPHONE_DIGITS.contains(&digits.chars().filter(char::is_ascii_digit).count())
}

/// One address and nothing beside it: no name, no list, no line break, so that it can stand in the
/// head of a mail as it is.
fn is_mail(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let apart = |c: char| c.is_whitespace() || does_not_show(c) || "<>()[]\\,;:\"@".contains(c);
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    text.chars().count() <= MAXIMUM_MAIL
        && !local.is_empty()
        && !local.chars().any(apart)
        && domain.contains('.')
        && domain.split('.').all(label)
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

impl ValidApplication {
    /// What the one who decides should know, though nothing forbids it.
    #[must_use]
    pub fn cautions(&self) -> &[Caution] {
        self.grant.cautions()
    }
}

#[cfg(test)]
#[path = "application_tests.rs"]
mod tests;
