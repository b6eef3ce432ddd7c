//! What the traveller will read, before it is sent.

use super::actions::Desk;
use crate::mail_address::MailAddress;
use crate::notice::compose::Notice;
use crate::policy::{Application, Phase, TravelExemption};
use crate::store::{Channel, Contact, ExemptionRecord, NoticeDetails, NoticeKind};

/// What stands where the link will stand.
const PLACE_OF_LINK: &str = "…";

/// A message as it will be sent.
#[derive(Debug)]
pub(crate) struct Preview {
    /// Whether the gateway sends mail for the organisation.
    pub(crate) sender: bool,
    /// Subject and text, where it is sent.
    pub(crate) letter: Option<(String, String)>,
}

/// The message that keeping this journey would send.
pub(crate) fn preview(
    desk: &Desk<'_>,
    exemption: &TravelExemption,
    reached: &Application,
) -> Preview {
    let notices = desk.loaded.config.notices.as_ref();
    let sender = notices.and_then(|notices| notices.sender(&exemption.organization));
    let mail = MailAddress::parse(&reached.mail).ok();
    let (Some(sender), Some(mail)) = (sender, mail) else {
        return Preview { sender: sender.is_some(), letter: None };
    };
    let contact = Contact { mail: Some(mail), ..Contact::default() };
    let counts = matches!(exemption.phase(desk.now), Phase::Planned | Phase::Active);
    let kind = if counts { NoticeKind::Approved } else { NoticeKind::Received };
    let link = (counts && exemption.demands.device).then(|| {
        let host = crate::journey::link::host_of(&desk.loaded.config, exemption);
        format!("https://{}/.geovagt/rejse/********", host.unwrap_or(PLACE_OF_LINK))
    });
    let details = NoticeDetails { link, at: Some(desk.now), ..NoticeDetails::default() };
    let notice = Notice {
        kind,
        exemption,
        organization: desk.organization(),
        contact: &contact,
        details: &details,
        number: 0,
        created: desk.now,
    };
    let letter = notice.letter(Channel::Mail, sender.address.as_str());
    Preview { sender: true, letter: Some((letter.subject, letter.text)) }
}

/// A journey that nobody has kept yet, to be shown as one that is.
pub(crate) fn not_yet(
    exemption: &TravelExemption,
    reached: &Application,
    desk: &Desk<'_>,
) -> ExemptionRecord {
    ExemptionRecord {
        exemption: exemption.clone(),
        granted_at: desk.now,
        granted_by: desk.visitor.actor(),
        application: Some(reached.clone()),
        emergency: None,
        history: Vec::new(),
    }
}
