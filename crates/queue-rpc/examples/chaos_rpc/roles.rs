//! What a process of a campaign does.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bytes::Bytes;
use descriptor_core::{Queue, QueueCore, Wait};
use queue_rpc::RpcQueue;
use queue_testkit::{Dice, campaign};
use rpc_server::{Address, Disk, Server, Settings};

use crate::journal::End;
use crate::worker::{BATCH, PATIENCE, Worker};
use crate::{payload, script};

pub(crate) fn play(role: &str, words: &mut dyn Iterator<Item = String>) -> ExitCode {
    let played = Worker::new(words).and_then(|mut worker| match role {
        "producer" => producer(&mut worker),
        "consumer" | "lessee" => consumer(&mut worker, role == "lessee"),
        "hoarder" => hoarder(&mut worker),
        "waiter" => waiter(&mut worker),
        "server" => server(&worker),
        "script" => script::run(&mut worker),
        "thief" => thief(&worker),
        "twin" => twin(&worker),
        "liar" => liar(&worker),
        _ => Err(format!("no role `{role}`")),
    });
    campaign::played(role, played)
}

fn producer(worker: &mut Worker) -> Result<(), String> {
    let queue = worker.open()?;
    while !worker.ends() {
        worker.pause();
        let limit = worker.some_limit();
        let end = match (worker.is_window(), worker.dice.below(16)) {
            (true, 0) => worker.flush(&queue, Duration::from_secs(1))?,
            (true, 1 | 2) => worker.put_batch(&queue, limit)?,
            _ => worker.put(&queue, limit)?,
        };
        rest_after(end);
    }
    let begun = Instant::now();
    while worker.is_window()
        && worker.flush(&queue, Duration::from_secs(5))? == End::Timeout
        && begun.elapsed() < PATIENCE
    {}
    Ok(())
}

/// With loans: whatever it dies of, what it did not acknowledge comes again.
fn consumer(worker: &mut Worker, lends: bool) -> Result<(), String> {
    let queue = worker.open()?;
    while !worker.ends() {
        worker.pause();
        let limit = worker.some_limit();
        rest_after(take(worker, &queue, lends, limit)?);
    }
    let begun = Instant::now();
    let limit = worker.limit;
    while take(worker, &queue, lends, limit)? != End::Empty && begun.elapsed() < PATIENCE {}
    // Whatever the server is told before it answers it knows then: what was handed over.
    let _ = queue.depth();
    drop(queue);
    // For the end of a connection that nobody needs, by which the server knows that the rest goes back.
    std::thread::sleep(Duration::from_millis(50));
    Ok(())
}

/// Without a connection calls fail at once, and nothing is learned from a million of them.
fn rest_after(end: End) {
    if !matches!(end, End::Ok | End::Full | End::Empty) {
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn take(worker: &mut Worker, queue: &RpcQueue<Bytes>, lends: bool, limit: Duration) -> Result<End, String> {
    let max = if worker.dice.below(4) == 0 { BATCH } else { 1 };
    if lends {
        worker.lease(queue, limit, max)
    } else {
        worker.get(queue, limit, max)
    }
}

/// Takes some items, so that more are sent ahead, and then takes no more until it dies.
fn hoarder(worker: &mut Worker) -> Result<(), String> {
    let queue = worker.open()?;
    let count = worker.dice.below(60);
    let limit = worker.limit;
    for _ in 0..count {
        worker.get(&queue, limit, 1)?;
    }
    // The last word before it stands still.
    worker.flush(&queue, limit)?;
    while !worker.ends() {
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Waits for what never comes.
fn waiter(worker: &mut Worker) -> Result<(), String> {
    let name = format!("{}-empty", worker.setting("queue").unwrap_or_default());
    let queue = worker.open_named(&name)?;
    while !worker.ends() {
        rest_after(worker.get(&queue, Duration::from_millis(1200), 1)?);
    }
    Ok(())
}

fn server(worker: &Worker) -> Result<(), String> {
    let path = |name: &str| worker.setting(name).map(PathBuf::from);
    let settings = Settings {
        bind: worker.setting("bind").map(str::to_owned).into_iter().collect(),
        unix: path("unix"),
        data_dir: path("data"),
        disk: disk(worker),
        ..Settings::default()
    };
    let disk = settings.disk.clone();
    let server = Server::start(settings).map_err(|error| error.to_string())?;
    if let Some(ready) = path("ready") {
        let port = server.addresses().iter().find_map(Address::socket);
        let told = port.map_or_else(|| "unix".to_owned(), |address| address.to_string());
        // All at once, as somebody waits for it.
        let half = ready.with_extension("half");
        std::fs::write(&half, told)
            .and_then(|()| std::fs::rename(&half, &ready))
            .map_err(|error| format!("ready file: {error}"))?;
    }
    let mut armed = disk.zip(path("image")).zip(path("arm"));
    while !worker.ends() {
        if let Some(((disk, image), _)) = armed.take_if(|(_, told)| told.exists()) {
            arm(&disk, image, worker.number("power"), worker.setting("lies").is_some());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// A disk as the last power cut left it.
fn disk(worker: &Worker) -> Option<Disk> {
    let image = worker.setting("image")?;
    let disk = Disk::new(std::fs::read(image).unwrap_or_default());
    if worker.setting("lies").is_some() {
        disk.medium().lies();
    }
    Some(disk)
}

/// After so many changes the power fails, for the disk and for this process. Of one that lies all is gone that it ever kept back.
fn arm(disk: &Disk, image: PathBuf, changes: u64, lies: bool) {
    let mut dice = Dice::new(changes);
    disk.medium().power_fails_after(changes, move |medium| {
        let left = medium.after_power_cut(&mut |most| if lies { 0 } else { dice.below(most) });
        if let Err(error) = std::fs::write(&image, left) {
            campaign::complain(format_args!("server: {}: {error}", image.display()));
        }
        std::process::exit(0);
    });
}

/// Takes items and tells nobody.
fn thief(worker: &Worker) -> Result<(), String> {
    let queue = worker.open()?;
    let mut taken = 0;
    while taken < 3 * BATCH && !worker.ends() {
        taken += usize::from(queue.get_timeout(worker.limit).is_ok());
    }
    let _ = queue.depth();
    Ok(())
}

/// Puts an item back, twice.
fn twin(worker: &Worker) -> Result<(), String> {
    let queue = worker.open()?;
    while !worker.ends() {
        if let Ok(item) = queue.get_timeout(worker.limit) {
            for copy in [item.clone(), item] {
                queue.put(copy).map_err(|error| error.to_string())?;
            }
            return queue.flush(Wait::from(PATIENCE)).map_err(|error| error.to_string());
        }
    }
    Ok(())
}

/// Puts an item with a byte that is wrong.
fn liar(worker: &Worker) -> Result<(), String> {
    let queue = worker.open()?;
    let mut item = payload::make(u64::from(worker.actor) << 32).to_vec();
    if let Some(last) = item.last_mut() {
        *last ^= 1;
    }
    queue.put(item.into()).map_err(|error| error.to_string())?;
    queue.flush(Wait::from(PATIENCE)).map_err(|error| error.to_string())
}
