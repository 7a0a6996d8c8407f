//! What is heard of workers: that they are there, and what they write.

use super::{Spread, signal, stop, within_two_minutes};

#[test]
fn a_stopped_worker_is_silent_until_it_goes_on() {
    within_two_minutes(|| {
        let mut spread = Spread::told("endless", 3, "SPREAD_JOB_WATCHES");
        let pid = spread.processes(3)[2];
        stop(pid);
        spread.hears(&format!("silent {pid}"));
        signal("CONT", pid);
        spread.hears(&format!("working {pid}"));
        std::fs::write(spread.folder.end(), "").unwrap();
        let ended = spread.end();
        assert_eq!((ended.code, ended.complaints.as_str()), (Some(0), ""));
        let report = ended.report();
        let workers = report["workers"].as_array().unwrap();
        assert_eq!(workers.len(), 3, "{report}");
        assert!(workers.iter().all(|worker| worker["state"] == "ended"), "{report}");
        let stopped = workers.iter().find(|worker| worker["pid"] == pid).unwrap();
        assert!(stopped["longest_silence_seconds"].as_f64() >= Some(2.0), "{report}");
    });
}

#[test]
fn workers_write_whole_lines_with_their_number_in_front() {
    within_two_minutes(|| {
        let ended = Spread::start("talks", 3).end();
        assert_eq!(ended.code, Some(0), "{}", ended.complaints);
        let complaints: Vec<String> = ended.complaints.lines().map(String::from).collect();
        for lines in [&ended.lines[..ended.lines.len() - 1], &complaints] {
            let mut numbers = Vec::new();
            for line in lines {
                let (worker, said) = line.split_once(": talk_").unwrap_or_else(|| panic!("{line}"));
                assert!(["worker 0", "worker 1", "worker 2"].contains(&worker), "{line}");
                let words: Vec<&str> = said.split(' ').collect();
                let number: usize = words[1].parse().unwrap();
                assert_eq!(words[2], "x".repeat(number % 60), "{line}");
                numbers.push(number);
            }
            numbers.sort_unstable();
            assert_eq!(numbers, (0..600).collect::<Vec<_>>());
        }
    });
}

#[test]
fn the_last_words_of_a_worker_are_heard() {
    within_two_minutes(|| {
        let ended = Spread::start("aborts", 3).end();
        let report = ended.failed();
        let worker = &report["lost_workers"][0]["worker"];
        assert_eq!(
            ended.complaints,
            format!("worker {worker}: a panic\nworker {worker}: and half a li\n")
        );
        let ended = Spread::start("stumbles", 3).end();
        assert_eq!((ended.code, ended.lines.len()), (Some(1), 0), "{:?}", ended.lines);
        let complaints = &ended.complaints;
        assert!(
            complaints.lines().any(|line| line == "worker 1: no graph today"),
            "{complaints}"
        );
        assert!(complaints.contains("ended with exit code 101"), "{complaints}");
        assert_eq!(ended.folder.left(), [""; 0]);
    });
}
