//! The attacks on the administration, the guard against each, and a test that fails without it.
//!
//! The attackers are a stranger on its network, a page on another origin, a traveller, a clerk of
//! another organisation, an operator of the centre, somebody with two names or a program, and
//! whoever gets text into the log. The guards were taken out one after the other, in a build that
//! could leave any one of them out, and the test beside each was seen to fail, but for those that
//! have another guard behind them. Whoever adds a room adds its lines.
//!
//! | attack | guard | test |
//! |---|---|---|
//! | **Signing in** | | |
//! | a session that the attacker brought along (fixation) | a new token at each step | `a_session_is_never_one_that_was_brought_along` |
//! | a session that is used for ever | its end, whatever use | `a_session_ends_when_its_time_is_over_however_much_it_is_used` |
//! | a session outlives idleness | `idle` | `a_session_ends_with_everything_of_the_persons_and_by_its_age` |
//! | a session outlives lock, sign-out, another role | `remembers`, `written_roles` | `a_session_ends_by_signing_out_by_lock_and_by_another_role` |
//! | the password alone opens a page | the stage of the session | `a_password_alone_is_nothing_and_no_code_counts_twice` |
//! | a code is shown again | `take_code` | `a_password_alone_is_nothing_and_no_code_counts_twice` |
//! | codes are tried out | counted by person | `codes_cannot_be_tried_out` |
//! | the second step is sent by another site, or leads elsewhere | the session's token, `is_path` | `the_second_step_takes_only_its_own_form_and_leads_nowhere_else` |
//! | a passkey's challenge is answered twice, or without end | kept once, counted by person | `a_passkeys_challenge_counts_once_and_answers_are_counted` |
//! | a passkey is made by whoever has the password alone | only where nothing is set up | `a_passkeys_challenge_counts_once_and_answers_are_counted` |
//! | the same with a secret that was shown before the owner set one up | the same | `a_secret_that_was_shown_before_the_owner_set_one_up_is_worth_nothing_after` |
//! | the last second factor is taken away, so that the next password sets one up | `may_remove` | `a_second_factor_is_taken_away_by_its_owner_and_the_last_one_by_nobody` |
//! | somebody else's second factor is taken away | looked for among one's own | `a_second_factor_is_taken_away_by_its_owner_and_the_last_one_by_nobody` |
//! | who is signed in by a factor that is gone stays | `end_admin_sessions_of` | `a_second_factor_is_taken_away_by_its_owner_and_the_last_one_by_nobody` |
//! | the answer tells who exists | one answer | `whatever_is_wrong_with_a_sign_in_the_answer_is_the_same` |
//! | `next` leads to another host | `is_path` | `signing_in_leads_nowhere_else` |
//! | the path itself does: `https://ours//theirs/` | `is_path` at the language link and after a passkey | `a_path_that_a_browser_takes_for_another_host_leads_there_from_no_page` |
//! | two cookies, two tokens | two are none | `two_of_one_kind_prove_nobody` |
//! | the sign-in form of another site | the form's own token | `the_sign_in_form_of_another_site_signs_nobody_in` |
//! | somebody comes in where the log cannot be written | no entry, no session | `nothing_of_people_is_shown_where_the_look_cannot_be_written` |
//! | **Other origins** | | |
//! | a form of another site (CSRF), with or without a browser that says so | `CsrfLayer`, `check_token` | `a_form_without_this_sessions_token_does_nothing` |
//! | the same with a call | the header that no form sets | `a_call_with_the_same_name_is_done_once` |
//! | a form that passes for JSON | the type of the body | `what_is_no_json_by_its_name_is_no_call` |
//! | frames, caches, guessed types, referrers | `guard` | `every_answer_carries_the_headers_that_keep_it_to_itself` |
//! | another window of the browser, plain HTTP the next time | opener, resource and transport policy | `an_answer_shares_nothing_with_other_windows_and_stays_under_tls` |
//! | script in whatever is typed or asked | askama's escaping | `what_was_sent_is_never_markup` |
//! | script in charts | `svg` | `nothing_from_outside_becomes_markup` |
//! | script and formulas by User-Agent, path and user name | the same, `cell` | `nothing_that_a_stranger_sent_does_anything` |
//! | formulas in a spreadsheet | `cell` | `nothing_in_a_cell_is_a_formula` |
//! | **Strangers and networks** | | |
//! | which paths there are | 401 everywhere | `a_stranger_learns_of_no_route` |
//! | an address written as IPv6 | compared as what it is | `an_address_is_held_against_the_networks_however_it_is_written` |
//! | a connection from before the networks were narrowed | held against them at each request | `a_connection_from_before_is_held_against_the_networks_of_now` |
//! | by a public site | a listener of its own | `the_administration_is_on_its_own_listener_alone` |
//! | bodies without end | `LARGEST` | `more_than_a_form_holds_is_not_read_wherever_it_is_sent` |
//! | readers of the live log without end | `Place` | `so_many_read_along_and_no_more` |
//! | a traveller has the log read a hundred times at once | `turn` | `whoever_asks_again_waits_for_themselves_and_few_read_at_a_time` |
//! | texts, days and rows that are too many | the limit of each form | `what_does_not_fit_its_place_is_not_kept` |
//! | **Roles and organisations** | | |
//! | a route that is for too many | its right, beside a second list | `each_route_is_for_those_it_was_meant_for` |
//! | the wrong role | `enforce` | `whoever_has_not_the_right_is_told_so_and_nothing_else` |
//! | a step of somebody else's role | `Step::roles` | `each_step_is_taken_by_its_role_alone_with_a_reason_where_there_has_to_be_one` |
//! | an id of another organisation | 404 | `what_is_not_ones_own_organisations_is_not_there` |
//! | the choice of another organisation | one's own alone, also when kept | `nobody_looks_at_an_organisation_that_is_not_theirs` |
//! | a name that another provider, or another organisation's accounts, have too | `knows` | `a_name_counts_where_the_provider_that_proved_it_is_known` |
//! | an operator of the centre sees people | health alone | `an_operator_of_the_centre_sees_how_all_are_and_nobody` |
//! | search filters reach another organisation's log | the visitor's alone | `whatever_is_asked_it_is_of_the_visitors_organisation` |
//! | another organisation's systems to choose from | one's own alone | `the_systems_of_others_are_offered_nowhere` |
//! | a look that nobody sees | the entry first, on disk | `nothing_of_people_is_shown_where_the_look_cannot_be_written` |
//! | a look by a program that passes for the person's own | the token in the entry | `a_look_names_the_person_and_the_program_of_theirs` |
//! | a stream or file outlives the session | `lasts` | `what_goes_on_by_itself_ends_with_whatever_ends_the_session` |
//! | the same of a token | `lasts` | `a_file_of_the_log_breaks_off_with_the_session_or_the_token_that_asked_for_it` |
//! | **One person who is two** | | |
//! | one's own by import, by a program, by an extension, on behalf | `not_own`, `may_decide` | `nobody_grants_or_approves_their_own_by_any_way` |
//! | a new name between a grant and its approval | what a provider has proven | `a_new_name_makes_nobody_another_person` |
//! | the same in the store | `decide_exemption` asks for the person | `it_holds_the_contract` |
//! | a new name between a question about a pseudonym and its answer | the same | `whoever_asked_whom_a_pseudonym_stands_for_answers_under_no_other_name` |
//! | two decide at once | the version that was seen | `of_two_clerks_at_once_the_second_is_told_to_look_again` |
//! | **Programs** | | |
//! | a token that is more than its maker | roles that the maker has | `a_token_is_never_more_than_its_maker` |
//! | a token after its end, or with no role left | `holder` | `a_token_ends_at_its_time_and_with_the_last_of_its_makers_roles` |
//! | the maker has left the group that gave the role | proven anew at each sign-in, for a month at most | `what_a_group_gave_a_token_goes_with_the_group` |
//! | a token comes back with the maker's next sign-in | only one that counts is renewed | `a_token_that_was_ended_with_everything_of_its_makers_stays_ended` |
//! | a token for one organisation tells of its maker in another | `Right::Somebody` | `a_token_for_one_organisation_is_not_its_maker_in_another` |
//! | reading becomes writing, or opens pages | scope, `is_api` | `a_token_is_shown_once_and_acts_in_its_makers_name` |
//! | a token without end | days | `a_token_has_an_end_and_a_name_that_can_be_read` |
//! | the answer to somebody else's call | names of calls by token | `one_name_for_a_call_is_each_ones_own` |
//! | answers that tell of people are kept | a day | `it_holds_the_contract` |

use crate::support::table::each_test_is_there;

#[test]
fn each_test_in_the_administrations_table_is_there() {
    let count = each_test_is_there(include_str!("attack_admin.rs"));
    assert!(count > 50, "{count} rows were read");
}
