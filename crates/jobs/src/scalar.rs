//! The parameters of a job: plain values by name.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One plain value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Text(String),
}

impl Scalar {
    /// The same value as one of this kind: text is read, and a whole number will do where a fraction may be.
    pub(crate) fn to_kind(&self, kind: ScalarKind) -> Option<Self> {
        match (kind, self) {
            (ScalarKind::Bool, Self::Bool(_)) | (ScalarKind::Int, Self::Int(_)) | (ScalarKind::Text, Self::Text(_)) => {
                Some(self.clone())
            }
            (ScalarKind::Float, Self::Float(value)) => value.is_finite().then(|| self.clone()),
            (ScalarKind::Float, Self::Int(value)) => Some(Self::Float(*value as f64)),
            (ScalarKind::Bool, Self::Text(text)) => text.parse().ok().map(Self::Bool),
            (ScalarKind::Int, Self::Text(text)) => text.replace('_', "").parse().ok().map(Self::Int),
            (ScalarKind::Float, Self::Text(text)) => {
                let value = text.parse().ok().filter(|value: &f64| value.is_finite());
                value.map(Self::Float)
            }
            (ScalarKind::Text, Self::Int(value)) => Some(Self::Text(value.to_string())),
            _ => None,
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Text(value) => f.write_str(value),
        }
    }
}

macro_rules! scalar_from {
    ($($from:ty => $variant:ident),*) => {$(
        impl From<$from> for Scalar {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}
scalar_from!(bool => Bool, i64 => Int, u32 => Int, f64 => Float, String => Text, &str => Text);

/// What kind of value a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScalarKind {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// Any text.
    Text,
}

impl fmt::Display for ScalarKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "true or false",
            Self::Int => "a whole number",
            Self::Float => "a number",
            Self::Text => "text",
        })
    }
}

/// Parameters by name, in the order of their names.
pub type Scalars = BTreeMap<String, Scalar>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_what_is_wanted() {
        let text = |text: &str| Scalar::from(text);
        assert_eq!(text("1_000").to_kind(ScalarKind::Int), Some(Scalar::Int(1000)));
        assert_eq!(text("true").to_kind(ScalarKind::Bool), Some(Scalar::Bool(true)));
        assert_eq!(text("0.5").to_kind(ScalarKind::Float), Some(Scalar::Float(0.5)));
        assert_eq!(Scalar::Int(7).to_kind(ScalarKind::Text), Some(text("7")));
        for (wrong, kind) in [
            (text("yes"), ScalarKind::Bool),
            (text("1.5"), ScalarKind::Int),
            (text("NaN"), ScalarKind::Float),
            (Scalar::Bool(true), ScalarKind::Int),
        ] {
            assert_eq!(wrong.to_kind(kind), None, "{wrong:?}");
        }
    }

    #[test]
    fn json_is_plain() {
        let scalars: Scalars = serde_json::from_str(r#"{"a":true,"b":-3,"c":0.5,"d":"x"}"#).unwrap();
        let values: Vec<_> = scalars.into_values().collect();
        assert_eq!(values, [true.into(), Scalar::Int(-3), 0.5.into(), "x".into()]);
    }
}
