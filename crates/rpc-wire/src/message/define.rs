//! A message is its list of fields: this makes the struct, and how it is written and read, in the order of the list.

/// `ID SIDE Name { field: Type, ... }` for each message.
macro_rules! messages {
    ($($(#[$about:meta])* $id:literal $side:ident $name:ident {
        $($(#[$meaning:meta])* $field:ident: $type:ty,)*
    })*) => {
        $($(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$meaning])* pub $field: $type,)*
        }

        impl $name {
            /// The type of its frames.
            pub const TYPE: u8 = $id;
        }

        impl From<$name> for Message {
            fn from(message: $name) -> Self {
                Self::$name(message)
            }
        }

        impl $crate::field::Field for $name {
            fn write(&self, to: &mut $crate::field::Writer<'_>) {
                $(self.$field.write(to);)*
            }
            fn read(from: &mut $crate::field::Reader<'_>) -> Result<Self, $crate::WireError> {
                $(from.field = stringify!($field);
                let $field = <$type as $crate::field::Field>::read(from)?;)*
                Ok(Self { $($field),* })
            }
        })*

        /// Everything that can be said.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Message {
            $($(#[$about])* $name($name),)*
        }

        /// Whether a frame of this type is a message of this version.
        pub(crate) const fn is_known(kind: u8) -> bool {
            matches!(kind, $($id)|*)
        }

        impl Message {
            /// The type of its frame.
            #[must_use]
            pub const fn kind(&self) -> u8 {
                match self {
                    $(Self::$name(_) => $id,)*
                }
            }

            /// Its name, as in the documentation.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)*
                }
            }

            /// Who says it. Whoever hears it from the wrong side closes the connection.
            #[must_use]
            pub const fn said_by(&self) -> Side {
                match self {
                    $(Self::$name(_) => Side::$side,)*
                }
            }

            /// The fields of a frame.
            ///
            /// # Errors
            /// Any of those about fields, and [`WireError::Type`](crate::WireError::Type).
            pub fn decode(frame: &$crate::Frame) -> Result<Self, $crate::WireError> {
                match frame.kind {
                    $($id => {
                        let mut reader = $crate::field::Reader::new(frame, stringify!($name));
                        let message = <$name as $crate::field::Field>::read(&mut reader)?;
                        reader.finish()?;
                        Ok(Self::$name(message))
                    })*
                    found => Err($crate::WireError::Type { found }),
                }
            }

            pub(super) fn write(&self, to: &mut $crate::field::Writer<'_>) {
                match self {
                    $(Self::$name(message) => $crate::field::Field::write(message, to),)*
                }
            }
        }
    };
}

pub(super) use messages;
