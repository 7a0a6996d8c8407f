//! facade
#![forbid(unsafe_code)]
