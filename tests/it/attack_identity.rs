//! The attacks on who somebody is, the guard against each, and a test that fails without it.
//!
//! The attacks are those that broke other gateways, what RFC 9700 and OpenID Connect warn of, and what
//! the journey adds. Each guard was taken out by itself, in a build that could leave any one of them
//! out, and the test beside it was seen to fail. Whoever adds a way to be known adds its lines.
//!
//! | attack | guard | test |
//! |---|---|---|
//! | **A door that is open too wide** | | |
//! | a name alone (councillors' are public) makes its password worth guessing | `candidate`: only those for whom this door opens | `whatever_is_wrong_costs_one_evaluation_of_the_same_kind` |
//! | spraying reaches the directory and its lockout | `may_be_asked`: it hears of holders alone | `whoever_is_not_let_in_gets_one_answer_in_one_time_and_only_the_travellers_password_is_asked` |
//! | a holder's name leads to somebody else's entry | `wanted`: the subject found is looked at before the password | `a_traveller_comes_under_every_name_and_is_shut_out_when_the_directory_shuts_them_out` |
//! | the time of a refusal tells who exists | every refusal takes the whole `timeout` | `whoever_is_not_let_in_gets_one_answer_in_one_time_and_only_the_travellers_password_is_asked` |
//! | a country that is let in to a sign-in site tries everybody's password there | `lets_in` leaves such a permit out | `nobodys_password_is_proven_where_a_whole_country_gets_in_to_sign_in` |
//! | a password proven a moment ago tells at another door that it is right | `eligible` of what is remembered | `a_password_that_was_proven_elsewhere_tells_nothing_at_a_door_that_does_not_open` |
//! | proven by the provider, without an exemption | `takes_in` at the callback | `from_a_listed_country_the_sign_in_exists_while_somebody_travels_and_then_for_them_alone` |
//! | many tries at the callback | a limit for each network | `an_address_that_asks_too_often_is_slowed_down_and_no_other_is` |
//! | **OpenID Connect (RFC 9700)** | | |
//! | cross-site request forgery, code injection (4.5, 4.7) | `state` of this browser's cookie | `an_answer_belongs_to_the_browser_that_asked_and_counts_once` |
//! | an answer that is shown again | `Answered` | `an_answer_belongs_to_the_browser_that_asked_and_counts_once` |
//! | a token of another sign-in (4.5) | `nonce` | `a_token_that_says_anything_else_proves_nobody` |
//! | a stolen code (4.5), PKCE left out (4.8) | the verifier, against the certified provider | `outside_oidc_with_curl_the_traveller_gets_in_and_nobody_else` |
//! | mix-up of providers (4.4) | `iss` of the answer (RFC 9207) | `one_provider_cannot_answer_for_another` |
//! | an answer at another host (4.1) | `redirect_uri` of the journey | `a_site_takes_only_its_own_ways_and_an_answer_comes_back_where_it_began` |
//! | a provider that the site does not take | `accepted` at the callback | `a_code_is_shown_to_nobody_once_the_site_takes_its_provider_no_more` |
//! | open redirect after sign-in: `//`, `/\\`, dots, encodings (4.11) | `Next` | `signing_in_leads_nowhere_but_to_this_host` |
//! | a password sent on with 307 (4.12) | 303 everywhere | `a_session_cannot_be_moved_altered_doubled_or_kept` |
//! | code or link leak by Referer (4.2) | `Referrer-Policy: no-referrer` | `the_policy_allows_the_stylesheet_that_stands_in_the_page` |
//! | one window's sign-in ends another's | a cookie for each, by its state | `several_windows_sign_in_side_by_side_and_no_more_than_a_few` |
//! | **Tokens** | | |
//! | another issuer's token | `iss` | `a_token_that_says_anything_else_proves_nobody` |
//! | a token for another system (4.10) | `aud` | `a_token_that_says_anything_else_gets_the_one_rejection` |
//! | a token that another client asked for | `azp` | `a_token_that_says_anything_else_proves_nobody` |
//! | a token that is over | `exp`, age | `a_token_that_says_anything_else_gets_the_one_rejection` |
//! | a token from the future | `nbf`, `iat` | `a_token_that_says_anything_else_gets_the_one_rejection` |
//! | `none`, a public key as a secret | the configured algorithms alone | `the_configuration_says_how_it_is_signed_and_the_token_does_not` |
//! | a token of one kind for another | `typ` | `a_token_that_says_anything_else_gets_the_one_rejection` |
//! | what must be understood and is not | `crit` | `the_configuration_says_how_it_is_signed_and_the_token_does_not` |
//! | somebody outside the group | `groups`, as texts | `a_group_is_a_text_in_a_list_and_nothing_that_looks_like_one` |
//! | signed in with a password alone where the exemption demands more | `multi_factor` | `an_exemption_that_demands_a_second_factor_opens_to_whom_the_provider_asked_for_one` |
//! | the same with a bearer token | `groups` | `a_token_of_somebody_outside_the_group_makes_no_name_known` |
//! | a name chosen by somebody outside the group is then granted to | `remember` after the group | `a_token_of_somebody_outside_the_group_makes_no_name_known` |
//! | **What is said to others** | | |
//! | a client says who it is in a header of ours, or one that upstreams take for a proxy's, in any spelling | `request_headers` | `no_spelling_of_a_name_of_ours_goes_on` |
//! | a client says who it is behind its body | `prepare_request_trailers` | `what_stands_behind_a_body_says_nothing_in_our_name` |
//! | `Connection` takes our own statements away | options first, statements after | `no_spelling_of_a_name_of_ours_goes_on` |
//! | an assertion of our key is used again, or elsewhere | `jti`, `exp`, `aud` | `an_assertion_is_signed_by_the_key_for_one_request` |
//! | somebody else's ID token names whom to sign out | sealed for the person of the session | `outside_oidc_signing_out_names_who_signs_out` |
//! | **Signing out at the provider** | | |
//! | an ID token as a logout token | `events` | `a_provider_ends_sessions_by_their_name_and_by_their_person` |
//! | the same, with a `nonce` | `nonce` forbidden | `a_provider_ends_sessions_by_their_name_and_by_their_person` |
//! | an old logout token ends later sessions | the instant of its `iat` | `a_logout_token_that_is_shown_again_later_ends_nothing_that_began_in_between` |
//! | a session lives on | `has_ended` | `a_provider_ends_sessions_by_their_name_and_by_their_person` |
//! | a row that cannot be read | whatever it may be about has ended | `a_logout_that_cannot_be_read_ends_whatever_it_may_be_about` |
//! | a provider that is set up anew for other people | its epoch | `a_provider_that_is_set_up_anew_ends_what_the_old_one_proved` |
//! | **Sessions, forms, cookies** | | |
//! | a session of one organisation at another | sealed with it | `who_is_proven_is_signed_in_and_known_to_the_system_behind` |
//! | a session that is kept for ever | age and idleness | `a_session_ends_with_idleness_and_with_its_age_however_often_it_is_renewed` |
//! | a copy from before signing out | `has_ended` | `signing_out_ends_the_session_everywhere_and_no_other` |
//! | an end that cannot be read | has ended | `a_session_whose_end_cannot_be_read_has_ended_and_keeps_no_other_from_ending` |
//! | a second cookie of our name (parent domain) | two are none | `the_cookie_is_taken_by_its_exact_name_and_only_once` |
//! | our cookies reach the system behind | `strip_gateway_cookies` | `several_windows_sign_in_side_by_side_and_no_more_than_a_few` |
//! | a local password reaches the system behind | `login_is_ours` | `the_traveller_passes_with_a_password_and_nobody_else_learns_anything` |
//! | another site's form presses our buttons | `vouches` | `nobody_else_begins_or_ends_it` |
//! | another site's form signs in | the form's token | `a_form_from_elsewhere_is_not` |
//! | somebody ends another's journey | own exemptions alone | `who_is_home_again_says_so_and_the_door_shuts` |
//! | **Directories** | | |
//! | filter injection | `escaped` | `a_value_stays_a_value` |
//! | a name that two entries have | `Ambiguous`: nobody's | `a_proven_password_is_taken_for_a_short_time_and_at_home_everybody_of_the_directory_may_come` |
//! | guesses drive an account into the directory's own lockout | `Failures` | `strangers_cannot_lock_the_traveller_out_of_the_directory` |
//! | somebody disabled or locked there | `shut_out` | `whoever_is_not_let_in_gets_one_answer_in_one_time_and_only_the_travellers_password_is_asked` |
//! | the same, by grant, stream or certificate | `person_stands` | `whom_the_directory_locks_has_neither_an_address_nor_a_stream_left` |
//! | somebody outside the required groups | `is_in_group` | `only_members_of_a_required_group_come_in` |
//! | **Devices** | | |
//! | a travel link in the wrong hands | its traveller alone (page) | `a_link_is_for_its_traveller_alone_and_tells_nobody_else` |
//! | the same | its traveller alone (store) | `it_holds_the_contract` |
//! | a link after its end | `is_over` (page) | `a_link_binds_a_device_once_and_so_many_and_ends` |
//! | the same, between looking and binding | `is_over` (store) | `it_holds_the_contract` |
//! | a link binds ever more devices | counted in the transaction | `a_link_binds_a_device_once_and_so_many_and_ends` |
//! | a link opened abroad | `is_home` | `a_link_is_opened_at_home` |
//! | a device's cookie at another organisation | sealed with it | `the_cookie_of_a_device_is_one_organisations` |
//! | a DeviceId known at another organisation | `exemptions_of` | `a_device_is_known_to_its_own_organisation_alone` |
//! | what was proven before a device was lost | `person_ends` | `a_lost_device_counts_no_more_before_it_is_revoked` |
//! | an end that cannot be read | whatever it may be about has ended | `a_person_whose_end_cannot_be_read_has_ended_and_nobody_else` |
//! | an extension opens the door after "home again" | `end_extensions` | `it_holds_the_contract` |
//! | an extension outlives a lost device | `end_extensions` | `it_holds_the_contract` |
//! | **Managed devices** | | |
//! | a proxy's certificate for all its clients | the client's own connection alone | `the_certificate_of_a_proxy_speaks_for_none_of_its_clients` |
//! | a site that does not take them | `identity_providers` | `a_site_that_takes_managed_devices_alone_takes_them_for_as_long_as_it_does` |
//! | people of a provider that the organisation has no more | `identity_providers` of the organisation | `people_of_a_provider_that_the_organisation_has_no_more_are_nobody` |
//! | a name that two people have | is nobody's | `a_certificate_names_one_person_of_an_outside_provider_or_nobody` |
//! | a lost device's certificate, not yet revoked | issued after the person's end | `a_lost_device_counts_no_more_before_it_is_revoked` |
//! | a locked account's | `locked` | `a_managed_device_is_let_in_and_named` |
//! | any certificate opens the own pages abroad | the same decision | `whoever_has_only_a_managed_device_finds_the_own_pages_and_closes_the_journey` |
//! | **Address grants** | | |
//! | a grant outlives its provider at the site | `granted` | `a_grant_of_somebody_whose_provider_the_site_takes_no_more_lets_nobody_pass` |
//! | an address where everybody is asked | `Authentication::Always` | `an_address_is_no_answer_where_everybody_is_asked` |
//! | everybody on the address is Anna upstream | `names_the_person` | `an_address_passes_to_one_site_until_it_is_ended` |
//! | the next address | `contains` | `an_address_passes_to_one_site_until_it_is_ended` |
//! | a grant outlives the device that it was made with | `granted`: the mark is bound still | `a_device_that_is_taken_back_takes_its_grants_along` |
//! | a grant from before a lost device | `began` | `what_began_before_its_persons_end_is_left_out` |
//! | **What lasts** | | |
//! | a stream outlives its provider at the site | `is_taken` | `what_is_open_ends_when_the_site_takes_its_persons_provider_no_more` |
//! | the same by certificate | `is_taken` | `a_site_that_takes_managed_devices_alone_takes_them_for_as_long_as_it_does` |
//! | a stream outlives the binding of its device | `device_now` | `a_connection_ends_with_the_device_it_goes_on_by` |
//! | a stream outlives lock, sign-out, loss | `still_counts` | `a_connection_ends_with_its_session_and_no_other` |
//! | a travel link is sent after a revocation | withheld | `a_travel_link_that_waits_is_not_sent_after_a_revocation` |
//! | two nodes send one message | the claim | `it_holds_the_contract` |

use crate::support::table::each_test_is_there;

#[test]
fn each_test_in_the_table_is_there() {
    let count = each_test_is_there(include_str!("attack_identity.rs"));
    assert!(count > 50, "{count} rows were read");
}
