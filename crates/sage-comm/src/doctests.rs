//! The pages of the manual as documentation, so that their examples are compiled and run with the tests.

#[cfg(feature = "local")]
#[doc = include_str!("../../../docs/queues.md")]
struct Queues;

#[cfg(all(feature = "local", feature = "jobs"))]
#[doc = include_str!("../../../docs/jobs.md")]
struct Jobs;

#[cfg(all(feature = "local", feature = "runtime"))]
#[doc = include_str!("../../../docs/services.md")]
struct Services;

#[cfg(feature = "local")]
#[doc = include_str!("../../../docs/migration.md")]
struct Migration;

#[cfg(feature = "local")]
#[doc = include_str!("../../../README.zh.md")]
struct ReadmeInChinese;
