//! The workspace as the checkers see it: packages, their arrows, and the texts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DepKindInfo, DependencyKind, Metadata, MetadataCommand, Package as Described, TargetKind};

use super::File;

/// Everything the checkers look at.
#[derive(Debug)]
pub(super) struct Workspace {
    pub(super) root: PathBuf,
    pub(super) packages: Vec<Package>,
    pub(super) graph: Graph,
    /// Rust, manifest and Markdown files.
    pub(super) files: Vec<File>,
}

/// One package of the workspace.
#[derive(Debug, Clone, Default)]
pub(super) struct Package {
    pub(super) name: String,
    /// Folder from the root, with `/`.
    pub(super) folder: String,
    pub(super) manifest: String,
    pub(super) arrows: Vec<Arrow>,
    /// `lib.rs` or what stands for it.
    pub(super) library: Option<String>,
    /// The roots of library and binaries.
    pub(super) roots: Vec<String>,
}

/// A dependency on another package of the workspace.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Arrow {
    pub(super) to: String,
    pub(super) dev: bool,
}

/// Names of all packages and their normal dependencies, by package id.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) names: BTreeMap<String, String>,
    pub(super) normal: BTreeMap<String, Vec<String>>,
}

impl Package {
    pub(super) fn manifest_path(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }

    /// The first line of the manifest that starts with `text`, 1 if none does.
    pub(super) fn line_of(&self, text: &str) -> usize {
        self.manifest
            .lines()
            .position(|line| line.starts_with(text))
            .map_or(1, |index| index + 1)
    }

    /// Whether `path` lies in the package's `src`.
    pub(super) fn has_source(&self, path: &str) -> bool {
        path.strip_prefix(&self.folder)
            .is_some_and(|rest| rest.starts_with("/src/"))
    }
}

impl Workspace {
    pub(super) fn read(root: &Path) -> Result<Self, String> {
        let metadata = MetadataCommand::new()
            .current_dir(root)
            .other_options(["--locked".to_owned()])
            .exec()
            .map_err(|error| format!("cargo metadata failed: {error}"))?;
        let mut files = Vec::new();
        collect(root, root, &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let ours: BTreeSet<&str> = metadata
            .workspace_packages()
            .iter()
            .map(|package| package.name.as_str())
            .collect();
        let packages = metadata.workspace_packages();
        let packages = packages
            .iter()
            .map(|package| describe(root, package, &ours))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            root: root.to_owned(),
            packages,
            graph: graph(&metadata),
            files,
        })
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text.as_str())
    }
}

fn describe(root: &Path, package: &Described, ours: &BTreeSet<&str>) -> Result<Package, String> {
    let manifest_path = package.manifest_path.as_std_path();
    let arrows = package
        .dependencies
        .iter()
        .filter(|dependency| ours.contains(dependency.name.as_str()));
    let of = |wanted: &[TargetKind]| -> Vec<String> {
        let targets = package
            .targets
            .iter()
            .filter(|target| target.kind.iter().any(|kind| wanted.contains(kind)));
        targets
            .map(|target| relative(root, target.src_path.as_std_path()))
            .collect()
    };
    Ok(Package {
        name: package.name.to_string(),
        folder: relative(root, manifest_path.parent().unwrap_or(root)),
        manifest: read(manifest_path)?,
        arrows: arrows
            .map(|dependency| Arrow {
                to: dependency.name.clone(),
                dev: dependency.kind == DependencyKind::Development,
            })
            .collect(),
        library: of(&[TargetKind::Lib, TargetKind::ProcMacro]).into_iter().next(),
        roots: of(&[TargetKind::Lib, TargetKind::ProcMacro, TargetKind::Bin]),
    })
}

fn graph(metadata: &Metadata) -> Graph {
    let names = metadata
        .packages
        .iter()
        .map(|package| (package.id.repr.clone(), package.name.to_string()));
    let mut graph = Graph {
        names: names.collect(),
        normal: BTreeMap::new(),
    };
    for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
        let normal = node.deps.iter().filter(|dependency| {
            dependency
                .dep_kinds
                .iter()
                .any(|info| info.kind == DependencyKind::Normal && !only_modelled(info))
        });
        let normal = normal.map(|dependency| dependency.pkg.repr.clone()).collect();
        graph.normal.insert(node.id.repr.clone(), normal);
    }
    graph
}

/// True for what only the model checker's build uses: it is in no program.
fn only_modelled(info: &DepKindInfo) -> bool {
    info.target
        .as_ref()
        .is_some_and(|target| target.to_string() == "cfg(loom)")
}

/// Reads every `.rs`, `.toml` and `.md` file below `folder`, but not in hidden or `target` folders.
fn collect(root: &Path, folder: &Path, files: &mut Vec<File>) -> Result<(), String> {
    let entries =
        std::fs::read_dir(folder).map_err(|error| format!("{} is not readable: {error}", folder.display()))?;
    for entry in entries {
        let path = entry
            .map_err(|error| format!("{} is not readable: {error}", folder.display()))?
            .path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(root, &path, files)?;
            }
        } else if path
            .extension()
            .is_some_and(|extension| ["rs", "toml", "md"].iter().any(|known| extension == *known))
        {
            files.push(File {
                path: relative(root, &path),
                text: read(&path)?,
            });
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{} is not readable as text: {error}", path.display()))
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .to_string_lossy()
        .replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_is_read() {
        let root = crate::shell::root().expect("root");
        let workspace = Workspace::read(&root).expect("workspace");
        let this = workspace
            .packages
            .iter()
            .find(|package| package.name == "xtask")
            .expect("xtask");
        assert_eq!((this.folder.as_str(), &this.library), ("xtask", &None));
        assert_eq!(this.roots, ["xtask/src/main.rs"]);
        assert!(this.has_source("xtask/src/main.rs") && !this.has_source("xtask/Cargo.toml"));
        assert!(
            workspace
                .text("xtask/src/tidy/model.rs")
                .is_some_and(|text| text.contains("this_workspace_is_read"))
        );
        let facade = workspace
            .packages
            .iter()
            .find(|package| package.name == "sage-comm")
            .expect("facade");
        assert!(facade.arrows.contains(&Arrow {
            to: "descriptor-core".to_owned(),
            dev: false
        }));
        assert_eq!(facade.library.as_deref(), Some("crates/sage-comm/src/lib.rs"));
        assert!(workspace.graph.names.values().any(|name| name == "cargo_metadata"));
    }
}
