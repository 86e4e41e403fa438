// What an adapter in C stands on: byte strings, memory, and text that grows. There is no libc here, and no `free`: what a
// call takes is gone when it ends, except what `configure` took.

#ifndef MUX_H
#define MUX_H

#include "provider.h"

// ---- byte strings ------------------------------------------------------------------------------------------------------

// A text of the source. It ends where its length says, not at a nought.
#define T(text) ((struct bytes){(text), sizeof(text) - 1})
// An array as a list of the interface, in the braces of an initializer.
#define LIST(array) {(array), sizeof(array) / sizeof((array)[0])}
#define PARTS(...) (struct bytes[]){__VA_ARGS__}, sizeof((struct bytes[]){__VA_ARGS__}) / sizeof(struct bytes)
// Several byte strings as one: JOIN(T("no "), name).
#define JOIN(...) joined(PARTS(__VA_ARGS__))

bool same(struct bytes a, struct bytes b);
struct bytes joined(const struct bytes *parts, uint32_t count);
// A number in decimal digits.
struct bytes decimal(uint64_t number);

// ---- memory ------------------------------------------------------------------------------------------------------------

// Memory that is yours until the call ends. It is not zeroed. Where there is no more, the call traps, and only it.
void *take(uint32_t size);

// ---- text that grows ---------------------------------------------------------------------------------------------------

// Begins as `{0}`; PUT(&text, T("no "), name) adds to it.
struct text {
  char *at;
  uint32_t len, room;
};

// Makes room for that many bytes more, and returns where they begin; `len` is still to be raised.
char *room(struct text *text, uint32_t more);
#define PUT(text, ...) put_all((text), PARTS(__VA_ARGS__))
void put_all(struct text *text, const struct bytes *parts, uint32_t count);
void put(struct text *text, struct bytes bytes);
void put_char(struct text *text, char byte);
// As a string of JSON, with its quotes. The bytes are UTF-8.
void put_quoted(struct text *text, struct bytes bytes);

static inline struct bytes finished(const struct text *text) { return (struct bytes){text->at, text->len}; }

// ---- what is handed back -----------------------------------------------------------------------------------------------

static inline struct option_bytes some(struct bytes bytes) { return (struct option_bytes){true, bytes}; }

// A refusal that names a field: of `tag` FAULT_INVALID_REQUEST or FAULT_UNSUPPORTED.
struct fault refusal(uint8_t tag, struct bytes message, struct bytes param);
// One that names none: of `tag` FAULT_BAD_RESPONSE or FAULT_INTERNAL.
struct fault failure(uint8_t tag, struct bytes message);

// What an answer of that status usually means; what it says of itself is still to be put in.
struct upstream_error usual(uint16_t status, struct bytes provider);
// What `retry-after` asks for, where it is seconds and less than a day of them.
struct option_u64 retry_after(struct list_header headers);

// ---- the host ----------------------------------------------------------------------------------------------------------

// Writes a line to the log of the gateway, where the operator has turned that on. `at` is one of `enum level`.
__attribute__((import_module("mux:provider/host@0.2.0"), import_name("log"))) void mux_log(uint32_t at, const char *message, uint32_t len);

#endif
