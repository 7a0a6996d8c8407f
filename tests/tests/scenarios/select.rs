//! One consumer on several queues of several types.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use queue_testkit::{Dice, Probe, join, linger, on_tokio, spawn_many, within_yields};
use sage_comm::{DynQueue, GetError, LocalQueue, PutError, QueueExt, SageQueue, Select, Wait, Wire};

use crate::support::within_a_minute;

const NEVER: Wait = Wait::Never;

fn local<T: Wire>(capacity: usize) -> DynQueue<T> {
    Arc::new(LocalQueue::new(Some(capacity)).unwrap())
}

fn sage<T: Wire>(capacity: usize) -> DynQueue<T> {
    Arc::new(SageQueue::new(capacity).unwrap())
}

/// A select over a queue of numbers and one of words.
fn either<'a>(numbers: &'a DynQueue<u64>, words: &'a DynQueue<String>) -> Select<'a, String> {
    Select::new()
        .get(&**numbers, |number| number.to_string())
        .get(&**words, |word| word)
}

#[test]
fn it_takes_what_is_there_and_leaves_the_others_alone() {
    let (numbers, words) = (sage(4), local(4));
    let mut select = either(&numbers, &words);
    assert!(select.next_within(NEVER).unwrap_err().is_empty());
    words.put("one".to_owned()).unwrap();
    assert_eq!(select.next_within(NEVER).unwrap(), "one");
    numbers.put(2).unwrap();
    assert_eq!(select.next_within(Wait::Forever).unwrap(), "2");
    numbers.put(3).unwrap();
    words.put("four".to_owned()).unwrap();
    let first = select.next_within(NEVER).unwrap();
    assert_eq!(numbers.depth().unwrap() + words.depth().unwrap(), 1);
    let second = select.next_within(NEVER).unwrap();
    assert_eq!(
        BTreeSet::from([first, second]),
        BTreeSet::from(["3".to_owned(), "four".to_owned()])
    );
}

#[test]
fn ready_arms_take_turns() {
    let queues: Vec<DynQueue<usize>> = vec![sage(1000), local(1000), sage(1000)];
    for queue in &queues {
        (0..1000).for_each(|number| queue.put(number).unwrap());
    }
    let mut select = Select::new();
    for (index, queue) in queues.iter().enumerate() {
        select = select.get(&**queue, move |_| index);
    }
    let mut served = [0_u32; 3];
    for _ in 0..999 {
        served[select.next_within(NEVER).unwrap()] += 1;
    }
    assert_eq!(served, [333; 3]);
}

#[test]
fn a_new_select_for_each_item_starves_nobody() {
    let queues: [DynQueue<usize>; 2] = [sage(1000), local(1000)];
    for queue in &queues {
        (0..1000).for_each(|number| queue.put(number).unwrap());
    }
    let mut served = [0_u32; 2];
    for _ in 0..1000 {
        let mut select = Select::new().get(&*queues[0], |_| 0).get(&*queues[1], |_| 1);
        served[select.next_within(NEVER).unwrap()] += 1;
    }
    // Half each, give or take 16; ten times as much is never seen.
    assert!(served.iter().all(|count| *count > 340), "{served:?}");
}

#[test]
fn a_sleeping_thread_is_woken_by_any_arm() {
    within_a_minute(|| {
        for round in 0..40 {
            let (numbers, words) = (sage(1), local(1));
            thread::scope(|scope| {
                let sleeper = scope.spawn(|| either(&numbers, &words).next_within(Wait::Forever).unwrap());
                if round % 2 == 0 {
                    linger();
                }
                if round % 4 < 2 {
                    numbers.put(7).unwrap();
                } else {
                    words.put("7".to_owned()).unwrap();
                }
                assert_eq!(sleeper.join().unwrap(), "7");
            });
        }
    });
}

#[test]
fn closed_queues_are_skipped_and_the_last_one_ends_it() {
    within_a_minute(|| {
        let (numbers, words) = (sage(4), local(4));
        let mut select = either(&numbers, &words);
        numbers.put(1).unwrap();
        numbers.close();
        words.put("2".to_owned()).unwrap();
        let mut seen = [select.next_within(NEVER).unwrap(), select.next_within(NEVER).unwrap()];
        seen.sort();
        assert_eq!(seen, ["1", "2"]);
        assert!(select.next_within(NEVER).unwrap_err().is_empty());
        thread::scope(|scope| {
            let sleeper = scope.spawn(move || select.next_within(Wait::Forever));
            linger();
            words.close();
            assert!(sleeper.join().unwrap().unwrap_err().is_closed());
        });
        assert!(Select::<()>::new().next_within(Wait::Forever).unwrap_err().is_closed());
    });
}

#[test]
fn a_wait_that_ends_lasted_its_limit_and_left_nothing_behind() {
    within_a_minute(|| {
        let (numbers, words) = (sage::<u64>(4), local::<String>(4));
        let mut select = either(&numbers, &words);
        let limit = Duration::from_millis(20);
        let begun = Instant::now();
        assert!(select.next_within(limit.into()).unwrap_err().is_empty());
        assert!(begun.elapsed() >= limit);
        // Whoever comes later is first in line: the select that gave up no longer is.
        let getter = Probe::pending(numbers.get_async());
        numbers.put(5).unwrap();
        assert!(getter.is_woken());
        assert_eq!(getter.finish().unwrap(), 5);
    });
}

#[test]
fn a_dropped_future_passes_its_wake_up_on() {
    within_a_minute(|| {
        for first_ready in [true, false] {
            let (numbers, words) = (sage::<u64>(4), local::<String>(4));
            let mut select = either(&numbers, &words);
            let waiting = Probe::pending(select.next_async());
            let number = Probe::pending(numbers.get_async());
            let word = Probe::pending(words.get_async());
            if first_ready {
                numbers.put(1).unwrap();
            } else {
                words.put("1".to_owned()).unwrap();
            }
            assert!(waiting.is_woken() && !number.is_woken() && !word.is_woken());
            drop(waiting);
            assert_eq!((number.is_woken(), word.is_woken()), (first_ready, !first_ready));
            if first_ready {
                assert_eq!(number.finish_when_woken().unwrap(), 1);
            } else {
                assert_eq!(word.finish_when_woken().unwrap(), "1");
            }
        }
    });
}

#[test]
fn an_answer_passes_the_wake_up_of_the_other_arm_on() {
    within_a_minute(|| {
        let (numbers, words) = (sage::<u64>(4), local::<String>(4));
        let mut select = either(&numbers, &words);
        let mut waiting = Probe::pending(select.next_async());
        let number = Probe::pending(numbers.get_async());
        let word = Probe::pending(words.get_async());
        numbers.put(1).unwrap();
        words.put("1".to_owned()).unwrap();
        assert!(waiting.poll().is_ready());
        // The select had both wake-ups and used one.
        assert!(number.is_woken() != word.is_woken());
        assert_eq!(numbers.depth().unwrap() + words.depth().unwrap(), 1);
    });
}

#[test]
fn a_put_goes_where_there_is_room_and_stays_in_its_slot_elsewhere() {
    within_a_minute(|| {
        let (full, free) = (sage(1), local(1));
        full.put("old".to_owned()).unwrap();
        let (mut one, mut two) = (Some("one".to_owned()), Some(2_u64));
        let put = Select::new()
            .put(&*full, &mut one, |done| {
                done.map(|()| "full").map_err(PutError::into_item)
            })
            .put(&*free, &mut two, |done| {
                done.map(|()| "free").map_err(|_| String::new())
            })
            .next_within(Wait::Forever);
        assert_eq!(put.unwrap(), Ok("free"));
        assert_eq!((one.as_deref(), two), (Some("one"), None));
        let mut select = Select::new().put(&*full, &mut one, |done| done.map_err(PutError::into_item));
        assert!(select.next_within(NEVER).unwrap_err().is_empty());
        let mut waiting = Probe::pending(select.next_async());
        assert_eq!(full.get().unwrap(), "old");
        assert!(waiting.is_woken() && waiting.poll().is_ready());
        drop(waiting);
        assert!(
            select.next_within(NEVER).unwrap_err().is_closed(),
            "the arm is done with"
        );
        drop(select);
        assert_eq!((full.get().unwrap(), one), ("one".to_owned(), None));
        full.close();
        let mut late = Some("late".to_owned());
        let answer = Select::new()
            .put(
                &*full,
                &mut late,
                |done| matches!(done, Err(PutError::Closed(item)) if item == "late"),
            )
            .next_within(Wait::Forever);
        assert!(answer.unwrap());
    });
}

const ITEMS: u64 = 20_000;

/// Two producers per queue, and what the consumers saw in the end.
fn race(consume: impl Fn(usize, &DynQueue<u64>, &DynQueue<u64>, &mut Vec<u64>) + Copy + Send + 'static) {
    let queues = [sage::<u64>(8), local::<u64>(8)];
    let seen = Arc::new(Mutex::new(Vec::new()));
    let consumers = spawn_many(3, {
        let (queues, seen) = (queues.clone(), Arc::clone(&seen));
        move |number| {
            let mut mine = Vec::new();
            consume(number, &queues[0], &queues[1], &mut mine);
            seen.lock().unwrap().extend(mine);
        }
    });
    let producers = spawn_many(4, {
        let queues = queues.clone();
        move |number| {
            for item in 0..ITEMS / 4 {
                queues[number % 2].put(item * 4 + number as u64).unwrap();
            }
        }
    });
    producers.into_iter().for_each(join);
    queues.iter().for_each(|queue| queue.close());
    consumers.into_iter().for_each(join);
    let mut seen = seen.lock().unwrap().clone();
    let count = seen.len() as u64;
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(
        (count, seen.len() as u64),
        (ITEMS, ITEMS),
        "nothing lost, nothing twice"
    );
}

#[test]
fn thousands_of_waits_that_end_lose_nothing() {
    within_a_minute(|| {
        race(|number, one, two, mine| {
            let mut dice = Dice::new(number as u64);
            let mut select = Select::new().get(&**one, |item| item).get(&**two, |item| item);
            loop {
                let wait = match dice.below(3) {
                    0 => NEVER,
                    1 => Duration::from_micros(dice.below(50)).into(),
                    _ => Duration::from_millis(1).into(),
                };
                match select.next_within(wait) {
                    Ok(item) => mine.push(item),
                    Err(GetError::Closed) => break,
                    Err(failure) => assert!(failure.is_empty(), "{failure}"),
                }
            }
        });
    });
}

#[test]
fn thousands_of_dropped_futures_lose_nothing() {
    within_a_minute(|| {
        race(|number, one, two, mine| {
            // The third consumer never gives up: it must be woken whenever the others drop a wake-up.
            let patient = number == 2;
            let mut select = Select::new().get(&**one, |item| item).get(&**two, |item| item);
            let mut dice = Dice::new(number as u64);
            on_tokio(async {
                loop {
                    let answer = if patient {
                        Some(select.next_async().await)
                    } else {
                        within_yields(select.next_async(), dice.below(3)).await
                    };
                    match answer {
                        Some(Ok(item)) => mine.push(item),
                        Some(Err(failure)) => {
                            assert!(failure.is_closed(), "{failure}");
                            break;
                        }
                        None => tokio::task::yield_now().await,
                    }
                }
            });
        });
    });
}

#[test]
fn puts_given_up_lose_nothing() {
    within_a_minute(|| {
        let (one, two) = (sage::<u64>(2), local::<u64>(2));
        let producers = spawn_many(2, {
            let (one, two) = (Arc::clone(&one), Arc::clone(&two));
            move |number| {
                let mut dice = Dice::new(number as u64);
                let mut sent = 0;
                while sent < ITEMS / 4 {
                    let (mut left, mut right) = (Some(sent), Some(sent));
                    let mut select =
                        Select::new()
                            .put(&*one, &mut left, |done| done.is_ok())
                            .put(&*two, &mut right, |done| done.is_ok());
                    let wait = Duration::from_micros(dice.below(30)).into();
                    let stored = select.next_within(wait).unwrap_or(false);
                    drop(select);
                    let kept = u64::from(left.is_some()) + u64::from(right.is_some());
                    assert_eq!(kept, if stored { 1 } else { 2 });
                    sent += u64::from(stored);
                }
            }
        });
        let consumers = [one, two].map(|queue| {
            let reader = Arc::clone(&queue);
            (queue, thread::spawn(move || reader.iter().count() as u64))
        });
        producers.into_iter().for_each(join);
        let taken: u64 = consumers
            .into_iter()
            .map(|(queue, reader)| {
                queue.close();
                join(reader)
            })
            .sum();
        assert_eq!(taken, ITEMS / 2);
    });
}
