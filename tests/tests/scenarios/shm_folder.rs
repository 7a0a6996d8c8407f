//! What can be wrong with the folder of shared memory and with what lies in it: each is one error that names the place
//! and what to do, touches nothing that is not ours, and leaves nothing.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::process::Command;

use sage_comm::{Backends, Builtin, DescriptorRecord, ErrorKind, QueueId, ShmFolder};

use crate::peer::{Folder, PEER, Peer, is_root, mounted, skipped};
use crate::support::within_a_minute;

const URI: &str = "shm://folder/jobs?maxsize=8";
/// The file of that queue.
const FILE: &str = "folder+jobs";
const NOBODY: u32 = 65_534;

#[test]
fn a_full_device_is_out_of_space_and_leaves_nothing() {
    within_a_minute(|| {
        let folder = Folder::new("full");
        let script = "mkdir -m 700 \"$folder/sage\" && SAGE_SHM_DIR=\"$folder/sage\" \"$peer\"; ls -A \"$folder/sage\"";
        let Some(mut command) = mounted(&folder, "size=1m", script) else {
            return skipped("mounting a small tmpfs is not allowed here");
        };
        let mut peer = Peer::start(&mut command);
        for _ in 0..3 {
            peer.refused(
                "open shm://folder/large?max_bytes=8388608",
                "OutOfSpace",
                &[
                    "folder/large",
                    "(shm)",
                    "needed_bytes=8",
                    "free_bytes=10",
                    "sage clean",
                    "max_bytes",
                ],
            );
            assert_eq!(peer.ask("ls"), "[]");
        }
        // What fits still fits, up to the last page, and every page of it can be written.
        peer.open("shm://folder/small?maxsize=4&max_item=60000&max_bytes=262144");
        for _ in 0..4 {
            assert_eq!(peer.ask(&format!("put {}", "x".repeat(59_000))), "put");
        }
        assert_eq!(peer.end(), ".control", "nothing but the file of locks is left");
    });
}

#[test]
fn a_queue_that_is_taken_away_is_stale_where_it_was_open_and_new_where_it_is_opened() {
    within_a_minute(|| {
        let id = QueueId::generated("taken");
        let record = DescriptorRecord::new(id.clone(), "shm").with("maxsize", 4_i64);
        let registry = Builtin.registry::<u32>();
        let old = registry.open(&record).unwrap();
        old.put(1).unwrap();
        registry.remove(&record).unwrap();
        let folder = ShmFolder::of_this_user();
        assert!(folder.find(&id).unwrap().is_none());
        let error = sage_comm::Error::from(old.put(2).unwrap_err());
        assert_eq!(error.kind(), ErrorKind::StaleHandle, "{error}");
        let new = registry.open(&record).unwrap();
        new.put(3).unwrap();
        // The old one takes nothing of the new one with it.
        drop(old);
        assert_eq!((new.depth(), new.get().unwrap()), (Some(1), 3));
        drop(new);
        assert!(folder.find(&id).unwrap().is_none());
        // There is none any more.
        registry.remove(&record).unwrap();
    });
}

#[test]
fn a_device_that_cannot_be_written_is_permission_denied() {
    within_a_minute(|| {
        let folder = Folder::new("read-only");
        for make in [
            "true",
            "mkdir -m 700 \"$folder/sage\"",
            "mkdir -m 700 \"$folder/sage\" && : >\"$folder/sage/.control\"",
        ] {
            let script =
                format!("{make} && mount -o remount,ro \"$folder\" && SAGE_SHM_DIR=\"$folder/sage\" exec \"$peer\"");
            let Some(mut command) = mounted(&folder, "size=1m", &script) else {
                return skipped("mounting a read-only tmpfs is not allowed here");
            };
            let mut peer = Peer::start(&mut command);
            let place = folder.join("sage");
            peer.refused(
                &format!("open {URI}"),
                "PermissionDenied",
                &[
                    "folder/jobs",
                    place.to_str().unwrap(),
                    "SAGE_SHM_DIR",
                    "Read-only file system",
                ],
            );
            peer.end();
        }
    });
}

#[test]
fn a_missing_device_is_permission_denied_and_says_what_to_mount() {
    within_a_minute(|| {
        let folder = Folder::new("missing");
        let mut command = Command::new(PEER);
        let mut peer = Peer::start(command.env("SAGE_SHM_DIR", folder.join("no/such")));
        let words = ["folder/jobs", "no/such", "mount a tmpfs at /dev/shm", "SAGE_SHM_DIR"];
        peer.refused(&format!("open {URI}"), "PermissionDenied", &words);
        assert_eq!(peer.ask("ls"), "[]", "nothing there is no fault for who only looks");
        peer.end();
        assert!(folder.files().is_empty());
    });
}

#[test]
fn too_few_files_may_be_open() {
    within_a_minute(|| {
        let folder = Folder::new("files");
        let (mut fresh, mut peer) = (folder.peer(), folder.peer());
        assert_eq!(peer.ask("ls"), "[]");
        for peer in [&fresh, &peer] {
            let mut limit = Command::new("prlimit");
            limit.args(["--nofile=3:3", "--pid", &peer.id().to_string()]);
            if !limit.status().is_ok_and(|status| status.success()) {
                return skipped("there is no prlimit here");
            }
        }
        // One that has to open the file of locks first, and one that has it.
        for peer in [&mut fresh, &mut peer] {
            peer.refused(
                &format!("open {URI}"),
                "ResourceExhausted",
                &["folder/jobs", "raise the limit"],
            );
        }
        fresh.end();
        peer.end();
        assert!(folder.files().is_empty());
    });
}

#[test]
fn the_folder_must_be_ours_alone() {
    within_a_minute(|| {
        let folder = Folder::new("ours");
        let place = folder.join("sage");
        let refused = |found: &str| {
            let mut command = Command::new(PEER);
            let mut peer = Peer::start(command.env("SAGE_SHM_DIR", &place));
            let words = [
                "folder/jobs",
                place.to_str().unwrap(),
                "mode 0700",
                found,
                "SAGE_SHM_DIR",
            ];
            peer.refused(&format!("open {URI}"), "PermissionDenied", &words);
            peer.refused("ls", "PermissionDenied", &[place.to_str().unwrap()]);
            peer.refused("clean", "PermissionDenied", &[place.to_str().unwrap()]);
            peer.end();
        };
        fs::create_dir(&place).unwrap();
        for mode in [0o755, 0o770, 0o707] {
            fs::set_permissions(&place, fs::Permissions::from_mode(mode)).unwrap();
            refused(&format!("with mode {mode:04o}"));
        }
        assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
        fs::remove_dir(&place).unwrap();
        folder.write("elsewhere", b"");
        for target in ["elsewhere", ".", "nowhere"] {
            symlink(folder.join(target), &place).unwrap();
            refused("something else");
            fs::remove_file(&place).unwrap();
        }
        fs::write(&place, b"").unwrap();
        refused("something else");
        assert!(fs::read(&place).unwrap().is_empty());
        assert_eq!(folder.files(), ["elsewhere", "sage"]);
    });
}

#[test]
fn another_user_is_refused_on_both_sides() {
    within_a_minute(|| {
        let folder = Folder::new("users");
        if !is_root(&folder) {
            return skipped("becoming another user is not allowed here");
        }
        let mut ours = folder.peer();
        ours.open(URI);
        let mut command = Command::new(PEER);
        command.uid(NOBODY).gid(NOBODY).env("SAGE_SHM_DIR", &folder.0);
        let mut theirs = Peer::start(&mut command);
        let words = ["folder/jobs", "user 65534", "of user 0", "SAGE_SHM_DIR"];
        theirs.refused(&format!("open {URI}"), "PermissionDenied", &words);
        theirs.refused("clean", "PermissionDenied", &["user 65534"]);
        theirs.end();

        // A segment that somebody else made in our folder.
        folder.write("planted", b"sage-shm");
        chown(folder.join("planted"), Some(NOBODY), None).unwrap();
        let words = ["planted", "user 0", "of user 65534", "somebody else put it there"];
        ours.refused("open shm://planted", "PermissionDenied", &words);
        assert_eq!(
            ours.ask("ls"),
            format!("[{FILE} Used, planted Strange PermissionDenied]")
        );
        assert_eq!(ours.ask("clean"), "[]");
        ours.end();
        assert_eq!(folder.files(), ["planted"]);
    });
}

#[test]
fn what_was_planted_is_refused_and_not_touched() {
    within_a_minute(|| {
        let folder = Folder::new("planted");
        let place = folder.join(FILE);
        let outside = Folder::new("planted-outside");
        outside.write("target", b"precious");
        let mut peer = folder.peer();
        let mut refused = |what: &str| {
            let words = ["folder/jobs", place.to_str().unwrap(), "one name", "remove it"];
            peer.refused(&format!("open {URI}"), "PermissionDenied", &words);
            assert_eq!(peer.ask("ls"), format!("[{FILE} Strange PermissionDenied]"), "{what}");
            assert_eq!(peer.ask("clean"), "[]", "{what}");
            assert!(place.symlink_metadata().is_ok(), "{what} is still there");
        };
        symlink(outside.join("target"), &place).unwrap();
        refused("a link");
        fs::remove_file(&place).unwrap();
        symlink(outside.join("nothing"), &place).unwrap();
        refused("a link to nothing");
        fs::remove_file(&place).unwrap();
        fs::hard_link(outside.join("target"), &place).unwrap();
        refused("a second name");
        fs::remove_file(&place).unwrap();
        fs::create_dir(&place).unwrap();
        refused("a directory");
        fs::remove_dir(&place).unwrap();
        assert!(
            Command::new("mkfifo")
                .args(["-m", "600"])
                .arg(&place)
                .status()
                .unwrap()
                .success()
        );
        refused("a pipe");
        fs::remove_file(&place).unwrap();
        folder.write(FILE, b"");
        fs::set_permissions(&place, fs::Permissions::from_mode(0o644)).unwrap();
        refused("a file that others may read");
        fs::remove_file(&place).unwrap();

        assert_eq!(fs::read(outside.join("target")).unwrap(), b"precious");
        assert_eq!(outside.files(), ["target"]);
        peer.open(URI);
        peer.end();
        assert!(folder.files().is_empty());
    });
}

#[test]
fn what_was_planted_for_the_file_of_locks_is_refused() {
    within_a_minute(|| {
        let folder = Folder::new("locks");
        let control = folder.join(".control");
        let refused = || {
            let mut peer = folder.peer();
            peer.refused(
                &format!("open {URI}"),
                "PermissionDenied",
                &["folder/jobs", control.to_str().unwrap()],
            );
            peer.end();
        };
        folder.write("target", b"precious");
        symlink(folder.join("target"), &control).unwrap();
        refused();
        fs::remove_file(&control).unwrap();
        fs::hard_link(folder.join("target"), &control).unwrap();
        refused();
        fs::remove_file(&control).unwrap();
        fs::create_dir(&control).unwrap();
        refused();
        fs::remove_dir(&control).unwrap();
        assert!(
            Command::new("mkfifo")
                .args(["-m", "600"])
                .arg(&control)
                .status()
                .unwrap()
                .success()
        );
        refused();
        fs::remove_file(&control).unwrap();
        assert_eq!(fs::read(folder.join("target")).unwrap(), b"precious");
    });
}

#[test]
fn a_second_name_of_the_file_of_locks_takes_nobodys_life() {
    within_a_minute(|| {
        let folder = Folder::new("second-name");
        let mut peer = folder.peer();
        peer.open(URI);
        fs::hard_link(folder.join(".control"), folder.join("trap")).unwrap();
        // To open and close it would give up every lock of the process, and with them the proof that it lives.
        peer.refused("open shm://trap", "PermissionDenied", &["trap", "2 names"]);
        assert_eq!(peer.ask("ls"), format!("[{FILE} Used, trap Strange PermissionDenied]"));
        fs::remove_file(folder.join("trap")).unwrap();
        let mut other = folder.peer();
        assert_eq!(other.ask("clean"), "[]");
        assert_eq!(other.ask("ls"), format!("[{FILE} Used]"));
        other.end();
        peer.end();
        assert!(folder.files().is_empty());
    });
}

#[test]
fn other_bytes_and_other_layouts_are_told_apart() {
    within_a_minute(|| {
        let folder = Folder::new("layouts");
        let mut maker = folder.peer();
        maker.open(URI);
        let segment = fs::read(folder.join(FILE)).unwrap();
        maker.kill();
        let mut peer = folder.peer();
        let mut next = segment.clone();
        let version = next[8];
        next[8] += 1;
        let versions = [
            format!("layout version {version}"),
            format!("layout version {}", version + 1),
        ];
        let mut damaged = segment.clone();
        damaged[20] ^= 1;
        let cases: [(&str, &[u8], &str, &[&str]); 6] = [
            ("next", &next, "Incompatible", &[&versions[0], &versions[1]]),
            ("damaged", &damaged, "Corrupt", &["checksum", "sage clean"]),
            (
                "short",
                &segment[..segment.len() - 4096],
                "Corrupt",
                &["bytes", "sage clean"],
            ),
            (
                "cut",
                &segment[..100],
                "Corrupt",
                &["1024 bytes of header", "100 bytes"],
            ),
            (
                "foreign",
                &[7; 4096],
                "Corrupt",
                &["a segment of this library", "whose file it is"],
            ),
            ("empty", b"", "Corrupt", &["1024 bytes of header", "0 bytes"]),
        ];
        for (name, bytes, kind, words) in cases {
            folder.write(name, bytes);
            peer.refused(
                &format!("open shm://{name}?maxsize=8"),
                kind,
                &[&[name], words].concat(),
            );
            assert_eq!(fs::read(folder.join(name)).unwrap(), bytes, "{name} is as it was");
        }
        // Only what begins like a segment of ours is ours to remove, and another version's is not.
        let used = fs::File::options().write(true).open(folder.join("damaged")).unwrap();
        assert_eq!(
            peer.ask("ls"),
            "[cut Stale Corrupt, damaged Used Corrupt, empty Strange Corrupt, foreign Strange Corrupt, \
             next Strange Incompatible, short Stale Corrupt]"
        );
        assert_eq!(peer.ask("clean"), "[cut Stale Corrupt, short Stale Corrupt]");
        drop(used);
        // Where tests share a process, a child that another one starts has the file as well until it runs its program.
        let mut said = peer.ask("clean");
        while said == "[]" {
            said = peer.ask("clean");
        }
        assert_eq!(said, "[damaged Stale Corrupt]");
        assert_eq!(folder.files(), ["empty", "foreign", "next"]);
        peer.end();
    });
}

#[test]
fn a_segment_unlinked_while_in_use_goes_on_and_is_another_one() {
    within_a_minute(|| {
        let folder = Folder::new("unlinked");
        let (mut first, mut second) = (folder.peer(), folder.peer());
        let epoch = first.open(URI);
        assert_eq!(second.open(URI), epoch);
        assert_eq!(first.ask("put before"), "put");
        fs::remove_file(folder.join(FILE)).unwrap();
        assert_eq!(first.ask("put after"), "put");
        assert_eq!(
            (second.ask("get"), second.ask("get")),
            ("item before".into(), "item after".into())
        );

        let mut late = folder.peer();
        assert!(late.open(URI) > epoch);
        assert_eq!(late.ask("put mine"), "put");
        // The older life neither sees the newer one nor takes it along when it ends.
        assert_eq!(second.ask("depth"), "depth Some(0)");
        first.end();
        second.end();
        assert_eq!(folder.files(), [FILE]);
        assert_eq!(late.ask("get"), "item mine");
        late.end();
        assert!(folder.files().is_empty());
    });
}

#[test]
fn a_file_of_locks_removed_while_in_use_is_said_and_costs_no_queue() {
    within_a_minute(|| {
        let folder = Folder::new("locks-gone");
        let mut first = folder.peer();
        first.open(URI);
        fs::remove_file(folder.join(".control")).unwrap();
        assert_eq!(first.ask("put kept"), "put");
        first.refused(
            "open shm://folder/other",
            "StaleHandle",
            &["folder/other", ".control", "restart"],
        );
        let mut second = folder.peer();
        second.refused(&format!("open {URI}"), "StaleHandle", &["folder/jobs", "sage clean"]);
        assert_eq!(second.ask("ls"), format!("[{FILE} Used StaleHandle]"));
        assert_eq!(second.ask("clean"), "[]", "it is mapped, whatever the locks say");
        assert_eq!(first.ask("get"), "item kept");
        first.kill();
        assert_eq!(second.ask("clean"), format!("[{FILE} Stale StaleHandle]"));
        second.open(URI);
        second.end();
        assert!(folder.files().is_empty());
    });
}

#[test]
fn the_whole_folder_may_go_while_queues_are_open() {
    within_a_minute(|| {
        let folder = Folder::new("gone");
        let mut peer = folder.peer();
        peer.open(URI);
        let inode = fs::metadata(folder.join(FILE)).unwrap().ino();
        fs::remove_dir_all(&folder.0).unwrap();
        assert_eq!(
            (peer.ask("put on"), peer.ask("get")),
            ("put".into(), "item on".into()),
            "inode {inode}"
        );
        peer.refused("open shm://folder/other", "StaleHandle", &["folder/other", "restart"]);
        assert_eq!(peer.ask("leave"), "open 0");
        peer.end();
        assert!(!folder.0.exists());
    });
}
