//! What a worker of a submitted job is told.

use descriptor_core::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

use crate::keep::Kept;
use crate::{JobParams, Scalars};

/// All that a function which builds a job is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Task {
    pub(crate) name: String,
    pub(crate) params: Scalars,
    #[serde(default)]
    pub(crate) kept: Option<Kept>,
}

impl Task {
    pub(crate) fn new(name: &str, params: &JobParams) -> Self {
        Self {
            name: name.to_owned(),
            params: params.all().clone(),
            kept: params.kept().cloned(),
        }
    }

    pub(crate) fn to_text(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|cause| unreadable().caused_by(cause))
    }

    pub(crate) fn from_text(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|cause| unreadable().caused_by(cause))
    }
}

fn unreadable() -> Error {
    Error::new(ErrorKind::Incompatible, "read task")
        .expected("the name of a registered job and its parameters")
        .remedy("let nobody replace the program while it runs jobs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_comes_out_as_it_went_in() {
        let params: Scalars = [("upto".to_owned(), 7_i64.into()), ("how".to_owned(), "a \"b\"".into())].into();
        let task = Task {
            name: "sum".into(),
            params,
            kept: Kept::new(std::path::Path::new("/data"), "sum-1", &crate::Keep::default()).ok(),
        };
        let text = task.to_text().unwrap();
        assert_eq!(Task::from_text(&text).unwrap(), task);
        for wrong in ["", "{}", "[1]", r#"{"name":"sum","params":{},"more":1}"#] {
            let error = Task::from_text(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Incompatible, "{wrong}");
        }
    }
}
