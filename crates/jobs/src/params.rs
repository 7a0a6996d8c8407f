//! What a registered job takes, and what it was given.

use descriptor_core::{Error, ErrorKind, nearest};
use runtime::Checkpoints;
use serde::{Deserialize, Serialize};

use crate::keep::Kept;
use crate::{Scalar, ScalarKind, Scalars};

/// One parameter of a registered job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub kind: ScalarKind,
    /// What it is when it is not given; one without has to be given.
    pub default: Option<Scalar>,
    /// What it is about, in a few words.
    pub about: String,
}

impl Param {
    /// One that has to be given.
    #[must_use]
    pub fn needed(name: &str, kind: ScalarKind, about: &str) -> Self {
        Self {
            name: name.into(),
            kind,
            default: None,
            about: about.into(),
        }
    }

    /// One with a default.
    #[must_use]
    pub fn optional(name: &str, default: impl Into<Scalar>, about: &str) -> Self {
        let default = default.into();
        let kind = match default {
            Scalar::Bool(_) => ScalarKind::Bool,
            Scalar::Int(_) => ScalarKind::Int,
            Scalar::Float(_) => ScalarKind::Float,
            Scalar::Text(_) => ScalarKind::Text,
        };
        Self {
            name: name.into(),
            kind,
            default: Some(default),
            about: about.into(),
        }
    }
}

/// The parameters of one job: all that it takes, each with a value of its kind.
#[derive(Clone, Debug, PartialEq)]
pub struct JobParams {
    job: String,
    values: Scalars,
    kept: Option<Kept>,
}

impl JobParams {
    /// Checks what was given against what is known, and adds the defaults.
    pub(crate) fn check(job: &str, known: &[Param], given: &Scalars) -> Result<Self, Error> {
        let refused = |name: &str| {
            Error::new(ErrorKind::InvalidDescriptor, "submit job")
                .with("job", job)
                .with("parameter", name)
        };
        if let Some(name) = given.keys().find(|name| known.iter().all(|param| param.name != **name)) {
            let names: Vec<&str> = known.iter().map(|param| param.name.as_str()).collect();
            let error = refused(name)
                .expected(if names.is_empty() {
                    "no parameters".to_owned()
                } else {
                    format!("one of {}", names.join(", "))
                })
                .found("one that it does not take");
            return Err(match nearest(name, names.iter().copied()) {
                Some(close) => error.remedy(format!("did you mean `{close}`?")),
                None => error.remedy("leave it out"),
            });
        }
        let mut values = Scalars::new();
        for param in known {
            let value = match given.get(&param.name) {
                Some(value) => value.to_kind(param.kind).ok_or_else(|| {
                    refused(&param.name)
                        .expected(param.kind.to_string())
                        .found(format!("`{value}`"))
                        .remedy("give another value")
                })?,
                None => param.default.clone().ok_or_else(|| {
                    refused(&param.name)
                        .expected(format!("{}: {}", param.kind, param.about))
                        .found("nothing")
                        .remedy("give a value")
                })?,
            };
            values.insert(param.name.clone(), value);
        }
        Ok(Self {
            job: job.into(),
            values,
            kept: None,
        })
    }

    pub(crate) fn with_kept(self, kept: Option<Kept>) -> Self {
        Self { kept, ..self }
    }

    pub(crate) const fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref()
    }

    /// The checkpoints that the job is to keep, for a function that builds it otherwise then. The job gets them in any case.
    #[must_use]
    pub fn checkpoints(&self) -> Option<Checkpoints> {
        self.kept.as_ref().map(Kept::checkpoints)
    }

    /// All of them.
    #[must_use]
    pub const fn all(&self) -> &Scalars {
        &self.values
    }

    /// A parameter that is true or false.
    ///
    /// # Errors
    /// `InvalidDescriptor` when the job was registered without a parameter of this name and kind.
    pub fn bool(&self, name: &str) -> Result<bool, Error> {
        match self.values.get(name) {
            Some(Scalar::Bool(value)) => Ok(*value),
            _ => Err(self.unregistered(name, ScalarKind::Bool)),
        }
    }

    /// A whole number.
    ///
    /// # Errors
    /// As [`bool`](Self::bool).
    pub fn int(&self, name: &str) -> Result<i64, Error> {
        match self.values.get(name) {
            Some(Scalar::Int(value)) => Ok(*value),
            _ => Err(self.unregistered(name, ScalarKind::Int)),
        }
    }

    /// A whole number from `least` to `most`.
    ///
    /// # Errors
    /// As [`bool`](Self::bool), and when it is another one.
    pub fn int_within(&self, name: &str, least: i64, most: i64) -> Result<i64, Error> {
        let value = self.int(name)?;
        if (least..=most).contains(&value) {
            return Ok(value);
        }
        Err(Error::new(ErrorKind::InvalidDescriptor, "submit job")
            .with("job", &self.job)
            .with("parameter", name)
            .expected(format!("a whole number from {least} to {most}"))
            .found(value.to_string())
            .remedy("give another value"))
    }

    /// A number.
    ///
    /// # Errors
    /// As [`bool`](Self::bool).
    pub fn float(&self, name: &str) -> Result<f64, Error> {
        match self.values.get(name) {
            Some(Scalar::Float(value)) => Ok(*value),
            _ => Err(self.unregistered(name, ScalarKind::Float)),
        }
    }

    /// A text.
    ///
    /// # Errors
    /// As [`bool`](Self::bool).
    pub fn text(&self, name: &str) -> Result<&str, Error> {
        match self.values.get(name) {
            Some(Scalar::Text(value)) => Ok(value),
            _ => Err(self.unregistered(name, ScalarKind::Text)),
        }
    }

    fn unregistered(&self, name: &str, kind: ScalarKind) -> Error {
        Error::new(ErrorKind::InvalidDescriptor, "read parameter")
            .with("job", &self.job)
            .with("parameter", name)
            .expected(format!("one that was registered as {kind}"))
            .remedy("register the job with it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<Param> {
        vec![
            Param::needed("file", ScalarKind::Text, "what to read"),
            Param::optional("top", 10_i64, "how many"),
        ]
    }

    fn given(pairs: &[(&str, &str)]) -> Scalars {
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    }

    #[test]
    fn defaults_stand_for_what_is_not_given() {
        let params = JobParams::check("count", &known(), &given(&[("file", "a.txt")])).unwrap();
        assert_eq!(params.text("file").unwrap(), "a.txt");
        assert_eq!(params.int("top").unwrap(), 10);
        assert!(params.int_within("top", 1, 9).is_err());
        assert!(params.bool("top").is_err());
    }

    #[test]
    fn refusals_name_what_there_is() {
        for (pairs, parts) in [
            (
                &[("file", "a"), ("topp", "3")][..],
                &["topp", "file, top", "did you mean `top`?"][..],
            ),
            (&[("file", "a"), ("zebra", "3")], &["zebra", "leave it out"]),
            (&[], &["file", "what to read", "nothing"]),
            (&[("file", "a"), ("top", "many")], &["top", "a whole number", "`many`"]),
        ] {
            let message = JobParams::check("count", &known(), &given(pairs))
                .unwrap_err()
                .to_string();
            for part in parts {
                assert!(message.contains(part), "{message:?} has no {part:?}");
            }
        }
    }
}
