//! Every sequence of steps against a model that counts people by hand: nobody gets in without the
//! approvals that it takes, and everybody does with them.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::policy::fixture::{address, at, exemption, leg, person, place, policy, snapshot};
use crate::policy::{Proof, Subject, Verdict, decide};

const BEGIN: &str = "2026-12-01T00:00:00Z";

fn hour(hours: i64) -> Timestamp {
    at(BEGIN) + SignedDuration::from_hours(hours)
}

/// The journey of the tests: from the tenth hour up to the sixtieth.
fn journey(state: ExemptionState) -> TravelExemption {
    let legs = vec![leg("CN", &hour(10).to_string(), &hour(60).to_string())];
    let mut one = exemption("TE-1", "anna@ballerup", &["mail"], legs);
    one.state = state;
    one
}

fn lets_in(one: &TravelExemption, now: Timestamp) -> bool {
    let anna = person("anna@ballerup");
    let address = address("203.0.113.9");
    let subject =
        Subject { address, location: place("CN"), person: Some(&anna), proof: Proof::NONE };
    let verdict = decide(&policy(|_| {}), &subject, &snapshot(vec![one.clone()]), now);
    matches!(verdict, Verdict::Allow(_))
}

fn actor(name: &str, user: &str) -> Actor {
    Actor { name: name.into(), operating_system_user: Some(user.into()) }
}

#[derive(Debug, Clone)]
enum Origin {
    Applied(Actor),
    Granted(Actor, bool),
    Emergency(Actor, i64),
}

#[derive(Debug, Clone)]
enum Act {
    Step(Decision, Actor),
    Wait(i64),
}

/// What is known of an exemption to somebody who only remembers who said yes and who said stop.
struct Model {
    applicant: Option<Actor>,
    yes: Vec<Actor>,
    needed: Option<usize>,
    alone_until: Option<Timestamp>,
    stopped: bool,
}

impl Model {
    fn of(origin: &Origin) -> Self {
        let empty =
            Self { applicant: None, yes: vec![], needed: None, alone_until: None, stopped: false };
        match origin.clone() {
            Origin::Applied(by) => Self { applicant: Some(by), ..empty },
            Origin::Granted(by, two) => {
                Self { yes: vec![by], needed: Some(1 + usize::from(two)), ..empty }
            }
            Origin::Emergency(by, until) => {
                let alone_until = Some(hour(until));
                Self { yes: vec![by], needed: Some(2), alone_until, ..empty }
            }
        }
    }

    fn counts(&self, now: Timestamp) -> bool {
        let enough = self.needed.is_some_and(|needed| self.yes.len() >= needed);
        let alone = self.alone_until.is_some_and(|until| now < until);
        !self.stopped && (enough || alone)
    }

    fn step(&mut self, decision: Decision, by: &Actor, now: Timestamp) -> bool {
        let own = by.name.trim() == "anna" || by.operating_system_user.as_deref() == Some("anna");
        let apart = |others: &[Actor]| !own && others.iter().all(|one| are_two_people(one, by));
        let applicant: Vec<Actor> = self.applicant.iter().cloned().collect();
        let everybody: Vec<Actor> = self.yes.iter().chain(&applicant).cloned().collect();
        let over = now >= hour(60);
        let decided = self.needed.is_some_and(|needed| self.yes.len() >= needed);
        let possible = !self.stopped
            && match decision {
                Decision::Approve { .. } => {
                    let in_time = self.alone_until.is_none_or(|until| now < until);
                    !decided && !over && in_time && apart(&everybody)
                }
                Decision::Refuse => !decided && self.alone_until.is_none() && apart(&applicant),
                Decision::Withdraw => {
                    let same = |one: &Actor| one.name.trim() == by.name.trim();
                    !decided && !applicant.is_empty() && (own || applicant.iter().any(same))
                }
                Decision::Revoke | Decision::Close => {
                    let waits = !decided && self.alone_until.is_none();
                    let goes_on = !over && self.counts(now);
                    !self.yes.is_empty() && (waits || goes_on)
                }
            };
        if possible {
            match decision {
                Decision::Approve { two_people } => {
                    self.needed.get_or_insert(1 + usize::from(two_people));
                    self.yes.push(by.clone());
                }
                Decision::Refuse | Decision::Withdraw | Decision::Revoke | Decision::Close => {
                    self.stopped = true;
                }
            }
        }
        possible
    }
}

/// Two names, and where one account serves both, two people who both said their own.
fn are_two_people(one: &Actor, other: &Actor) -> bool {
    let silent =
        |actor: &Actor| Some(actor.name.as_str()) == actor.operating_system_user.as_deref();
    let one_account = one.operating_system_user == other.operating_system_user;
    one.name.trim() != other.name.trim() && !(one_account && (silent(one) || silent(other)))
}

fn actors() -> impl Strategy<Value = Actor> {
    let names = select(vec!["bente", "carl", "dorte", "anna", "shell", " bente"]);
    (names, select(vec!["shell", "os-carl", "anna"])).prop_map(|(name, user)| actor(name, user))
}

fn acts() -> impl Strategy<Value = Act> {
    let decisions = prop_oneof![
        4 => any::<bool>().prop_map(|two_people| Decision::Approve { two_people }),
        1 => Just(Decision::Refuse),
        1 => Just(Decision::Withdraw),
        1 => Just(Decision::Revoke),
        1 => Just(Decision::Close),
    ];
    prop_oneof![
        4 => (decisions, actors()).prop_map(|(decision, by)| Act::Step(decision, by)),
        1 => (0_i64..20).prop_map(Act::Wait),
    ]
}

fn origins() -> impl Strategy<Value = Origin> {
    prop_oneof![
        2 => actors().prop_map(Origin::Applied),
        1 => (actors(), any::<bool>()).prop_map(|(by, two)| Origin::Granted(by, two)),
        1 => (actors(), 11_i64..70).prop_map(|(by, until)| Origin::Emergency(by, until)),
    ]
}

fn begin(origin: &Origin) -> (TravelExemption, Vec<Participant>) {
    let (state, part, by) = match origin {
        Origin::Applied(by) => (ExemptionState::Applied, Part::Applied, by),
        Origin::Granted(by, true) => (ExemptionState::AwaitingApproval, Part::Granted, by),
        Origin::Granted(by, false) => (ExemptionState::Granted, Part::Granted, by),
        Origin::Emergency(by, until) => {
            (ExemptionState::Provisional { until: hour(*until) }, Part::Granted, by)
        }
    };
    (journey(state), vec![Participant { part, actor: by.clone() }])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_sequence_of_steps_lets_in_without_the_approvals_it_takes(
        origin in origins(),
        acts in proptest::collection::vec(acts(), 0..12),
    ) {
        let mut model = Model::of(&origin);
        let (mut one, mut participants) = begin(&origin);
        let mut now = hour(0);
        for act in acts {
            match act {
                Act::Wait(hours) => now += SignedDuration::from_hours(hours),
                Act::Step(decision, by) => {
                    let after = take_step(&one, &participants, decision, &by, now);
                    let possible = model.step(decision, &by, now);
                    prop_assert_eq!(after.is_ok(), possible, "{:?} by {:?}: {:?}", decision, by, after);
                    if let Ok(state) = after {
                        one.state = state;
                        if matches!(decision, Decision::Approve { .. }) {
                            participants.push(Participant { part: Part::Approved, actor: by });
                        }
                    }
                }
            }
            for instant in [now, hour(9), hour(10), hour(30), hour(59), hour(60)] {
                let wanted = model.counts(instant) && hour(10) <= instant && instant < hour(60);
                prop_assert_eq!(lets_in(&one, instant), wanted, "{:?} at {}", one.state, instant);
            }
        }
    }
}

#[test]
fn nobody_decides_for_themselves_even_where_no_name_was_kept() {
    let by = actor("anna", "shell");
    let approve = Decision::Approve { two_people: false };
    let refused = take_step(&journey(ExemptionState::Applied), &[], approve, &by, hour(0));
    assert_eq!(refused, Err(StepRefused::NotBy(ApprovalRefused::Traveller)));
    let nameless = actor(" ", "shell");
    let refused = take_step(&journey(ExemptionState::Applied), &[], approve, &nameless, hour(0));
    assert_eq!(refused, Err(StepRefused::NotBy(ApprovalRefused::Nameless)));
}
