; Made from dsl/src/words.rs and dsl/src/editor/queries.rs; do not edit.

(block) @class.inside

(source_file (statement (block)) @class.around)

(comment) @comment.inside
