//! A flow as a service: a request enters as a packet, goes through the nodes, and its answer comes back to who asked.
#![allow(clippy::print_stdout, reason = "printing is what this example is for")]

use std::time::Duration;

use sage_comm::service::{Desk, Mailbox, ReplyQueues};
use sage_comm::{Builtin, Deployment, Descriptor, Flow, LocalSpec, Result, ServiceClient, Wait};

fn main() -> Result<()> {
    let requests = Descriptor::new("titles/requests", LocalSpec::bounded(100))?;
    let answers = Descriptor::new("titles/answers", LocalSpec::bounded(100))?;
    let desk = Desk::<String>::new("titles", 1, requests.queue()?);
    let mailbox = Mailbox::new(answers.queue()?, &answers.to_record());

    let flow = Flow::new("titles", Builtin);
    let _ = flow
        .requests("requests", &desk)
        .map("trim", |asked| asked.map(|text: String| text.trim().to_lowercase()))
        .map("title", |asked| {
            asked.map(|text: String| {
                let mut rest = text.chars();
                let first = rest.next().map(|first| first.to_uppercase().to_string());
                first.unwrap_or_default() + rest.as_str()
            })
        })
        .parallelism(2)
        .answer("answers", &desk, ReplyQueues::new());
    let job = flow.build(Deployment::Threads)?.start()?;

    let titles = ServiceClient::<String, String>::new(&desk, &mailbox);
    let wait = Wait::from(Duration::from_secs(30));
    for text in ["  the PEAR ", "a ROSE"] {
        println!("{}", titles.call(text.to_owned(), wait)?);
    }

    job.drain(Duration::from_secs(30));
    job.wait().into_result()?;
    match titles.call("too late".to_owned(), wait) {
        Ok(title) => println!("{title}"),
        Err(error) => println!("afterwards: {:?}", error.kind()),
    }
    Ok(())
}
