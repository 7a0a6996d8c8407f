//! Jobs with checkpoints, which go on when they lose workers.

use serde_json::Value;

use super::{Folder, Spread, unbalanced, within_two_minutes};

/// The numbers that sinks have shown, in order.
fn shown(folder: &Folder) -> Vec<u64> {
    let mut rows = Vec::new();
    for entry in std::fs::read_dir(folder.kept().join("shown")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        rows.extend(text.lines().map(|row| row.parse::<u64>().unwrap()));
    }
    rows.sort_unstable();
    rows
}

#[test]
fn a_job_with_checkpoints_outlives_its_workers_and_gives_the_same_answer() {
    within_two_minutes(|| {
        let threads = Spread::start("kept", 0).end();
        assert_eq!(threads.code, Some(0), "{}", threads.complaints);
        let all: Vec<u64> = (0..20_000).collect();
        assert_eq!(shown(&threads.folder), all);
        for (kills, panics, least) in [
            ("", false, 0),
            ("sum=5,complete,sum=1,sum=4", false, 1),
            ("", true, 1),
            ("at_once", false, 1),
            ("complete,during,complete", false, 3),
            ("starting,complete", false, 2),
        ] {
            let spread = Spread::in_trouble("kept", 3, kills, panics).end();
            assert_eq!(spread.code, Some(0), "{kills} {panics}: {}", spread.complaints);
            let report = spread.report();
            assert_eq!(spread.lines[0], threads.lines[0], "{kills} {panics}: {report}");
            assert_eq!(shown(&spread.folder), all, "{kills} {panics}: {report}");
            assert_eq!(unbalanced(&report), [""; 0], "{kills} {panics}");
            assert_eq!(report["lost_workers"], Value::Array(Vec::new()));
            let restarts = report["restarts"].as_u64().unwrap();
            // A busy machine may be through before the last moment has come.
            assert!(restarts >= least, "{kills} {panics}: {report}");
            assert_eq!(report["attempts"].as_array().map_or(0, Vec::len) as u64, restarts);
            let changes = report["rescales"].as_array().map_or(0, Vec::len);
            assert_eq!(changes, kills.matches("sum=").count(), "{report}");
            assert_eq!(spread.folder.left(), [""; 0], "{kills} {panics}");
        }
    });
}

#[test]
fn a_change_is_given_up_while_its_checkpoint_cannot_be_begun_and_the_job_goes_on() {
    within_two_minutes(|| {
        let spread = Spread::in_trouble("kept", 2, "away=5,sum=4", false).end();
        assert_eq!(spread.code, Some(0), "{}", spread.complaints);
        let report = spread.report();
        assert!(report["checkpoints"]["unwritten"].as_u64() >= Some(1), "{report}");
        assert_eq!(report["rescales"][0]["after"], 4, "{report}");
        assert_eq!(shown(&spread.folder), (0..20_000).collect::<Vec<u64>>(), "{report}");
    });
}

#[test]
fn a_node_without_a_state_is_refused_before_the_start_wherever_it_runs() {
    within_two_minutes(|| {
        for workers in [0, 2] {
            let refused = Spread::start("unkept", workers).end();
            assert_eq!(refused.code, Some(1), "{}", refused.complaints);
            let complaints = &refused.complaints;
            assert!(complaints.contains("error[not-kept] node `numbers`"), "{complaints}");
        }
    });
}
