use std::path::Path;

use super::{Mistake, Report, Scenario};

const HEAD: &str = "title = \"t\"\nduration = \"60s\"\nnodes = \"example\"\n\n[[service]]\nname = \"gateway\"\nfollows = [\"1@wan\", \"3@lan\"]\n";

fn parse(rest: &str) -> Result<Scenario, Vec<Mistake>> {
    Scenario::parse(Path::new("t.toml"), &format!("{HEAD}{rest}"))
}

fn run(rest: &str) -> Report {
    let scenario = parse(rest).unwrap();
    scenario.run(scenario.seed).unwrap()
}

fn mistake(rest: &str) -> String {
    parse(rest).unwrap_err().iter().map(Mistake::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_mistake_names_its_line_and_what_would_be_right() {
    let at = |fields: &str| mistake(&format!("[[at]]\ntime = \"1s\"\n{fields}\n"));
    let expect = |fields: &str| mistake(&format!("[[expect]]\n{fields}\n"));
    let table = [
        (
            at("do = \"cable pull\"\nnode = \"fw3\"\ninterface = \"wan\""),
            "t.toml:8: there is no node fw3; there are fw1, fw2",
        ),
        (at("do = \"cable pull\"\nnode = \"fw1\"\ninterface = \"dmz\""), "has no interface dmz; it has wan, lan, opt1"),
        (at("do = \"cable pul\"\nnode = \"fw1\""), "unknown variant `cable pul`"),
        (at("do = \"cable pull\"\nnode = \"fw1\""), "missing field `interface`"),
        (at("do = \"crash\"\nnode = \"fw1\"\nhard = true"), "unknown field `hard`"),
        (at("do = \"crash\""), "what happens to a node needs a node"),
        (at("do = \"loss\"\ninterface = \"wan\"\npercent = 101"), "more than 100"),
        (at("do = \"gui save\"\nnode = \"fw1\"\nservice = \"db\""), "there is no service db"),
        (at("do = \"service crash\"\nnode = \"fw1\"\nservice = \"db\""), "there is no service db"),
        (mistake("[[at]]\ndo = \"crash\"\nnode = \"fw1\"\n"), "needs a time"),
        (mistake("[[at]]\ntime = \"2m\"\ndo = \"crash\"\nnode = \"fw1\"\n"), "after the end of the scenario"),
        (expect("at = \"1s\""), "expects nothing"),
        (expect("state = { fw1 = \"MASTER\" }"), "needs a time"),
        (expect("from = \"2s\"\nto = \"1s\"\nmasters = 1"), "from is not before to"),
        (expect("at = \"1s\"\nstate = { fw1 = \"MASTERS\" }"), "t.toml:10: unknown variant `MASTERS`"),
        (expect("at = \"1s\"\nvhid = \"9@wan\"\nmasters = 1"), "no node has a vhid 9@wan; there are 1@wan, 3@lan"),
        (expect("at = \"1 s\"\nmasters = 1"), "\"1 s\" is not a duration"),
        (
            mistake("[[service]]\nname = \"gateway\"\nfollows = [\"1@wan\"]\n"),
            "t.toml:8: service gateway is there already",
        ),
        (mistake("speed = 9"), "unknown field `speed`"),
    ];
    for (said, wanted) in table {
        assert!(said.contains(wanted), "{said:?} lacks {wanted:?}");
    }
}

#[test]
fn all_mistakes_in_steps_and_expectations_are_told_at_once() {
    let said = mistake(
        "[[at]]\ntime = \"1s\"\ndo = \"fly\"\nnode = \"fw1\"\n[[expect]]\nat = \"1s\"\n[[expect]]\nmasters = 1\n",
    );
    assert_eq!(said.lines().count(), 3, "{said}");
}

/// Each of these is wrong about a pair of which fw1 is MASTER and nothing else is the case.
#[test]
fn an_expectation_that_is_wrong_fails() {
    let wrong = [
        "state = { fw1 = \"BACKUP\" }",
        "state = { fw1 = \"off\" }",
        "masters = 2",
        "runs_on = [\"fw2\"]",
        "runs_on = []",
        "runs_on = [\"fw1\", \"fw2\"]",
        "role = { fw1 = \"standby\" }",
        "demotion = { fw1 = 240 }",
        "share = { fw1 = 240 }",
        "foreign = { fw1 = 240 }",
        "verdict = { fw1 = \"warning\" }",
        "says = { fw1 = \"anything\" }",
        "maintenance = { fw1 = true }",
        "answer = { fw1 = \"done\" }",
        "missed = { fw1 = 1 }",
        "writes = { fw1 = 1 }",
        "starts = { fw1 = 2 }",
        "tunnel = { fw1 = \"up\" }",
        "stops = { fw1 = 1 }",
        "changes = { fw1 = 99 }",
        "logs = { fw1 = \"anything\" }",
    ];
    for condition in wrong {
        let report = run(&format!("[[expect]]\nat = \"40s\"\n{condition}\n"));
        let held = report.expects.iter().all(|expect| expect.held);
        assert!(!held && !report.held && report.broken.is_empty(), "{condition} held: {report}");
    }
}

#[test]
fn what_has_to_hold_all_the_time_fails_if_it_does_not_for_an_instant() {
    let crash = "[[at]]\ntime = \"30s\"\ndo = \"service crash\"\nnode = \"fw1\"\nservice = \"gateway\"\n";
    let report = run(&format!("{crash}[[expect]]\nfrom = \"20s\"\nto = \"50s\"\nruns_on = [\"fw1\"]\n"));
    assert_eq!((report.held, report.expects[0].found.as_str()), (false, "nowhere at 30.000"));
    let cable = "[[at]]\ntime = \"30s\"\ndo = \"crash\"\nnode = \"fw1\"\n";
    let report = run(&format!("{cable}[[expect]]\nfrom = \"20s\"\nto = \"50s\"\noutage = \"1s\"\n"));
    assert!(report.expects.iter().all(|expect| !expect.held), "three adverts have to be missed first: {report}");
}

#[test]
fn a_service_that_runs_twice_for_longer_than_expected_is_told() {
    let cut = "[[at]]\ntime = \"20s\"\ndo = \"partition\"\ninterface = \"lan\"\n[[at]]\ntime = \"20s\"\ndo = \"partition\"\ninterface = \"wan\"\n";
    let report = run(&format!("{cut}[[expect]]\nat = \"40s\"\noverlap = \"1ms\"\n"));
    assert!(report.expects.iter().all(|expect| !expect.held), "{report}");
}

#[test]
fn a_step_that_cannot_be_done_is_told_and_nothing_held() {
    let report =
        run("[[at]]\ntime = \"9s\"\ndo = \"vip del\"\nnode = \"fw1\"\nvhid = \"1@wan\"\naddress = \"172.18.0.9/24\"\n");
    assert_eq!((report.held, report.refused), (false, 1));
    assert!(report.to_string().contains("has no address 172.18.0.9"));
}

#[test]
fn a_password_is_shown_nowhere() {
    let report =
        run("[[at]]\ntime = \"9s\"\ndo = \"password\"\nnode = \"fw1\"\nvhid = \"1@wan\"\npassword = \"hush-hush\"\n");
    let json = serde_json::to_string(&report).unwrap();
    assert!(!json.contains("hush") && !report.to_string().contains("hush"));
}
