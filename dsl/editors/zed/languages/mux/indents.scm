; Made from dsl/src/words.rs and dsl/src/editor/queries.rs; do not edit.

(block "}" @end) @indent

(group ")" @end) @indent
