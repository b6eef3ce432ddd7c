//! Logins that belong to a connection: who has proven once who they are is it for every later request.
//!
//! PURE. Always holds: such a login is known among others, in whatever letters it is written.

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderName, Response, StatusCode};

/// Schemes whose proof holds for a connection (RFC 4559, MS-NTHT, MS-CSSP), in small letters.
const SCHEMES: [&str; 5] = ["ntlm", "negotiate", "nego2", "kerberos", "credssp"];

/// Whether a field of credentials or of challenges names such a login.
pub(crate) fn belongs_to_connection(headers: &HeaderMap, field: &HeaderName) -> bool {
    // Several challenges may share a line (RFC 9110 section 11.6.1). A quoted comma may make one too
    // many of them, never one too few.
    let pieces =
        headers.get_all(field).iter().flat_map(|line| line.as_bytes().split(|&b| b == b','));
    pieces
        .map(scheme)
        .any(|scheme| SCHEMES.iter().any(|s| scheme.eq_ignore_ascii_case(s.as_bytes())))
}

/// Whether the answer asks for such a login.
pub(super) fn is_challenge<B>(response: &Response<B>) -> bool {
    response.status() == StatusCode::UNAUTHORIZED
        && belongs_to_connection(response.headers(), &WWW_AUTHENTICATE)
}

fn scheme(piece: &[u8]) -> &[u8] {
    let piece = piece.trim_ascii_start();
    let end = piece.iter().position(u8::is_ascii_whitespace);
    end.and_then(|end| piece.get(..end)).unwrap_or(piece)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::AUTHORIZATION;

    use super::*;

    fn belongs(lines: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(AUTHORIZATION, HeaderValue::from_static(line));
        }
        belongs_to_connection(&headers, &AUTHORIZATION)
    }

    #[test]
    fn a_login_that_belongs_to_the_connection_is_known_however_it_is_written() {
        for line in [
            "NTLM",
            "NTLM TlRMTVNTUAAB",
            "ntlm x",
            "Negotiate oRQwEg==",
            "nEGOTIATE\toRQwEg==",
            "Basic realm=\"a\", NTLM",
            "Bearer,Negotiate",
            "Kerberos x",
        ] {
            assert!(belongs(&[line]), "{line}");
            assert!(belongs(&["Basic dTpw", line]), "{line}");
        }
        for line in ["Basic dTpw", "Bearer ntlm", "NTLMish x", "Digest realm=\"Negotiate\"", ""] {
            assert!(!belongs(&[line]), "{line}");
        }
        assert!(!belongs(&[]));
    }

    #[test]
    fn only_an_answer_that_refuses_asks() {
        let mut response = Response::new(());
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("NTLM"));
        assert!(!is_challenge(&response));
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        assert!(is_challenge(&response));
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=a"));
        assert!(!is_challenge(&response));
    }
}
