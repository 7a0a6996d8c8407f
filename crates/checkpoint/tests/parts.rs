//! Checkpoints of which several processes write parts.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;

use checkpoint::{Duty, Folder, Part, Report, Round, Saved, Shelf, Taken};
use descriptor_core::ErrorKind;

/// A folder of one test, which goes with it.
struct Temp(PathBuf);

impl Temp {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("checkpoint-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn shelf(&self) -> Shelf {
        let instances = ["a", "b", "c", "d"].map(String::from).to_vec();
        Shelf::new(self.0.clone(), 1 << 20, "job", "graph".into(), instances)
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn saved(text: &str) -> Saved {
    Saved {
        state: text.into(),
        over: text.is_empty(),
        sent: 3,
    }
}

fn states(places: &[usize]) -> Vec<(usize, Saved)> {
    let text = ["first", "", "third", "fourth"];
    places.iter().map(|place| (*place, saved(text[*place]))).collect()
}

fn written(shelf: &Shelf, number: u64, parts: &[&[usize]]) -> Vec<Part> {
    let parts = (0..).zip(parts);
    let written = parts.map(|(part, places)| shelf.write_part("run", number, part, &states(places)).unwrap());
    written.collect()
}

#[test]
fn each_process_reads_its_own_states_whoever_wrote_them() {
    let temp = Temp::new("own");
    let shelf = temp.shelf();
    let folder = Folder::take(shelf.clone()).unwrap();
    for number in 1..=3 {
        folder.begin("run", number).unwrap();
        let parts = written(&shelf, number, &[&[1], &[0, 3], &[2]]);
        folder.complete("run", number, &parts).unwrap();
    }
    assert_eq!(folder.last().unwrap(), Some(3));
    let found = shelf.read(3, |place| place >= 2).unwrap();
    let found: Vec<_> = found.into_iter().map(|it| it.map(|it| (it.state, it.over))).collect();
    assert_eq!(
        found,
        [
            None,
            None,
            Some((b"third".to_vec(), false)),
            Some((b"fourth".to_vec(), false))
        ]
    );
    assert!(shelf.read(1, |_| true).is_err(), "only two stay");
    // A part that is damaged, or not there, is found by whoever wants something of it.
    let part = temp.0.join("checkpoint-0000000003").join("states-0");
    fs::write(&part, "firstfourtX").unwrap();
    assert_eq!(
        shelf.read(3, |place| place == 3).unwrap_err().kind(),
        ErrorKind::Corrupt
    );
    assert!(shelf.read(3, |place| place == 0).is_ok());
}

#[test]
fn parts_that_are_not_the_whole_job_are_no_checkpoint() {
    let temp = Temp::new("whole");
    let shelf = temp.shelf();
    let folder = Folder::take(shelf.clone()).unwrap();
    let wrong: [&[&[usize]]; 3] = [&[&[0, 1], &[2]], &[&[0, 1], &[1, 2, 3]], &[&[1, 0], &[2, 3]]];
    for (number, parts) in (1..).zip(wrong) {
        folder.begin("run", number).unwrap();
        let parts = written(&shelf, number, parts);
        let refused = folder.complete("run", number, &parts).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Corrupt);
    }
    assert_eq!(folder.last().unwrap(), None);
    let begun = || {
        let names = fs::read_dir(&temp.0).unwrap().map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| name.to_string_lossy().starts_with("unfinished"))
            .count()
    };
    // The next one takes the place of the last one, and at the end nothing need stay.
    assert_eq!(begun(), 1);
    folder.sweep().unwrap();
    assert_eq!(begun(), 0);
}

#[test]
fn a_checkpoint_of_other_parameters_is_refused() {
    let temp = Temp::new("parameters");
    let made_with = |what: &str| temp.shelf().with_parameters(what.into());
    let folder = Folder::take(made_with("seed=1")).unwrap();
    folder.begin("run", 1).unwrap();
    let parts = written(folder.shelf(), 1, &[&[0, 1, 2, 3]]);
    folder.complete("run", 1, &parts).unwrap();
    // Who does not say what it was made with has asked somebody who does.
    for shelf in [made_with("seed=1"), temp.shelf()] {
        assert!(shelf.read(1, |_| true).is_ok());
    }
    let refused = made_with("seed=2").read(1, |_| true).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Incompatible);
    assert!(refused.to_string().contains("`seed=1`"), "{refused}");
    assert!(made_with("seed=2").other_graph(1).is_err());
}

#[test]
fn what_an_older_run_still_writes_is_in_no_checkpoint_of_the_next() {
    let temp = Temp::new("older");
    let shelf = temp.shelf();
    let folder = Folder::take(shelf.clone()).unwrap();
    folder.begin("old", 1).unwrap();
    folder.begin("run", 1).unwrap();
    assert!(shelf.write_part("old", 1, 0, &states(&[0, 1, 2, 3])).is_err());
    let parts = written(&shelf, 1, &[&[0, 1, 2, 3]]);
    folder.complete("run", 1, &parts).unwrap();
    assert_eq!(folder.last().unwrap(), Some(1));
}

#[test]
fn a_worker_writes_at_a_barrier_that_comes_before_the_word_and_says_once_that_it_is_over() {
    let round = Round::new(1 << 20, vec![1, 3], 0, None, Report::default());
    round.hand_over(1, 1, saved("a"));
    round.begin(1);
    round.hand_over(3, 1, saved("b"));
    let Duty::Write(1, states) = round.duty(false) else {
        panic!("a part to write");
    };
    assert_eq!(states, [(1, saved("a")), (3, saved("b"))]);
    round.end(1, saved("c"));
    round.end(3, saved("d"));
    assert!(matches!(round.duty(false), Duty::SayOver));
    round.begin(2);
    let Duty::Write(2, states) = round.duty(true) else {
        panic!("the states at the end");
    };
    assert!(states.iter().all(|(_, saved)| saved.over));
    round.end_last(Ok(()));
    assert!(matches!(round.duty(true), Duty::Gone));
}

#[test]
fn a_round_is_complete_with_the_parts_of_all_workers_and_over_when_all_are() {
    let round = Round::new(1 << 20, vec![0], 2, Some(4), Report::default());
    let part = |part| Part {
        part,
        entries: Vec::new(),
    };
    round.begin(5);
    round.hand_over(0, 5, saved("a"));
    round.take_part(0, 4, part(1));
    round.take_part(0, 5, part(1));
    round.take_part(1, 5, part(2));
    let Taken::All(states, parts) = round.gather(false) else {
        panic!("all of it");
    };
    assert_eq!((states.len(), parts.len()), (1, 2));
    round.begin(6);
    round.end(0, saved("b"));
    round.worker_over(0);
    round.worker_over(1);
    assert!(matches!(round.gather(false), Taken::Over));
    round.begin(7);
    round.part_unwritten(7, "no room".into());
    assert!(matches!(round.gather(true), Taken::Unwritten(why) if why == "no room"));
}
