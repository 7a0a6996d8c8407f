//! Operators with a state per key.

use std::collections::BTreeMap;

use descriptor_core::{Error, ErrorKind};
use router::Key;
use task::ops::{Fold, Reduce};
use task::{Data, OpResult, Operator};

use crate::rig::{Rig, keyed, plain};

/// Feeds a packet without a key and reads the refusal.
fn refusal<In: Data, Out: Data>(operator: &mut impl Operator<In, Out>, payload: In) -> String {
    let mut rig = Rig::<Out>::new();
    let error = rig.feed(operator, plain(payload)).expect_err("it has no key");
    let error = error.downcast::<Error>().expect("one of ours");
    assert_eq!(error.kind(), ErrorKind::InvalidGraph);
    assert!(rig.events().is_empty());
    let text = error.to_string();
    assert!(text.contains(&format!("node={}", rig.ctx.instance().node)), "{text}");
    assert!(text.ends_with("put key_by right before it"), "{text}");
    text
}

#[test]
fn reduce_emits_the_running_value_of_each_key() {
    let mut rig = Rig::<u64>::new();
    let mut sum = Reduce::new(|so_far: &u64, next: u64| so_far + next);
    for (key, value) in [("a", 1), ("b", 10), ("a", 2), ("a", 3), ("b", 20)] {
        rig.feed(&mut sum, keyed(key, value)).unwrap();
    }
    assert_eq!(
        rig.packets(),
        [
            keyed("a", 1),
            keyed("b", 10),
            keyed("a", 3),
            keyed("a", 6),
            keyed("b", 30)
        ]
    );
}

#[test]
fn reduce_holds_the_order_of_each_key() {
    let mut rig = Rig::<String>::new();
    let mut join = Reduce::new(|so_far: &String, next: String| format!("{so_far}{next}"));
    for letter in ["x", "y", "z"] {
        rig.feed(&mut join, keyed((), letter.to_owned())).unwrap();
    }
    assert_eq!(rig.payloads(), ["x", "xy", "xyz"]);
}

#[test]
fn falsy_keys_have_states_of_their_own() {
    let mut rig = Rig::<u32>::new();
    let mut count = Reduce::new(|so_far: &u32, next: u32| so_far + next);
    let keys = [Key::from(0_u8), Key::from(""), Key::from(false), Key::from(())];
    for key in keys.iter().chain(&keys) {
        rig.feed(&mut count, keyed(key.clone(), 1)).unwrap();
    }
    assert_eq!(rig.payloads(), [1, 1, 1, 1, 2, 2, 2, 2]);
}

#[test]
fn keyed_operators_refuse_packets_without_a_key_and_name_node_and_remedy() {
    let text = refusal(&mut Reduce::new(|_: &u8, next: u8| next), 1);
    assert!(text.contains("reduce: expected packets with a key"), "{text}");
    let mut fold = Fold::new(|| 0_u8, |sum, next: u8| *sum += next, |_, sum| Ok(sum));
    let text = refusal(&mut fold, 1);
    assert!(text.contains("fold: expected packets with a key"), "{text}");
    let mut rig = Rig::<u8>::new();
    fold.close(&mut rig.ctx).unwrap();
    assert!(rig.events().is_empty(), "what was refused is in no state");
}

#[test]
fn fold_emits_one_result_per_key_when_it_closes() -> OpResult {
    let mut rig = Rig::<(String, u64)>::new();
    let mut counts = Fold::new(
        || 0_u64,
        |count, _word: String| *count += 1,
        |key, count| Ok((key.decode()?, count)),
    );
    for word in "the cat and the dog and the bird".split(' ') {
        rig.feed(&mut counts, keyed(word, word.to_owned()))?;
    }
    assert!(rig.events().is_empty(), "nothing before the end");
    counts.close(&mut rig.ctx)?;
    let out = rig.packets();
    assert!(
        out.iter()
            .all(|packet| packet.key() == Some(&Key::from(packet.payload.0.as_str())))
    );
    assert_eq!(
        out.into_iter().map(|packet| packet.payload).collect::<BTreeMap<_, _>>(),
        [("and", 2), ("bird", 1), ("cat", 1), ("dog", 1), ("the", 3)]
            .map(|(word, count)| (word.to_owned(), count))
            .into()
    );
    counts.close(&mut rig.ctx)?;
    assert!(rig.events().is_empty(), "results come once");
    Ok(())
}

#[test]
fn fold_of_nothing_is_nothing() {
    let mut rig = Rig::<u8>::new();
    let mut fold = Fold::new(|| 0_u8, |sum, next: u8| *sum += next, |_, sum| Ok(sum));
    fold.close(&mut rig.ctx).unwrap();
    assert!(rig.events().is_empty());
}

#[test]
fn a_result_that_cannot_be_made_is_an_error() {
    let mut rig = Rig::<u64>::new();
    let mut fold = Fold::new(|| (), |(), (): ()| (), |key, ()| Ok(key.decode::<u64>()?));
    rig.feed(&mut fold, keyed("no number", ())).unwrap();
    let error = fold.close(&mut rig.ctx).unwrap_err();
    assert_eq!(error.downcast::<Error>().unwrap().kind(), ErrorKind::TypeMismatch);
}
