//! Which package may use which: the layers.

use std::collections::{BTreeMap, VecDeque};

use super::Finding;
use super::model::{Graph, Package};

/// A package, what it may depend on, and what its tests may use besides. `queue-*` stands for every backend.
struct Layer {
    name: &'static str,
    uses: &'static [&'static str],
    tests_use: &'static [&'static str],
}

const fn layer(name: &'static str, uses: &'static [&'static str], tests_use: &'static [&'static str]) -> Layer {
    Layer { name, uses, tests_use }
}

const BACKENDS: &str = "queue-*";

const LAYERS: &[Layer] = &[
    layer("queue-core", &[], &[]),
    layer("descriptor-record", &["queue-core"], &[]),
    layer("descriptor-core", &["descriptor-record", "queue-core"], &[]),
    layer("nexmark", &[], &[]),
    layer("queue-testkit", &["descriptor-core"], &[]),
    layer("queue-local", &["descriptor-core"], &["queue-testkit"]),
    layer("queue-sage", &["descriptor-core"], &["queue-testkit"]),
    layer(
        "queue-lease",
        &["descriptor-core", "queue-local", "queue-sage"],
        &["queue-testkit"],
    ),
    layer("queue-shm", &["descriptor-core"], &["queue-testkit"]),
    layer("rpc-wire", &["descriptor-record", "queue-core"], &[]),
    layer("rpc-broker", &["descriptor-record", "queue-core", "rpc-wire"], &[]),
    layer(
        "rpc-server",
        &["queue-core", "rpc-broker", "rpc-wire"],
        &["descriptor-record"],
    ),
    layer(
        "queue-rpc",
        &["descriptor-core", "rpc-wire"],
        &["queue-testkit", "rpc-server"],
    ),
    layer("queue-nats", &["descriptor-core"], &["queue-testkit"]),
    layer(
        "queue-actor",
        &["descriptor-core", "queue-rpc", "queue-sage", "rpc-server"],
        &["queue-testkit"],
    ),
    layer("partition-key", &["descriptor-core"], &[]),
    layer(
        "router",
        &["descriptor-core", "partition-key"],
        &["queue-testkit", BACKENDS],
    ),
    layer("graph", &["descriptor-core", "router"], &["queue-testkit"]),
    layer("checkpoint", &["descriptor-core", "keyed-state", "partition-key"], &[]),
    layer("crew", &["descriptor-core"], &["queue-local"]),
    layer("keyed-state", &["descriptor-core", "partition-key"], &[]),
    layer("service", &["descriptor-core"], &["queue-testkit", BACKENDS]),
    layer(
        "task",
        &[
            "checkpoint",
            "descriptor-core",
            "graph",
            "keyed-state",
            "router",
            "service",
        ],
        &[BACKENDS],
    ),
    layer(
        "runtime",
        &[
            "checkpoint",
            "crew",
            "descriptor-core",
            "graph",
            "keyed-state",
            "router",
            "service",
            "task",
        ],
        &["queue-testkit", BACKENDS],
    ),
    layer(
        "jobs",
        &["descriptor-core", "runtime", "service"],
        &["queue-testkit", BACKENDS],
    ),
    layer(
        "sage-comm",
        &[
            "descriptor-core",
            BACKENDS,
            "router",
            "graph",
            "jobs",
            "rpc-server",
            "runtime",
            "service",
        ],
        &[],
    ),
    layer("sage-cli", &["sage-comm", "nexmark"], &[]),
    layer("ipc-peers", &["sage-comm"], &[]),
    layer("net-peers", &["ipc-peers", "sage-comm"], &[]),
    layer("sage-bench", &["ipc-peers", "net-peers", "sage-comm", "nexmark"], &[]),
    layer("sage-tests", &["sage-comm", "nexmark", "queue-testkit"], &[BACKENDS]),
    layer(
        "sage-fuzz",
        &[
            "queue-rpc",
            "router",
            "rpc-broker",
            "rpc-server",
            "rpc-wire",
            "sage-comm",
        ],
        &[],
    ),
    layer("xtask", &[], &[]),
];

/// Packages that must stay out of reach of the normal dependencies of a package.
const OUT_OF_REACH: &[(&str, &[&str])] = &[
    ("queue-core", THE_SYSTEM),
    ("descriptor-record", THE_SYSTEM),
    ("descriptor-core", THE_SYSTEM),
];
const THE_SYSTEM: &[&str] = &["tokio", "flume", "libc"];

/// Whether `name` is a queue backend: the contract and its test kit are none.
pub(super) fn is_backend(name: &str) -> bool {
    name.starts_with("queue-") && !matches!(name, "queue-core" | "queue-testkit")
}

/// Every arrow between packages of the workspace is in the table.
pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let path = package.manifest_path();
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == package.name) else {
            findings.push(Finding::new(
                &path,
                package.line_of("name"),
                format!("package {} has no layer", package.name),
                "give it a row in xtask/src/tidy/arrows.rs",
            ));
            continue;
        };
        for arrow in &package.arrows {
            let extra = if arrow.dev { layer.tests_use } else { &[] };
            let allowed = || layer.uses.iter().chain(extra);
            if allowed().any(|name| arrow.to == *name || (*name == BACKENDS && is_backend(&arrow.to))) {
                continue;
            }
            let kind = if arrow.dev { "dev-depends" } else { "depends" };
            let known: Vec<&str> = allowed().copied().collect();
            let known = if known.is_empty() {
                "nothing of ours".to_owned()
            } else {
                known.join(", ")
            };
            findings.push(Finding::new(
                &path,
                package.line_of(&arrow.to),
                format!("{} {kind} on {}", package.name, arrow.to),
                format!("use only {known}"),
            ));
        }
    }
    findings
}

/// No package reaches, over normal dependencies, what it must do without.
pub(super) fn reach(graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (from, forbidden) in OUT_OF_REACH {
        let Some((start, _)) = graph.names.iter().find(|(_, name)| name == from) else {
            continue;
        };
        let came_from = walk(graph, start);
        for (id, name) in &graph.names {
            if forbidden.contains(&name.as_str()) && came_from.contains_key(id.as_str()) {
                findings.push(Finding::new(
                    &format!("crates/{from}/Cargo.toml"),
                    1,
                    format!("{from} reaches {name} ({})", path_to(graph, &came_from, id)),
                    "drop that dependency or the feature that brings it in",
                ));
            }
        }
    }
    findings
}

/// Breadth first: each reached package with the one it was reached from.
fn walk<'a>(graph: &'a Graph, start: &'a str) -> BTreeMap<&'a str, Option<&'a str>> {
    let mut came_from = BTreeMap::from([(start, None)]);
    let mut waiting = VecDeque::from([start]);
    while let Some(id) = waiting.pop_front() {
        for next in graph.normal.get(id).into_iter().flatten() {
            if !came_from.contains_key(next.as_str()) {
                came_from.insert(next, Some(id));
                waiting.push_back(next);
            }
        }
    }
    came_from
}

fn path_to(graph: &Graph, came_from: &BTreeMap<&str, Option<&str>>, end: &str) -> String {
    let mut names = Vec::new();
    let mut id = Some(end);
    while let Some(step) = id {
        names.push(graph.names.get(step).map_or(step, String::as_str));
        id = came_from.get(step).copied().flatten();
    }
    names.reverse();
    names.join(" -> ")
}

#[cfg(test)]
mod tests {
    use super::super::model::Arrow;
    use super::*;

    fn package(name: &str, to: &str, dev: bool) -> Package {
        Package {
            name: name.to_owned(),
            folder: format!("crates/{name}"),
            manifest: format!("[package]\nname = \"{name}\"\n[dependencies]\n{to}.workspace = true\n"),
            arrows: vec![Arrow { to: to.to_owned(), dev }],
            ..Package::default()
        }
    }

    #[test]
    fn allowed_arrows_pass() {
        for (from, to, dev) in [
            ("descriptor-record", "queue-core", false),
            ("descriptor-core", "descriptor-record", false),
            ("queue-local", "descriptor-core", false),
            ("queue-local", "queue-testkit", true),
            ("graph", "router", false),
            ("runtime", "queue-sage", true),
            ("sage-comm", "queue-nats", false),
            ("sage-cli", "nexmark", false),
            ("sage-tests", "queue-testkit", true),
        ] {
            assert_eq!(check(&[package(from, to, dev)]), [], "{from} -> {to}");
        }
    }

    #[test]
    fn planted_arrows_are_found() {
        for (from, to, dev) in [
            ("queue-core", "descriptor-record", true),
            ("descriptor-record", "descriptor-core", true),
            ("router", "queue-core", true),
            ("queue-local", "router", false),
            ("queue-local", "queue-testkit", false),
            ("queue-local", "queue-sage", true),
            ("graph", "queue-local", true),
            ("router", "queue-local", false),
            ("runtime", "queue-sage", false),
            ("sage-comm", "queue-testkit", false),
            ("sage-cli", "queue-local", false),
            ("runtime", "nexmark", true),
            ("xtask", "descriptor-core", false),
            ("nexmark", "descriptor-core", true),
        ] {
            let found = check(&[package(from, to, dev)]);
            assert_eq!(found.len(), 1, "{from} -> {to}: {found:?}");
            assert_eq!(found[0].line, 4);
        }
    }

    #[test]
    fn a_package_without_a_layer_is_found() {
        assert_eq!(check(&[package("queue-new", "descriptor-core", false)]).len(), 1);
    }

    #[test]
    fn a_far_dependency_is_found_with_its_path() {
        let id = |text: &str| text.to_owned();
        let mut graph = Graph::default();
        for name in ["descriptor-core", "bytes", "libc", "tokio"] {
            graph.names.insert(id(name), id(name));
        }
        graph.normal.insert(id("descriptor-core"), vec![id("bytes")]);
        graph.normal.insert(id("bytes"), Vec::new());
        assert_eq!(reach(&graph), []);
        graph
            .normal
            .insert(id("bytes"), vec![id("libc"), id("descriptor-core")]);
        let found = reach(&graph);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].what.contains("descriptor-core -> bytes -> libc"),
            "{}",
            found[0]
        );
    }
}
