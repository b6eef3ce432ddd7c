//! The reasons of a verdict, as the contract names them.

use std::fmt;

macro_rules! reasons {
    ($($(#[$meta:meta])* $variant:ident = $code:literal,)*) => {
        /// Why a verdict is what it is. The code is binding: it stands in the log, in metrics and in
        /// `explain`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[$meta])* $variant,)*
        }

        impl Reason {
            /// Every reason, in the contract's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code of the contract.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// The reason with this code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.code() == code)
            }
        }
    };
}

reasons! {
    /// Allowed: a private network, where the policy lets those in.
    PrivateNetwork = "private_network",
    /// Allowed: the address lies in an allow network.
    AllowedNetwork = "allowed_network",
    /// Allowed: the country does not stand on the list in force.
    CountryNotListed = "country_not_listed",
    /// Allowed: the person's travel exemption covers this country, site and instant.
    TravelExemption = "travel_exemption",
    /// Allowed: the location would be rejected, but the policy only reports.
    ReportOnly = "report_only",
    /// Allowed: the location is not known and the policy lets that in.
    UnknownLocationAllowed = "unknown_location_allowed",
    /// Allowed: an ACME challenge, which the site lets in from everywhere.
    AcmeChallenge = "acme_challenge",
    /// Allowed: people of the organisation sign in here, and one of them travels there now.
    SignInSite = "sign_in_site",
    /// Identify: the door is open; who are you?
    IdentificationNeeded = "identification_needed",
    /// Identify: this site asks everybody who they are.
    AuthenticationRequired = "authentication_required",
    /// Denied: no client address could be derived.
    ClientAddressUnknown = "client_address_unknown",
    /// Denied: the address lies in a deny network.
    DeniedNetwork = "denied_network",
    /// Denied: a private network, where the policy keeps those out.
    DeniedPrivateNetwork = "denied_private_network",
    /// Denied: the database does not hold the address.
    UnknownLocation = "unknown_location",
    /// Denied: the country stands on the list in force.
    CountryListed = "country_listed",
    /// Denied: the person's exemption begins later.
    ExemptionNotStarted = "exemption_not_started",
    /// Denied: the person's exemption is over.
    ExemptionEnded = "exemption_ended",
    /// Denied: the person's exemption is for another territory.
    ExemptionOtherTerritory = "exemption_other_territory",
    /// Denied: the person's exemption is for another site.
    ExemptionOtherSite = "exemption_other_site",
    /// Denied: the person's exemption demands a device that is bound to it, and this is none.
    ExemptionDeviceMissing = "exemption_device_missing",
    /// Denied: the person's exemption demands more than one factor.
    ExemptionMultiFactorMissing = "exemption_multi_factor_missing",
    /// Denied: the organisation has switched the scheme off.
    ExemptionsDisabled = "exemptions_disabled",
    /// Denied: the person is known and may not use this site.
    NotAuthorized = "not_authorized",
    /// Denied: a path rule closes this path to everybody.
    PathClosed = "path_closed",
    /// Denied: a path rule opens this path from some countries alone, and this is none of them.
    PathOtherCountry = "path_other_country",
    /// Denied: the request can be read in more than one way, or not at all.
    UnclearRequest = "unclear_request",
    /// Denied: no site answers for the host.
    UnknownSite = "unknown_site",
    /// Denied: a limit of the gateway is reached.
    Overload = "overload",
    /// Denied: the log cannot be written, and the configuration says to stop then.
    AuditUnavailable = "audit_unavailable",
}

impl Reason {
    /// `allow`, `identify` or `deny`: the verdict that this is a reason of.
    #[must_use]
    pub const fn verdict(self) -> &'static str {
        match self {
            Self::PrivateNetwork
            | Self::AllowedNetwork
            | Self::CountryNotListed
            | Self::TravelExemption
            | Self::ReportOnly
            | Self::UnknownLocationAllowed
            | Self::AcmeChallenge
            | Self::SignInSite => "allow",
            Self::IdentificationNeeded | Self::AuthenticationRequired => "identify",
            Self::ClientAddressUnknown
            | Self::DeniedNetwork
            | Self::DeniedPrivateNetwork
            | Self::UnknownLocation
            | Self::CountryListed
            | Self::ExemptionNotStarted
            | Self::ExemptionEnded
            | Self::ExemptionOtherTerritory
            | Self::ExemptionOtherSite
            | Self::ExemptionDeviceMissing
            | Self::ExemptionMultiFactorMissing
            | Self::ExemptionsDisabled
            | Self::NotAuthorized
            | Self::UnclearRequest
            | Self::UnknownSite
            | Self::PathClosed
            | Self::PathOtherCountry
            | Self::Overload
            | Self::AuditUnavailable => "deny",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl serde::Serialize for Reason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_leads_back_to_its_reason() {
        assert_eq!(Reason::ALL.len(), 29);
        for &reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
        }
        assert_eq!(Reason::from_code("nonsense"), None);
    }
}
