//! The queues of a job, written down as one document and handed to worker processes, which open what they need by name.
#![allow(clippy::print_stdout, reason = "printing is what this example is for")]

use std::error::Error;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use sage_comm::{Backends, Builtin, DescriptorPool, DynQueue, QueueExt};

type Anything<T = ()> = Result<T, Box<dyn Error>>;

const WORDS: [&str; 5] = ["ant", "bee", "cat", "dog", "elk"];

fn main() -> Anything {
    match std::env::args().nth(1).as_deref() {
        Some("worker") => work(),
        _ => coordinate(),
    }
}

/// The queue whose id ends with that name: ids begin with the number of the run, so that two runs share nothing.
fn open(pool: &DescriptorPool, name: &str) -> Anything<DynQueue<String>> {
    let record = pool.iter().find(|record| record.queue_id.as_str().ends_with(name));
    let record = record.ok_or_else(|| format!("no queue `{name}` in the document"))?;
    Ok(Builtin.registry().open(record)?)
}

fn coordinate() -> Anything {
    let run = format!("topology.{}", std::process::id());
    let mut pool = DescriptorPool::new(&run, 1)?;
    pool.insert(format!("shm://{run}/input?maxsize=8").parse()?)?;
    pool.insert(format!("shm://{run}/output?maxsize=8").parse()?)?;
    // Opened before anybody else is there: the queues last as long as somebody has them.
    let (input, output) = (open(&pool, "/input")?, open(&pool, "/output")?);

    let mut workers = Vec::new();
    for _ in 0..2 {
        let mut worker = Command::new(std::env::current_exe()?)
            .arg("worker")
            .stdin(Stdio::piped())
            .spawn()?;
        let mut stdin = worker.stdin.take().ok_or("no way to hand the document over")?;
        stdin.write_all(pool.to_json().as_bytes())?;
        workers.push(worker);
    }
    for word in WORDS {
        input.put(word.to_owned())?;
    }
    input.close();
    let mut words = Vec::new();
    for _ in WORDS {
        words.push(output.get_timeout(Duration::from_secs(60))?);
    }
    for mut worker in workers {
        if !worker.wait()?.success() {
            return Err("a worker failed".into());
        }
    }
    words.sort();
    println!("{} queues, 2 workers", pool.len());
    println!("{}", words.join(" "));
    Ok(())
}

fn work() -> Anything {
    let mut document = String::new();
    std::io::stdin().read_to_string(&mut document)?;
    let pool = DescriptorPool::from_json(&document)?;
    let (input, output) = (open(&pool, "/input")?, open(&pool, "/output")?);
    for word in input.drain() {
        output.put(word.to_uppercase())?;
    }
    Ok(())
}
