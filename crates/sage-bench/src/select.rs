//! A part of a suite: some scenarios, some subjects, and what those are held against.

use crate::measure::{Group, Role};
use crate::target::{Reference, Target};

/// Words of the command line. A word that is a whole name means just that, any other every name it is a part of.
struct Words<'a> {
    words: &'a [String],
    names: Vec<String>,
}

impl<'a> Words<'a> {
    /// Every word must mean something.
    fn new(what: &str, words: &'a [String], names: Vec<String>) -> Result<Self, String> {
        let unknown = words
            .iter()
            .find(|word| !names.iter().any(|name| name.contains(word.as_str())));
        match unknown {
            None => Ok(Self { words, names }),
            Some(word) => Err(format!("no {what} {word}, expected a part of: {}", names.join(", "))),
        }
    }

    fn mean(&self, name: &str) -> bool {
        self.words
            .iter()
            .any(|word| word == name || (!self.names.contains(word) && name.contains(word.as_str())))
    }
}

/// The groups that `only` means, and in them the subjects that `subjects` means beside the references of their targets.
/// Without words everything is meant.
pub(crate) fn select(
    mut groups: Vec<Group>,
    targets: &[Target],
    only: &[String],
    subjects: &[String],
) -> Result<Vec<Group>, String> {
    if !only.is_empty() {
        let words = Words::new("scenario", only, distinct(groups.iter().flat_map(names)))?;
        groups.retain(|group| names(group).iter().any(|name| words.mean(name)));
    }
    if !subjects.is_empty() {
        let all = groups.iter().flat_map(|group| &group.cases);
        let words = Words::new("subject", subjects, distinct(all.map(|case| case.subject.to_owned())))?;
        for group in &mut groups {
            narrow(group, targets, &words);
        }
        groups.retain(|group| !group.cases.is_empty());
    }
    Ok(groups)
}

/// What a group can be called by: its scenarios, alone and with the item. Without a comma, which parts words.
fn names(group: &Group) -> Vec<String> {
    let scenarios = distinct(group.metrics.iter().map(|metric| metric.scenario.to_owned()));
    let with_item = scenarios.iter().map(|scenario| format!("{scenario} {}", group.item));
    with_item.chain(scenarios.iter().cloned()).collect()
}

fn narrow(group: &mut Group, targets: &[Target], words: &Words<'_>) {
    let mut peers = false;
    let mut references = Vec::new();
    for target in targets {
        let about = target.is_for(group) && words.mean(target.subject);
        match target.reference {
            Reference::Subject(name) if about => references.push(name),
            // Which one is best is known afterwards.
            Reference::BestPeer if about => peers = true,
            _ => {}
        }
    }
    group.cases.retain(|case| {
        words.mean(case.subject) || references.contains(&case.subject) || (peers && case.role == Role::Peer)
    });
    // References alone are held against nothing.
    if !group.cases.iter().any(|case| words.mean(case.subject)) {
        group.cases.clear();
    }
}

fn distinct(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Better, Case, Metric, Size};
    use crate::target::Bound;

    fn groups() -> Vec<Group> {
        let group = |scenario, item| Group {
            size: Size::Items,
            item,
            metrics: vec![Metric {
                scenario,
                unit: "u",
                better: Better::Higher,
            }],
            cases: [
                ("ours", Role::Ours),
                ("ours dyn", Role::Ours),
                ("a", Role::Peer),
                ("b", Role::Peer),
                ("c", Role::Spins),
            ]
            .map(|(subject, role)| Case::new(subject, role, |_| vec![1.0]))
            .into(),
        };
        vec![
            group("spsc", "8 B"),
            group("spsc", "64 B"),
            group("async spsc", "8 B"),
            group("pair", "8 B"),
        ]
    }

    fn chosen(only: &[&str], subjects: &[&str]) -> Result<Vec<(String, Vec<&'static str>)>, String> {
        let target = |scenario, subject, reference| Target {
            scenario,
            item: Some("8 B"),
            subject,
            reference,
            bound: Bound::Times(1.0),
        };
        let targets = [
            target("spsc", "ours", Reference::BestPeer),
            target("pair", "ours dyn", Reference::Subject("c")),
            target("pair", "ours dyn", Reference::Value(1.0)),
        ];
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let groups = select(groups(), &targets, &owned(only), &owned(subjects))?;
        let subjects = |group: &Group| group.cases.iter().map(|case| case.subject).collect();
        Ok(groups
            .iter()
            .filter_map(|group| Some((names(group).first()?.clone(), subjects(group))))
            .collect())
    }

    fn scenarios(only: &[&str]) -> Vec<String> {
        chosen(only, &[])
            .expect("known")
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    }

    #[test]
    fn a_whole_name_means_itself_and_a_part_every_name_with_it() {
        assert_eq!(scenarios(&[]).len(), 4);
        assert_eq!(scenarios(&["spsc"]), ["spsc 8 B", "spsc 64 B"]);
        assert_eq!(scenarios(&["sps"]), ["spsc 8 B", "spsc 64 B", "async spsc 8 B"]);
        assert_eq!(scenarios(&["64", "pair"]), ["spsc 64 B", "pair 8 B"]);
        assert_eq!(scenarios(&["spsc 8 B"]), ["spsc 8 B"]);
        assert!(chosen(&["spsc", "4x1"], &[]).is_err_and(|error| error.contains("4x1") && error.contains("pair")));
    }

    #[test]
    fn a_subject_comes_with_what_it_is_held_against() {
        let subjects = |subject: &str| chosen(&["spsc", "pair"], &[subject]).expect("known");
        let [eight, wide, pair] = <[_; 3]>::try_from(subjects("ours")).expect("three groups");
        assert_eq!(eight.1, ["ours", "a", "b"]);
        assert_eq!(wide.1, ["ours"]);
        assert_eq!(pair.1, ["ours"]);
        let [(_, dynamic), ..] = <[_; 3]>::try_from(subjects("dyn")).expect("three groups");
        assert_eq!(dynamic, ["ours dyn"]);
        let pair = chosen(&["pair"], &["dyn"]).expect("known");
        assert_eq!(pair, [("pair 8 B".to_owned(), vec!["ours dyn", "c"])]);
        assert!(chosen(&[], &["d e"]).is_err());
    }
}
