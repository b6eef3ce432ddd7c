//! What counts as being at home, and which networks are often placed in a wrong country.

use jiff::SignedDuration;

use crate::store::log::Home;
use crate::territory::Country;

/// The parts of the realm: whoever signs in from one of them is at home.
const AT_HOME: [&str; 3] = ["DK", "FO", "GL"];
/// So near in time a sign-in from home makes a rejection doubtful.
const WITHIN: SignedDuration = SignedDuration::from_hours(12);
/// Satellite operators, whose customers are where their addresses are not: Starlink (two), Viasat,
/// Hughes, Intelsat, OneWeb, Panasonic Avionics.
const OFTEN_MISPLACED: [u32; 7] = [14593, 45700, 7155, 6621, 22351, 800, 64294];

pub(crate) fn at_home() -> Home {
    Home {
        countries: AT_HOME.iter().filter_map(|code| Country::parse(code).ok()).collect(),
        within: WITHIN,
        networks: OFTEN_MISPLACED.into(),
    }
}
