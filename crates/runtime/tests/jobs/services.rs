//! Services of a job: who answers, who asks, and what the report says of both.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use descriptor_core::{Descriptor, Error, ErrorKind, Wait};
use queue_sage::SageSpec;
use queue_testkit::{join, spawn, until};
use runtime::ops::{FnSource, IterSource};
use runtime::{
    Deployment, ErrorPolicy, Flow, Outcome, ServiceClient, ServiceContext, ServiceHandle, ServiceReport, SourceStep,
    TaskContext,
};
use service::{Answer, Desk, Mailbox, Message, ReplyQueues};

use crate::rig::{CHAINED, InProcess, Signal, assert_complete, flow, hold, over_both, queues_of, share, sorted};

type Ctx<'a, T> = ServiceContext<'a, T>;

fn wait() -> Wait {
    Wait::from(Duration::from_secs(60))
}

fn books<'a>(services: &'a [ServiceReport], name: &str) -> &'a ServiceReport {
    services
        .iter()
        .find(|it| it.service == name)
        .expect("a service of this name")
}

#[test]
fn operators_of_any_kind_call_services() {
    over_both("operators_call", |job, kind| {
        let flow = flow(job, kind);
        let double = flow.service("double", 2, |_: &mut Ctx<'_, u64>, number: u64| Ok(number * 2));
        let next = double.clone();
        let name = flow.service("name", 1, |_: &mut Ctx<'_, String>, number: u64| {
            Ok(format!("n{number}"))
        });
        let numbers = flow.source("numbers", 2, move |at| {
            let next = next.clone();
            let mut numbers = share(at, 100);
            FnSource::new(move |ctx: &mut TaskContext<u64>| {
                let Some(number) = numbers.next() else {
                    return Ok(SourceStep::Done);
                };
                let doubled = ctx.call_service(&next, number, wait())?;
                ctx.emit(doubled)?;
                Ok(SourceStep::More)
            })
        });
        let names = numbers
            .map_with("double", move |ctx, number| {
                Ok(ctx.call_service(&double, number, wait())?)
            })
            .parallelism(3)
            .map_with("name", move |ctx, number| {
                Ok(ctx.call_service(&name, number, wait())?)
            })
            .collect("names");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        assert_eq!(
            sorted(names.take()),
            sorted((0..100).map(|number| format!("n{}", number * 4)))
        );
        let double = books(&report.services, "double");
        assert_eq!(
            (double.workers, double.totals.taken, double.totals.answered),
            (2, 200, 200)
        );
        assert_eq!(books(&report.services, "name").totals.answered, 100);
        assert_eq!(report.late_answers, 0);
        assert_eq!(queues_of(job), [""; 0]);
    });
}

#[test]
fn a_join_of_two_streams_calls_three_services() {
    over_both("co_map_calls", |job, kind| {
        let flow = flow(job, kind);
        let users = flow.service("users", 1, |_: &mut Ctx<'_, String>, id: u64| Ok(format!("user {id}")));
        let memory = flow.service("memory", 1, {
            let mut seen = 0;
            move |_: &mut Ctx<'_, u64>, _: String| {
                seen += 1;
                Ok(seen)
            }
        });
        let (asks, remembers) = (users.clone(), memory);
        // A service in between calls the two others.
        let greet = flow.service("greet", 1, move |ctx: &mut Ctx<'_, String>, id: u64| {
            let user = ctx.call_service(&asks, id, wait())?;
            let times = ctx.call_service(&remembers, user.clone(), wait())?;
            Ok(format!("{user}, {times}"))
        });
        let left = flow.source("left", 1, |_| IterSource::new(0..10_u64));
        let right = flow.source("right", 1, |_| IterSource::new(100..110_u64));
        let greeted = left
            .co_map(&right, "both", 0_u64, |_, l| l, |_, r| r)
            .map_with("greet", move |ctx, id| Ok(ctx.call_service(&greet, id, wait())?))
            .collect("greeted");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        let greeted = greeted.take();
        assert_eq!(greeted.len(), 20);
        assert!(greeted.iter().any(|line| line.ends_with(", 20")), "{greeted:?}");
        assert!(greeted.iter().any(|line| line.starts_with("user 105,")), "{greeted:?}");
        assert!(
            report.services.iter().all(|service| service.totals.answered == 20),
            "{:?}",
            report.services
        );
    });
}

#[test]
fn a_service_in_parts_is_read_as_a_stream() {
    over_both("parts", |job, kind| {
        let flow = flow(job, kind);
        let count = flow.service_in_parts("count", 1, |ctx: &mut Ctx<'_, u64>, end: u64| {
            (0..end).try_for_each(|number| ctx.send(number))?;
            Ok(())
        });
        let sums = flow
            .source("numbers", 1, |_| IterSource::new([3_u64, 0, 10]))
            .map_with("sum", move |ctx, end| {
                let parts = ctx.service(&count)?.stream(end, wait())?;
                Ok(parts.sum::<Result<u64, Error>>()?)
            })
            .collect("sums");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        assert_eq!(sums.take(), [3, 0, 45]);
    });
}

#[test]
fn what_a_service_says_goes_to_the_error_policy_of_the_caller() {
    over_both("service_errors", |job, kind| {
        let flow = flow(job, kind);
        let odd = flow.service("odd", 1, |_: &mut Ctx<'_, u64>, number: u64| {
            assert_ne!(number, 5, "no five");
            if number % 2 == 1 {
                Ok(number)
            } else {
                Err(Error::new(ErrorKind::NotFound, "look up")
                    .found("an even number")
                    .into())
            }
        });
        let odds = flow
            .source("numbers", 1, |_| IterSource::new(0..10_u64))
            .map_with("ask", move |ctx, number| Ok(ctx.call_service(&odd, number, wait())?))
            .on_error(ErrorPolicy::DeadLetter)
            .collect("odds");
        let handle = flow.build(Deployment::Threads).unwrap().start().unwrap();
        let letters = handle.dead_letters().unwrap().clone();
        let report = handle.wait();
        assert_complete(&report, Outcome::Finished);
        assert_eq!(odds.take(), [1, 3, 7, 9]);
        let totals = books(&report.services, "odd").totals;
        assert_eq!((totals.answered, totals.failed, totals.panicked), (4, 6, 1));
        let errors: Vec<String> = std::iter::from_fn(|| letters.try_get().ok())
            .map(|it| it.error)
            .collect();
        assert_eq!(errors.iter().filter(|text| text.contains("an even number")).count(), 5);
        assert_eq!(errors.iter().filter(|text| text.contains("no five")).count(), 1);
    });
}

#[test]
fn a_service_that_calls_itself_needs_a_worker_for_each_step() {
    over_both("self_call", |job, kind| {
        for workers in [1, 2] {
            let flow = flow(job, kind);
            let own = ServiceHandle::<u64, u64>::named("fall");
            let fall = flow.service(
                "fall",
                workers,
                move |ctx: &mut Ctx<'_, u64>, number: u64| match number {
                    0 => Ok(0),
                    _ => Ok(ctx.call_service(&own, number - 1, wait())? + 1),
                },
            );
            let ends = flow
                .source("once", 1, |_| IterSource::new([1_u64]))
                .map_with("ask", move |ctx, number| Ok(ctx.call_service(&fall, number, wait())?))
                .collect("ends");
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            if workers == 1 {
                assert_eq!(report.outcome, Outcome::Failed);
                let message = &report.failures[0].message;
                assert!(message.contains("more workers than nested calls"), "{message}");
                assert!(
                    report.services[0].totals.failed >= 1 && report.stuck.is_empty(),
                    "{report:?}"
                );
            } else {
                assert_complete(&report, Outcome::Finished);
                assert_eq!(ends.take(), [1]);
            }
            assert_eq!(queues_of(job), [""; 0]);
        }
    });
}

#[test]
fn an_abort_wakes_callers_and_handlers() {
    over_both("abort_calls", |job, kind| {
        let flow = flow(job, kind);
        let begun = Signal::default();
        let at = begun.clone();
        let slow = flow.service("slow", 1, move |ctx: &mut Ctx<'_, u64>, number: u64| {
            at.raise();
            until(|| ctx.is_cancelled());
            Ok(number)
        });
        let _ = flow
            .source("once", 2, |_| IterSource::new([1_u64]))
            .map_with("ask", move |ctx, number| {
                Ok(ctx.call_service(&slow, number, Wait::Forever)?)
            })
            .parallelism(2)
            .collect("ends");
        let handle = flow.build(Deployment::Threads).unwrap().start().unwrap();
        begun.wait_for(1);
        handle.abort();
        let report = handle.wait();
        assert_eq!(report.outcome, Outcome::Aborted, "{report:?}");
        assert!(report.stuck.is_empty(), "{report:?}");
        let totals = report.services[0].totals;
        assert!(totals.taken >= 1 && totals.answered == 0, "{totals:?}");
        assert_eq!(queues_of(job), [""; 0]);
    });
}

#[test]
fn a_dropped_handle_ends_its_services() {
    over_both("dropped_services", |job, kind| {
        let flow = flow(job, kind);
        let double = flow.service("double", 2, |_: &mut Ctx<'_, u64>, number: u64| Ok(number * 2));
        let asked = Signal::default();
        let at = asked.clone();
        let _ = flow
            .source("once", 1, |_| IterSource::new([1_u64]))
            .map_with("ask", move |ctx, number| {
                let doubled = ctx.call_service(&double, number, wait())?;
                at.raise();
                hold(ctx);
                Ok(doubled)
            })
            .collect("ends");
        let handle = flow.build(Deployment::Threads).unwrap().start().unwrap();
        asked.wait_for(1);
        drop(handle);
        until(|| queues_of(job).is_empty());
    });
}

#[test]
fn contexts_know_their_queues() {
    over_both("contexts", |job, kind| {
        let flow = flow(job, kind);
        let count = Arc::new(AtomicU64::new(0));
        let pools = Arc::clone(&count);
        let prefix = job.to_owned();
        let (is_called, input_id) = (kind == CHAINED, format!("{job}/input_ask_0"));
        let about = flow.service("about", 2, move |ctx: &mut Ctx<'_, String>, (): ()| {
            let at = ctx.instance();
            assert_eq!((at.node.as_str(), at.parallelism), ("about", 2));
            assert_eq!(at.name, format!("about_{}", at.index));
            assert!(!ctx.is_cancelled() && ctx.time_left() > Duration::from_secs(1));
            let input = ctx.input_descriptor();
            assert_eq!(input.queue_id.as_str(), format!("{prefix}/service_request_about"));
            assert_eq!(ctx.queue_descriptor(&input.queue_id), Some(input));
            let response = ctx.response_descriptor().ok_or("no response queue")?;
            assert!(
                response.queue_id.as_str().contains("service_response/about_"),
                "{response:?}"
            );
            pools.fetch_max(ctx.pool().len() as u64, Ordering::SeqCst);
            Ok(at.name.clone())
        });
        let _ = flow
            .source("once", 1, |_| IterSource::new([1_u64]))
            .map_with("ask", move |ctx, _| {
                let response = ctx.response_descriptor().ok_or("no response queue")?;
                assert_eq!(ctx.queue_descriptor(&response.queue_id), Some(response));
                // Who is called by the one before has no queue.
                let input = ctx.input_descriptor();
                let expected = (!is_called).then(|| input_id.clone());
                assert_eq!(input.map(|input| input.queue_id.to_string()), expected);
                assert_eq!(input.and_then(|input| ctx.queue_descriptor(&input.queue_id)), input);
                assert_eq!(ctx.pool().len() as u64, ctx.pool().iter().len() as u64);
                assert!(ctx.routing_info().router.starts_with("ask") || !ctx.routing_info().groups.is_empty());
                Ok(ctx.call_service(&about, (), wait())?)
            })
            .collect("ends");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        // Three instances with a response queue each, two with an input; the service with its request queue and two workers.
        assert_eq!(count.load(Ordering::SeqCst), 8);
    });
}

#[test]
fn a_service_that_is_not_there_or_another_is_named() {
    over_both("unknown_service", |job, kind| {
        let flow = flow(job, kind);
        let _ = flow.service("geocode", 1, |_: &mut Ctx<'_, u64>, number: u64| Ok(number));
        let errors = flow
            .source("once", 1, |_| IterSource::new([0_u64, 1]))
            .map_with("ask", |ctx, which| {
                let error = if which == 0 {
                    let handle = ServiceHandle::<u64, u64>::named("geocod");
                    ctx.call_service(&handle, 1, wait()).unwrap_err()
                } else {
                    let handle = ServiceHandle::<String, u64>::named("geocode");
                    ctx.call_service(&handle, String::new(), wait()).unwrap_err()
                };
                Ok(error.to_string())
            })
            .collect("errors");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        let errors = errors.take();
        assert!(
            errors[0].starts_with("not found") && errors[0].contains("did you mean `geocode`"),
            "{errors:?}"
        );
        assert!(errors[1].starts_with("type mismatch"), "{errors:?}");
    });
}

#[test]
fn services_over_processes_need_a_queue_type_that_reaches_them() {
    let flow = Flow::new("far_services", InProcess);
    let _ = flow.service("double", 1, |_: &mut Ctx<'_, u64>, number: u64| Ok(number));
    let _ = flow.source("once", 1, |_| IterSource::new([1_u64])).collect("ends");
    let built = flow.build(Deployment::Processes(2));
    let error = built.unwrap_err().to_string();
    assert!(error.contains("double") && error.contains("reach host"), "{error}");
}

fn endpoint(job: &str) -> (Desk<u64>, Mailbox) {
    let requests = Descriptor::new(format!("{job}.requests"), SageSpec::bounded(100)).unwrap();
    let answers = Descriptor::new(format!("{job}.answers"), SageSpec::bounded(100)).unwrap();
    let desk = Desk::new("squares", 8, requests.queue::<Message<u64>>().unwrap());
    (
        desk,
        Mailbox::new(answers.queue::<Answer>().unwrap(), &answers.to_record()),
    )
}

#[test]
fn a_flow_answers_requests() {
    over_both("flow_as_service", |job, kind| {
        let (desk, mailbox) = endpoint(job);
        let flow = flow(job, kind);
        let _ = flow
            .requests("requests", &desk)
            .map("square", |asked| asked.map(|number| number * number))
            .parallelism(2)
            .filter("lost", |asked| asked.body != 49)
            .answer("answers", &desk, ReplyQueues::new());
        let handle = flow.build(Deployment::Threads).unwrap().start().unwrap();
        let callers: Vec<_> = (0..3)
            .map(|caller| {
                let squares = ServiceClient::<u64, u64>::new(&desk, &mailbox);
                spawn(move || {
                    for number in 10..60 {
                        assert_eq!(squares.call(number + caller, wait()).unwrap(), (number + caller).pow(2));
                    }
                })
            })
            .collect();
        callers.into_iter().for_each(join);
        // What gets lost on the way ends at its deadline.
        let squares = ServiceClient::<u64, u64>::new(&desk, &mailbox);
        let error = squares.call(7, Wait::from(Duration::from_millis(100))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        handle.drain(Duration::from_secs(60));
        let report = handle.wait();
        assert_complete(&report, Outcome::Drained);
        let totals = desk.totals();
        assert_eq!((totals.taken, totals.answered), (151, 150));
        assert_eq!(squares.call(1, wait()).unwrap_err().kind(), ErrorKind::Closed);
    });
}

#[test]
fn a_flow_that_is_aborted_turns_its_callers_away() {
    over_both("flow_turns_away", |job, kind| {
        let (desk, mailbox) = endpoint(job);
        let flow = flow(job, kind);
        let begun = Signal::default();
        let at = begun.clone();
        let _ = flow
            .source("requests", 1, {
                let desk = desk.clone();
                let begun = begun.clone();
                move |_| {
                    let desk = desk.clone();
                    let begun = begun.clone();
                    FnSource::new(move |ctx: &mut TaskContext<u64>| {
                        begun.raise();
                        hold(ctx);
                        drop(desk.clone());
                        Ok(SourceStep::Done)
                    })
                }
            })
            .for_each("nowhere", |_| ());
        // Beside a source that is held, the one that takes requests; nobody comes to what is in the queue of its operator.
        let _ = flow
            .requests("asked", &desk)
            .map_with("hold", move |ctx, asked| {
                at.raise();
                hold(ctx);
                Ok(asked)
            })
            .answer("answers", &desk, ReplyQueues::new());
        let handle = flow.build(Deployment::Threads).unwrap().start().unwrap();
        let caller = spawn({
            let squares = ServiceClient::<u64, u64>::new(&desk, &mailbox);
            move || {
                squares
                    .call(1, Wait::from(Duration::from_millis(500)))
                    .unwrap_err()
                    .kind()
            }
        });
        begun.wait_for(2);
        handle.abort();
        let report = handle.wait();
        assert_eq!(report.outcome, Outcome::Aborted);
        // What had been taken ends at its deadline; what comes now is refused at once.
        assert_eq!(join(caller), ErrorKind::Timeout);
        let squares = ServiceClient::<u64, u64>::new(&desk, &mailbox);
        assert_eq!(squares.call(2, wait()).unwrap_err().kind(), ErrorKind::Closed);
    });
}
