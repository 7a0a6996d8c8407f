//! What the compiler refuses, and what it says.

#[test]
fn items_that_cannot_be_in_a_queue_are_refused_by_the_compiler() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
