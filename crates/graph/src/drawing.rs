//! The graph for drawing programs: Mermaid and Graphviz.

use std::fmt::Write as _;

use crate::{ExecutionGraph, NodeKind, NodeSpec};

impl ExecutionGraph {
    /// A Mermaid flowchart.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for (id, node) in self.node_ids() {
            let (open, close) = match node.kind {
                NodeKind::Source => ("([", "])"),
                NodeKind::Sink => ("[(", ")]"),
                _ => ("[", "]"),
            };
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(text, "  {id}{open}\"{}\"{close}", entities(&label(node)));
        }
        for edge in &self.edges {
            let partition = entities(&edge.spec.partition.to_string());
            let _ = writeln!(text, "  {} -- \"{partition}\" --> {}", edge.from, edge.to);
        }
        for (i, service) in self.services.iter().enumerate() {
            let name = entities(&service.name);
            let _ = writeln!(text, "  s{i}{{{{\"service {name} x{}\"}}}}", service.parallelism);
        }
        text
    }

    /// A Graphviz digraph.
    #[must_use]
    pub fn to_dot(&self) -> String {
        let mut text = format!(
            "digraph \"{}\" {{\n  rankdir=LR;\n  node [shape=box];\n",
            escaped(&self.job_name)
        );
        for (id, node) in self.node_ids() {
            let _ = writeln!(text, "  {id} [label=\"{}\"];", escaped(&label(node)));
        }
        for edge in &self.edges {
            let partition = escaped(&edge.spec.partition.to_string());
            let _ = writeln!(text, "  {} -> {} [label=\"{partition}\"];", edge.from, edge.to);
        }
        for (i, service) in self.services.iter().enumerate() {
            let name = escaped(&service.name);
            let _ = writeln!(
                text,
                "  s{i} [shape=hexagon, label=\"service {name} x{}\"];",
                service.parallelism
            );
        }
        text.push_str("}\n");
        text
    }
}

fn label(node: &NodeSpec) -> String {
    format!("{} ({}) x{}", node.name, node.kind, node.parallelism)
}

fn entities(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => safe.push_str("#quot;"),
            '#' => safe.push_str("#35;"),
            '<' => safe.push_str("#lt;"),
            '>' => safe.push_str("#gt;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => safe.extend(['\\', c]),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}
