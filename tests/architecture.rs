//! Holds the sources to the drawing in `ARCHITECTURE.md`: which way arrows point, where foreign crates live, what pure
//! crates may not know, and how files open. Everything is read as text, so it costs nothing to build.
//!
//! Reading order: `files` is the project as text, `tokens` and `paths` read one source file, `modules` and `manifest`
//! find the arrows, `rings` the cycles; `drawing`, `homes`, `purity`, `words` and `readme` are the other promises.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot read the sources should fail loudly"
)]

mod architecture {
    pub(crate) mod arrows;
    pub(crate) mod drawing;
    pub(crate) mod fault;
    pub(crate) mod files;
    pub(crate) mod homes;
    pub(crate) mod manifest;
    pub(crate) mod modules;
    pub(crate) mod paths;
    pub(crate) mod purity;
    pub(crate) mod readme;
    pub(crate) mod rings;
    pub(crate) mod tokens;
    pub(crate) mod words;
}

use architecture::fault::none;
use architecture::files::Files;
use architecture::{arrows, drawing, homes, modules, purity, readme, words};

#[test]
fn no_crate_needs_a_crate_that_needs_it() {
    none(&arrows::rings(&Files::of_the_project()));
}

#[test]
fn no_module_needs_a_module_that_needs_it() {
    none(&modules::rings(&Files::of_the_project()));
}

#[test]
fn every_arrow_between_crates_is_drawn_and_every_drawn_arrow_exists() {
    none(&drawing::compared(&Files::of_the_project()));
}

#[test]
fn foreign_crates_stay_in_their_homes() {
    none(&homes::strays(&Files::of_the_project()));
}

#[test]
fn pure_crates_know_no_clock_file_network_environment_or_thread() {
    none(&purity::breaches(&Files::of_the_project()));
}

#[test]
fn every_source_file_opens_by_saying_what_it_is_for() {
    none(&words::silent(&Files::of_the_project()));
}

#[test]
fn nothing_is_left_undone_and_no_path_of_a_build_machine_is_written_down() {
    none(&words::forbidden(&Files::of_the_project()));
}

#[test]
fn every_policy_in_the_readme_compiles() {
    none(&readme::broken(&Files::of_the_project()));
}
