; Made from dsl/src/words.rs and dsl/src/editor/queries.rs; do not edit.

(source_file
  (statement
    head: (name) @context
    .
    argument: (_) @name) @item)
