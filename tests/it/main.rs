//! The one integration-test binary: it starts the real program on port 0 and talks to it as a
//! client would. Tests named `outside_…` need an outside program, which `tests/run` installs.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    unreachable_pub,
    reason = "tests stop at the first thing that is not as expected"
)]

mod admin_listener;
mod admin_log;
mod admin_orders;
mod admin_persons;
mod admin_provider;
mod admin_review;
mod admin_travel;
mod affinity_bound;
mod affinity_examples;
mod affinity_http2;
mod attack_admin;
mod attack_bearer;
mod attack_door;
mod attack_factor;
mod attack_forging;
mod attack_framing;
mod attack_h1_slow;
mod attack_h1_table;
mod attack_h2_floods;
mod attack_h2_reading;
mod attack_h2_rules;
mod attack_h2_slow;
mod attack_h2_spec;
mod attack_identity;
mod attack_log;
mod attack_mail_login;
mod attack_oidc;
mod attack_oidc_people;
mod attack_oidc_tokens;
mod attack_silence;
mod attack_tls;
mod audit_disk_full;
mod audit_kill;
mod authorize;
mod bodies_ending;
mod bodies_large;
mod bodies_messages;
mod bodies_stalling;
mod bodies_standing;
mod demo;
mod devices_certificate;
mod devices_certificate_people;
mod devices_grant;
mod devices_link;
mod devices_lost;
mod door;
mod erasing;
mod flood_adaptive;
mod flood_permitted;
mod forwarding;
mod identity_providers;
mod journey;
mod list;
mod log_index;
mod mail_clients;
mod odd_use;
mod options_asterisk;
mod outside_accessibility;
mod outside_admin;
mod outside_admin_fuzz;
mod outside_admin_live;
mod outside_admin_log;
mod outside_admin_orders;
mod outside_admin_overview;
mod outside_admin_people;
mod outside_admin_travel;
mod outside_anchors;
mod outside_browser;
mod outside_curl;
mod outside_demo;
mod outside_examples;
mod outside_forward_auth;
mod outside_grpc;
mod outside_h2load;
mod outside_haproxy;
mod outside_image;
mod outside_large;
mod outside_ldap;
mod outside_ldap_groups;
mod outside_ldap_shut_out;
mod outside_mail;
mod outside_mail_login;
mod outside_names;
mod outside_namespaces;
mod outside_newcomer;
mod outside_nginx;
mod outside_node_orders;
mod outside_nodes;
mod outside_notices;
mod outside_oidc;
mod outside_openssl;
mod outside_operator;
mod outside_package;
mod outside_systemd;
mod outside_systemd_live;
mod outside_travellers;
mod outside_webdav;
mod outside_websocket;
mod outside_windows_login;
mod path_rules;
mod rejecting;
mod remote;
mod remote_refusing;
mod running_audit;
mod running_files;
mod running_limits;
mod running_listeners;
mod running_operations;
mod running_reload;
mod running_restart;
mod running_service_manager;
mod running_shutdown;
mod running_store;
mod running_upstream;
mod support;
mod tcp_login;
mod tcp_login_ending;
mod tcp_passing;
mod tcp_rejecting;
mod tcp_tls;
mod upstream_answers;
mod upstream_balance;
mod upstream_http2;
mod upstream_limits;
mod upstream_tls;
