//! The files that editors get are those that the language makes today. `MUX_UPDATE=1` writes them.

use std::path::Path;
use std::{env, fs};

#[test]
fn what_editors_get_is_made_from_the_language_of_today() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("editors");
    let files = mux_dsl::editor::files();
    assert!(files.len() > 10);
    for file in files {
        let path = folder.join(&file.path);
        if env::var_os("MUX_UPDATE").is_some() {
            let parent = path.parent().expect("a folder");
            fs::create_dir_all(parent).expect("the folder of a file can be made");
            fs::write(&path, &file.text).expect("a file can be written");
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            found, file.text,
            "{} is stale: run `MUX_UPDATE=1 cargo test -p mux-dsl --test editors`",
            file.path
        );
    }
}
