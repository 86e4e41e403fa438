; Made from dsl/src/words.rs and dsl/src/editor/queries.rs; do not edit.

[(block) (group)] @indent

["}" ")"] @outdent
