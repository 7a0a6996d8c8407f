//! Parameters as they travel: a small map of plain values.

use std::collections::BTreeMap;
use std::fmt;

/// One parameter value. Plain in JSON, tagged in the binary form.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value given.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction; never infinite, never NaN.
    Float(f64),
    /// Text.
    Text(String),
    /// Several values.
    List(Vec<Self>),
}

impl Value {
    /// The word for this kind of value, for messages.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) => "text",
            Self::List(_) => "list",
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => fmt::Debug::fmt(value, f),
            Self::Text(value) => fmt::Debug::fmt(value, f),
            Self::List(values) => {
                f.write_str("[")?;
                for (i, value) in values.iter().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    value.fmt(f)?;
                }
                f.write_str("]")
            }
        }
    }
}

macro_rules! value_from {
    ($($from:ty => $variant:ident),*) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}
value_from!(bool => Bool, i64 => Int, u32 => Int, i32 => Int, f64 => Float, String => Text, &str => Text,
    Vec<Value> => List);

/// The parameters of a queue, by name, in the order of their names.
pub type Metadata = BTreeMap<String, Value>;
