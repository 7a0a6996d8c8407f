//! What dead processes leave in the folder goes with the next one who comes, or with who cleans up; nothing else does.

use std::fs::File;

use crate::peer::Folder;
use crate::support::within_a_minute;

#[test]
fn opening_any_queue_sweeps_what_the_dead_left() {
    within_a_minute(|| {
        let folder = Folder::new("sweep");
        let mut alive = folder.peer();
        alive.open("shm://alive");
        let mut dying = folder.peer();
        for number in 0..20 {
            dying.open(&format!("shm://dead/{number}"));
            assert_eq!(dying.ask("put gone with its owner"), "put");
        }
        dying.open("shm://shared");
        alive.open("shm://shared");
        dying.open("shm://kept?auto_cleanup=false");
        assert_eq!(dying.ask("put stays"), "put");
        dying.kill();
        folder.write(".new-00000001ffffffff-00000000", b"half made by the dead");
        folder.write(".new-00000001fffffffe-00000000", b"half made, and somebody is at it");
        let at_it = File::options()
            .write(true)
            .open(folder.join(".new-00000001fffffffe-00000000"))
            .unwrap();
        folder.write("not-ours", b"nothing of ours");
        assert_eq!(folder.files().len(), 20 + 6);

        // The first queue of a process, whatever its name.
        let mut next = folder.peer();
        next.open("shm://next");
        let left = [
            ".new-00000001fffffffe-00000000",
            "alive",
            "kept",
            "next",
            "not-ours",
            "shared",
        ];
        assert_eq!(folder.files(), left);
        assert_eq!(
            next.ask("ls"),
            "[.new-00000001fffffffe-00000000 Used, alive Used, kept Kept, next Used, \
             not-ours Strange Corrupt, shared Used]"
        );
        drop(at_it);
        assert_eq!(next.ask("clean"), "[.new-00000001fffffffe-00000000 Stale]");
        next.open("shm://kept?auto_cleanup=false");
        assert_eq!(next.ask("get"), "item stays");
        next.end();
        alive.end();
        assert_eq!(folder.files(), ["kept", "not-ours"]);
    });
}

#[test]
fn cleaning_while_others_open_and_leave_takes_nothing_from_them() {
    within_a_minute(|| {
        let folder = Folder::new("storm");
        let (mut user, mut cleaner) = (folder.peer(), folder.peer());
        let cleaning = std::thread::spawn(move || {
            for _ in 0..300 {
                let removed = cleaner.ask("clean");
                assert_eq!(removed, "[]", "of somebody who lives");
            }
            cleaner.end();
        });
        for round in 0..300 {
            user.open("shm://busy");
            assert_eq!(user.ask(&format!("put {round}")), "put");
            assert_eq!(user.ask("get"), format!("item {round}"));
            assert_eq!(user.ask("leave"), "open 0");
        }
        cleaning.join().unwrap();
        user.end();
        assert!(folder.files().is_empty());
    });
}
