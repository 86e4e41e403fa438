// Words that begin a declaration. Made from dsl/src/words.rs; do not edit.

#include <stddef.h>

// Those whose line ends the declaration.
static const char *const DECLARES_LINE[] = {
    "mux",
    "include",
    "set",
    "define",
    "allow",
    NULL,
};

// Those with a block on their line.
static const char *const DECLARES_BLOCK[] = {
    "provider",
    "facts",
    "breaker",
    "health",
    "budget",
    "limit",
    "defaults",
    "plan",
    "policy",
    "test",
    "guarantee",
    "replay",
    NULL,
};
