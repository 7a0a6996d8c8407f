//! The graph as a picture for terminals.
//!
//! Nodes that follow each other one by one stand in a row. Where streams part or meet, or a row is full, the picture
//! goes on in a new row, whose first node has the names of its senders to its left: every edge is drawn exactly once.

use std::fmt::Write as _;

use crate::graph::{Adjacency, shown};
use crate::{Edge, ExecutionGraph, NodeId, NodeSpec};

/// The widest picture, in columns.
const COLUMNS: usize = 100;
/// The longest label; two labels, an arrow and a frame fit into a row.
const LABEL: usize = 20;

impl ExecutionGraph {
    /// The nodes as boxes with their parallelism, the edges as arrows with their partition; at most 100 columns wide.
    ///
    /// An arrow into a node with several input ports ends in the number of its port.
    #[must_use]
    pub fn topology(&self) -> String {
        let adjacency = self.adjacency();
        let mut drawn = vec![false; self.nodes.len()];
        let mut picture = String::new();
        for id in self.order(&adjacency) {
            if drawn.get(id.index()) == Some(&false) {
                if !picture.is_empty() {
                    picture.push('\n');
                }
                for line in self.row(id, &adjacency, &mut drawn) {
                    // Writing to a String cannot fail.
                    let _ = writeln!(picture, "{}", line.trim_end());
                }
            }
        }
        picture
    }

    /// The row that starts with this node: its senders, its box, and all that follow one by one.
    fn row(&self, first: NodeId, adjacency: &Adjacency, drawn: &mut [bool]) -> Vec<String> {
        let Some(node) = self.node(first) else {
            return Vec::new();
        };
        let stubs = self.stubs(first, adjacency);
        let height = (stubs.len() + 2).max(4);
        let mut row = block(&stubs, height);
        append(&mut row, &boxed(node, height));
        let mut last = first;
        mark(drawn, first);
        while let [only] = adjacency.outgoing(last) {
            let Some(edge) = self.edge(*only) else {
                break;
            };
            let Some(node) = self.node(edge.to) else {
                break;
            };
            let arrow = block(&[format!(" {}", arrow(edge, node))], height);
            let next = boxed(node, height);
            let alone = adjacency.incoming(edge.to).len() == 1;
            let free = drawn.get(edge.to.index()) == Some(&false);
            if !alone || !free || width(&row) + width(&arrow) + width(&next) > COLUMNS {
                break;
            }
            append(&mut row, &arrow);
            append(&mut row, &next);
            mark(drawn, edge.to);
            last = edge.to;
        }
        row
    }

    /// One line per edge into the node.
    fn stubs(&self, to: NodeId, adjacency: &Adjacency) -> Vec<String> {
        let edges = || adjacency.incoming(to).iter().filter_map(|id| self.edge(*id));
        let names: Vec<String> = edges().map(|edge| short(&self.name_of(edge.from))).collect();
        let widest = names.iter().map(|name| count(name)).max().unwrap_or_default();
        let Some(node) = self.node(to) else {
            return Vec::new();
        };
        edges()
            .zip(names)
            .map(|(edge, name)| format!("{name:widest$} {}", arrow(edge, node)))
            .collect()
    }
}

/// `──hash─▶ `, and the port where the target has several.
fn arrow(edge: &Edge, to: &NodeSpec) -> String {
    let port = match to.ports() {
        0 | 1 => String::new(),
        _ => format!("{} ", edge.spec.input_index),
    };
    format!("─{}─▶ {port}", short(&shown(&edge.spec.partition.to_string())))
}

/// A box of this height with the name, and the parallelism below.
fn boxed(node: &NodeSpec, height: usize) -> Vec<String> {
    let name = short(&shown(&node.name));
    let below = if node.name.starts_with(node.kind.as_str()) {
        format!("x{}", node.parallelism)
    } else {
        format!("{} x{}", short(&shown(node.kind.as_str())), node.parallelism)
    };
    let inner = count(&name).max(count(&below));
    let mut lines = vec![format!("┌─{}─┐", "─".repeat(inner))];
    for i in 0..height - 2 {
        let text = match i {
            0 => name.as_str(),
            1 => below.as_str(),
            _ => "",
        };
        lines.push(format!("│ {text:^inner$} │"));
    }
    lines.push(format!("└─{}─┘", "─".repeat(inner)));
    lines
}

/// These lines beside a box of this height: below its upper edge, all of the same width.
fn block(lines: &[String], height: usize) -> Vec<String> {
    let widest = lines.iter().map(|line| count(line)).max().unwrap_or_default();
    (0..height)
        .map(|i| {
            let text = i.checked_sub(1).and_then(|i| lines.get(i)).map_or("", String::as_str);
            // Arrows of one block end in the same column.
            match text.rsplit_once("─▶") {
                Some((start, end)) => {
                    let missing = "─".repeat(widest - count(text));
                    format!("{start}{missing}─▶{end}")
                }
                None => format!("{text:widest$}"),
            }
        })
        .collect()
}

fn append(row: &mut [String], part: &[String]) {
    for (line, more) in row.iter_mut().zip(part) {
        line.push_str(more);
    }
}

fn width(row: &[String]) -> usize {
    row.first().map_or(0, |line| count(line))
}

fn mark(drawn: &mut [bool], node: NodeId) {
    if let Some(drawn) = drawn.get_mut(node.index()) {
        *drawn = true;
    }
}

fn count(text: &str) -> usize {
    text.chars().count()
}

fn short(text: &str) -> String {
    if count(text) <= LABEL {
        return text.to_owned();
    }
    text.chars().take(LABEL - 1).chain(['…']).collect()
}
