//! The folder of segments as an operator sees it: what is there, who uses it, and what nobody will miss.
//!
//! Files are read, never mapped: one that is cut short meanwhile is an error and not a signal. Whatever they say is
//! checked like everything else that comes from outside, and removing takes the lock of the name and looks again.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use descriptor_core::{Error, ErrorKind, QueueId, Totals};

use crate::cursor::Cursor;
use crate::header::{Header, MAGIC};
use crate::host::{self, Host, NameLock, io_error};
use crate::layout::{
    AWAY, DAMAGED, DEAD_LETTERED, DROPPED, EVICTED, EXPIRED, GET_TOTAL, HEAD, LOST_IN_FLIGHT, Layout, PARTICIPANTS,
    PUT_TOTAL, REDELIVERED, STAGE, TAIL, TORN,
};
use crate::segment::{UNFINISHED, file_name, inspect, open_file, remove, tokens, unfinished_end};
use crate::{Damage, sys};

/// A process that has a queue open. One that opened it several times is there as often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShmMember {
    /// Its number, as it saw it itself: in another container it may be another one.
    pub pid: u32,
    /// Whether it lives, running or stopped. Asked of the kernel, not of the number.
    pub alive: bool,
}

/// What a segment says about its queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShmSegment {
    /// The queue id.
    pub queue_id: String,
    /// The number of this life of the queue.
    pub epoch: u64,
    /// The type of the items, cut after 480 bytes.
    pub item: String,
    /// The capacity in items.
    pub capacity: u64,
    /// The capacity in bytes.
    pub max_bytes: u64,
    /// The largest item, in bytes.
    pub max_item: u64,
    /// Items inside now, those on loan included.
    pub depth: u64,
    /// Items on loan, or back from it and not yet taken again.
    pub away: u64,
    /// Bytes of the ring that are taken now.
    pub depth_bytes: u64,
    /// When this life began, by the clock of the wall.
    pub created: SystemTime,
    /// Whether the queue stays when nobody has it open: parameter `auto_cleanup=false`.
    pub keep: bool,
    /// Whether it was closed.
    pub closed: bool,
    /// Who has it open, as far as it can be told.
    pub members: Vec<ShmMember>,
    /// Items ever stored, and items handed out.
    pub totals: Totals,
    /// Deliveries beyond the first of an item.
    pub redelivered: u64,
    /// Leases that ran out.
    pub expired: u64,
    /// Items that went to the dead letters.
    pub dead_lettered: u64,
    /// Items that had nowhere to go as dead letters.
    pub dropped: u64,
    /// What deaths and damage did to it.
    pub damage: Damage,
}

/// What [`ShmFolder::clean`] thinks of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShmState {
    /// Somebody has it open.
    Used,
    /// Nobody has it open, and it stays all the same.
    Kept,
    /// Nobody has it open and nobody can miss it: left by the dead.
    Stale,
    /// No segment that this version can judge. It is never touched.
    Strange,
}

/// One file of the folder.
#[derive(Debug)]
pub struct ShmEntry {
    /// Its name there.
    pub file: String,
    /// Bytes of memory that it takes.
    pub bytes: u64,
    /// What becomes of it.
    pub state: ShmState,
    /// What it says about its queue; none when it cannot be read, or is still being made.
    pub segment: Option<ShmSegment>,
    /// Why nobody can open it, if so.
    pub fault: Option<Error>,
}

/// The folder where the segments of this user are: `SAGE_SHM_DIR`, or `/dev/shm/sage-UID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShmFolder {
    path: PathBuf,
}

impl ShmFolder {
    /// The one that this process uses. Nothing is made or opened yet.
    #[must_use]
    pub fn of_this_user() -> Self {
        Self { path: host::folder() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Everything in it, by name. A folder that is not there holds nothing.
    ///
    /// # Errors
    /// `PermissionDenied` when the folder is not ours alone, or `Io`.
    pub fn entries(&self) -> Result<Vec<ShmEntry>, Error> {
        let Some(host) = self.host()? else {
            return Ok(Vec::new());
        };
        Ok(names(host)?
            .iter()
            .filter_map(|name| examine(host, name, None))
            .collect())
    }

    /// Removes what is [`Stale`](ShmState::Stale) and says what that was; with `dry_run`, says what it would be. A
    /// queue that somebody is opening at this moment is left alone.
    ///
    /// # Errors
    /// As [`entries`](Self::entries), and when the system refuses to remove a file.
    pub fn clean(&self, dry_run: bool) -> Result<Vec<ShmEntry>, Error> {
        let Some(host) = self.host()? else {
            return Ok(Vec::new());
        };
        let mut removed = Vec::new();
        for name in names(host)? {
            let seen = examine(host, &name, None);
            let entry = match seen {
                Some(entry) if entry.state != ShmState::Stale => None,
                Some(entry) if dry_run => Some(entry),
                _ => remove_stale(host, &name)?,
            };
            removed.extend(entry);
        }
        Ok(removed)
    }

    /// The segment of a queue; none when there is none.
    ///
    /// # Errors
    /// As [`entries`](Self::entries).
    pub fn find(&self, id: &QueueId) -> Result<Option<ShmEntry>, Error> {
        let host = self.host()?;
        Ok(host.and_then(|host| examine(host, &file_name(id.as_str()), None)))
    }

    /// Removes a queue that nobody has open, with what is inside, and says what that was; none when there is none.
    ///
    /// # Errors
    /// `Overloaded` when somebody has it open, or is opening it; `Incompatible` for what this version cannot judge;
    /// and as [`entries`](Self::entries).
    pub fn remove(&self, id: &QueueId) -> Result<Option<ShmEntry>, Error> {
        let Some(host) = self.host()? else {
            return Ok(None);
        };
        let name = file_name(id.as_str());
        let used = |found: String| {
            Error::new(ErrorKind::Overloaded, "remove")
                .queue(id.as_str())
                .backend("shm")
                .expected("a queue that nobody has open")
                .found(found)
                .remedy("end the processes that use it first")
        };
        let Some(lock) = host.try_lock_name(&name)? else {
            return Err(used("somebody who opens it at this moment".into()));
        };
        match examine(host, &name, Some(&lock)) {
            None => Ok(None),
            Some(entry) if matches!(entry.state, ShmState::Kept | ShmState::Stale) => {
                remove(&host.folder().join(&name))?;
                Ok(Some(entry))
            }
            Some(entry) if entry.state == ShmState::Used => {
                let segment = entry.segment.as_ref();
                let alive = segment.into_iter().flat_map(|segment| &segment.members);
                let pids: Vec<_> = alive
                    .filter(|member| member.alive)
                    .map(|member| member.pid.to_string())
                    .collect();
                Err(used(if pids.is_empty() {
                    "a process that has it open".into()
                } else {
                    format!("open in processes {}", pids.join(", "))
                }))
            }
            Some(entry) => Err(Error::new(ErrorKind::Incompatible, "remove")
                .queue(id.as_str())
                .backend("shm")
                .expected("a segment of this version")
                .found(
                    entry
                        .fault
                        .map_or_else(|| "another file".into(), |fault| fault.to_string()),
                )
                .remedy("look at it with `sage ls`, and remove the file by hand")),
        }
    }

    pub(crate) fn host(&self) -> Result<Option<&'static Host>, Error> {
        match self.path.symlink_metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            _ => Host::get().map(Some),
        }
    }
}

/// Takes the queue of that name away, whoever has it open: their handles are stale from then on, and who opens it again
/// has a new one. With it goes what somebody left who died making it.
pub(crate) fn evict(name: &str) -> Result<(), Error> {
    let Some(host) = ShmFolder::of_this_user().host()? else {
        return Ok(());
    };
    let name = file_name(name);
    let path = host.folder().join(&name);
    let lock = host.lock_name(&name)?;
    if let Some(file) = open_file(&path)? {
        inspect(&file, &path)?;
        // Those who sleep on it look four times a second.
        let marked = file.write_all_at(&EVICTED.to_le_bytes(), STAGE as u64);
        marked.map_err(|error| io_error("write", &path, error))?;
        remove(&path)?;
    }
    drop(lock);
    let end = unfinished_end(&name);
    for unfinished in names(host)? {
        if unfinished.starts_with(UNFINISHED) && unfinished.ends_with(&end) {
            remove_stale(host, &unfinished)?;
        }
    }
    Ok(())
}

/// Segments that the first opening of a process looks at.
const LOOKS: usize = 128;

/// Removes some of what the dead left, when a process opens its first queue: all half made segments, and a bounded
/// number of the others, from a place that differs between processes, so that together they see everything. What
/// cannot be removed now is no fault of the queue that is being opened.
pub(crate) fn sweep(host: &Host) {
    let names = names(host).unwrap_or_default();
    let (unfinished, segments): (Vec<_>, Vec<_>) = names.iter().partition(|name| name.starts_with(UNFINISHED));
    let start = usize::try_from(host.token()).unwrap_or_default() % segments.len().max(1);
    let some = segments.iter().cycle().skip(start).take(segments.len().min(LOOKS));
    for name in unfinished.iter().chain(some) {
        if examine(host, name, None).is_some_and(|entry| entry.state == ShmState::Stale) {
            let _ = remove_stale(host, name);
        }
    }
}

/// The names in the folder, sorted. Those with a point in front are ours: half made segments, and the file of locks,
/// which must never be opened a second time.
fn names(host: &Host) -> Result<Vec<String>, Error> {
    let failed = |error| io_error("read", host.folder(), error);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(host.folder()).map_err(failed)? {
        // Ids are ASCII: what is no text is nothing of ours.
        if let Ok(name) = entry.map_err(failed)?.file_name().into_string()
            && (!name.starts_with('.') || name.starts_with(UNFINISHED))
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Removes a file if it is stale, seen again under the lock of its name. `None` when it is not, or that lock is taken.
fn remove_stale(host: &Host, name: &str) -> Result<Option<ShmEntry>, Error> {
    let Some(lock) = host.try_lock_name(name)? else {
        return Ok(None);
    };
    match examine(host, name, Some(&lock)) {
        Some(entry) if entry.state == ShmState::Stale => {
            remove(&host.folder().join(name))?;
            Ok(Some(entry))
        }
        _ => Ok(None),
    }
}

/// What a file is; `None` when it is gone by now.
fn examine(host: &Host, name: &str, lock: Option<&NameLock<'_>>) -> Option<ShmEntry> {
    let path = host.folder().join(name);
    let file = match open_file(&path) {
        Ok(file) => file?,
        Err(fault) => {
            let bytes = path.symlink_metadata().map_or(0, |meta| meta.blocks() * 512);
            return Some(ShmEntry {
                file: name.into(),
                bytes,
                state: ShmState::Strange,
                segment: None,
                fault: Some(fault),
            });
        }
    };
    let (state, segment, fault) = judge(host, name, &path, file, lock);
    Some(ShmEntry {
        file: name.into(),
        bytes: path.symlink_metadata().map_or(0, |meta| meta.blocks() * 512),
        state,
        segment,
        fault,
    })
}

type Judgement = (ShmState, Option<ShmSegment>, Option<Error>);

fn judge(host: &Host, name: &str, path: &Path, file: File, lock: Option<&NameLock<'_>>) -> Judgement {
    if let Some(rest) = name.strip_prefix(UNFINISHED) {
        let maker = rest
            .split_once('-')
            .and_then(|(token, _)| u64::from_str_radix(token, 16).ok());
        let is_stale = maker.is_some_and(|token| !host.is_alive(token));
        drop(file);
        let state = if is_stale {
            unless_open(host, name, path, lock)
        } else {
            ShmState::Used
        };
        return (state, None, None);
    }
    let found = inspect(&file, path).and_then(|(header, layout)| {
        read(host, &file, &header, &layout)
            .map(|segment| (header, segment))
            .map_err(|error| io_error("read", path, error))
    });
    let (header, mut segment) = match found {
        Ok(found) => found,
        Err(fault) => {
            // Only what was ours once is ours to remove; another version knows its own.
            let was_ours = fault.kind() == ErrorKind::Corrupt && is_marked(&file);
            drop(file);
            let state = if was_ours {
                unless_open(host, name, path, lock)
            } else {
                ShmState::Strange
            };
            return (state, None, Some(fault));
        }
    };
    if host.control_identity().is_ok_and(|control| control == header.control) {
        let state = if segment.members.iter().any(|member| member.alive) {
            ShmState::Used
        } else if segment.keep && !segment.closed {
            ShmState::Kept
        } else {
            ShmState::Stale
        };
        return (state, Some(segment), None);
    }
    // Who lives was written in another file of locks: nothing can be said of the members, but much of the file.
    segment.members.clear();
    drop(file);
    let fault = Error::new(ErrorKind::StaleHandle, "open")
        .queue(header.id)
        .backend("shm")
        .expected("a segment whose participants can be seen")
        .found("one made before the file of locks was replaced")
        .remedy("end the processes that use it, then `sage clean`");
    (unless_open(host, name, path, lock), Some(segment), Some(fault))
}

/// [`ShmState::Stale`] when no process of this host has the file open or mapped, whatever it says about itself.
fn unless_open(host: &Host, name: &str, path: &Path, lock: Option<&NameLock<'_>>) -> ShmState {
    // While we ask, nobody else may open it: not without the lock of the name.
    let mine = match lock {
        Some(_) => None,
        None => match host.try_lock_name(name) {
            Ok(Some(lock)) => Some(lock),
            _ => return ShmState::Used,
        },
    };
    let state = if sys::is_open_for_writing(path).unwrap_or(true) {
        ShmState::Used
    } else {
        ShmState::Stale
    };
    drop(mine);
    state
}

fn is_marked(file: &File) -> bool {
    let mut mark = [0; MAGIC.len()];
    file.read_exact_at(&mut mark, 0).is_ok() && mark == MAGIC
}

fn read(host: &Host, file: &File, header: &Header, layout: &Layout) -> std::io::Result<ShmSegment> {
    let mut words = [0; PARTICIPANTS];
    file.read_exact_at(&mut words, 0)?;
    let word = |at: usize| {
        let bytes = words.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    };
    let stage = words.get(STAGE..).and_then(<[u8]>::first_chunk);
    let (head, tail) = (Cursor(word(HEAD)), Cursor(word(TAIL)));
    let away = Cursor(word(AWAY)).items();
    let members = tokens(file)?;
    let (dead_lettered, dropped) = (word(DEAD_LETTERED), word(DROPPED));
    // What left the ring and is on loan, or came to a bad end, was not handed out.
    let others = away.saturating_add(dead_lettered).saturating_add(dropped);
    Ok(ShmSegment {
        queue_id: header.id.clone(),
        epoch: header.epoch,
        item: header.tag.clone(),
        capacity: header.capacity,
        max_bytes: header.max_bytes,
        max_item: header.max_item,
        depth: (tail.items_since(head) + away).min(header.capacity),
        away: away.min(header.capacity),
        depth_bytes: tail.bytes_since(head).min(layout.ring_bytes as u64),
        created: UNIX_EPOCH + Duration::from_nanos(header.created),
        keep: header.keep,
        closed: stage.is_some_and(|stage| u32::from_le_bytes(*stage) != 0),
        members: members
            .into_iter()
            .map(|(token, pid)| ShmMember {
                pid,
                alive: host.is_alive(token),
            })
            .collect(),
        totals: Totals {
            put: word(PUT_TOTAL),
            get: word(GET_TOTAL).saturating_sub(others),
        },
        redelivered: word(REDELIVERED),
        expired: word(EXPIRED),
        dead_lettered,
        dropped,
        damage: Damage {
            torn: word(TORN),
            lost_in_flight: word(LOST_IN_FLIGHT),
            given_up: word(DAMAGED),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::open_options;

    #[test]
    fn what_was_never_finished_goes_with_the_queue_unless_its_maker_lives() {
        let id = QueueId::generated("evicted");
        let host = Host::get().unwrap();
        let made_by = |token: u64| {
            let name = format!("{UNFINISHED}{token:016x}{}", unfinished_end(id.as_str()));
            let path = host.folder().join(name);
            open_options().create_new(true).open(&path).unwrap();
            path
        };
        // The first of these numbers is that of no process.
        let (dead, alive) = (made_by(host.token() ^ 1), made_by(host.token()));
        evict(id.as_str()).unwrap();
        assert_eq!((dead.exists(), alive.exists()), (false, true));
        remove(&alive).unwrap();
    }
}
