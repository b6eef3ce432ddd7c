//! What goes on from a request's and a response's headers, and what we set.
//!
//! PURE: may use `http`. Always holds: nothing that a client sent under a name of ours goes on, in
//! whatever spelling; and no `Connection` header can take away what we set or what the upstream
//! needs, because its options are taken out before ours are set.
//!
//! Order of a request: [`request_headers`], then [`set_ours`].

mod cookies;
mod hop_by_hop;
mod statements;
#[cfg(test)]
mod tests;

use http::HeaderMap;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderName, USER_AGENT};

pub use cookies::{keep_gateway_cookies, strip_gateway_cookies};
pub use statements::{Statements, Unwritable, set_ours};

use hop_by_hop::Connection;
use statements::{MOST_STATEMENTS, is_misspelt, is_reserved};

/// What goes on of a client's headers: all but connection headers, and every spelling of a header that
/// carries statements of ours. `websocket` keeps the one upgrade that goes on. There is room for the
/// statements.
#[must_use]
pub fn request_headers(client: &HeaderMap, websocket: bool) -> HeaderMap {
    let connection = Connection::of_request(client);
    // Else the map would grow, and find a new place for each, more than once.
    let room = client.len() + MOST_STATEMENTS;
    let mut headers = HeaderMap::try_with_capacity(room).unwrap_or_default();
    for (name, value) in client {
        let text = name.as_str();
        if !connection.has(text) && !is_reserved(text) && !is_misspelt(text) {
            headers.append(name.clone(), value.clone());
        }
    }
    if hop_by_hop::accepts_trailers(client) {
        hop_by_hop::accept_trailers(&mut headers);
    }
    if websocket {
        hop_by_hop::offer_websocket(&mut headers);
    }
    headers
}

/// Takes out of an upstream's headers what must not go on to the client: connection headers, an
/// upstream's demand for a proxy's password, and the reference that only we give. `websocket` is
/// whether the upstream switched protocols.
pub fn prepare_response(headers: &mut HeaderMap, websocket: bool) {
    let unfit: Vec<HeaderName> = {
        let connection = Connection::of_response(headers);
        let is_unfit = |name: &str| connection.has(name) || statements::is_ours(name);
        headers.keys().filter(|name| is_unfit(name.as_str())).cloned().collect()
    };
    remove(headers, unfit);
    if websocket {
        hop_by_hop::offer_websocket(headers);
    }
}

/// Takes out of a 1xx answer what must not go on, and all that a final answer alone can say.
pub fn prepare_interim(headers: &mut HeaderMap) {
    prepare_response(headers, false);
    remove_where(headers, |name| ["content-length", "set-cookie", "trailer"].contains(&name));
}

/// Takes out of what stands behind a client's body all that would not go on from its head, and all
/// that a trailer must not say (RFC 9110 section 6.5.1): some upstreams merge both.
pub fn prepare_request_trailers(trailers: &mut HeaderMap) {
    remove_where(trailers, |name| hop_by_hop::belongs_in_head(name) || is_reserved(name));
}

/// The same for what stands behind an upstream's body.
pub fn prepare_response_trailers(trailers: &mut HeaderMap) {
    remove_where(trailers, |name| hop_by_hop::belongs_in_head(name) || statements::is_ours(name));
}

/// Takes the login out of a request that goes on to an upstream which does not share it.
pub fn strip_authorization(headers: &mut HeaderMap) {
    headers.remove(AUTHORIZATION);
    remove_where(headers, |name| statements::same_name(name, AUTHORIZATION.as_str()));
}

/// Whether a client says something under a name of ours, in whatever spelling.
#[must_use]
pub fn says_in_our_name(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| statements::is_ours(name.as_str()))
}

/// Leaves of a challenge's headers only what a certificate authority has to say: it comes from
/// anywhere, so nothing of it may be a login, a cookie or another method than the one it is let in
/// with.
pub fn keep_for_acme_challenge(headers: &mut HeaderMap) {
    let kept = [ACCEPT, ACCEPT_ENCODING, USER_AGENT];
    remove_where(headers, |name| !kept.iter().any(|kept| kept == name));
}

fn remove_where(headers: &mut HeaderMap, unfit: impl Fn(&str) -> bool) {
    let names = headers.keys().filter(|name| unfit(name.as_str())).cloned().collect();
    remove(headers, names);
}

fn remove(headers: &mut HeaderMap, names: Vec<HeaderName>) {
    for name in names {
        headers.remove(name);
    }
}
