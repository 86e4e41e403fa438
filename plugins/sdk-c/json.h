// JSON, read and handed on. Whatever comes is read to its end or refused: no length, no nesting and no byte of it is trusted.

#ifndef MUX_JSON_H
#define MUX_JSON_H

#include "mux.h"

// How deep what is read may be nested.
#define DEEPEST 200
// How many values it may have: each takes 16 bytes of what the manifest asks for.
#define MOST 1000000u

enum kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_LIST, JSON_OBJECT };

// A value. What is in it lies behind it, `nodes` in all; of an object, names and values in turn.
struct json {
  // Its text as it came; of a string, what is between the quotes.
  struct bytes text;
  uint32_t nodes;
  uint8_t kind;
  // Of a string, whether something in it is escaped, and whether half a character is.
  bool escaped, torn;
};

// The value that `text` is. Where it is none, null, and `why` says why.
const struct json *json_read(struct bytes text, struct bytes *why);

// What an object has of that name, the last where it has several. Null where there is none, where it is JSON's null, and
// where `object` is null or no object: look-ups can be put into one another.
const struct json *json_get(const struct json *object, struct bytes name);

// The first item of a list, and the one after `item`; null where there is none.
const struct json *json_first(const struct json *list);
const struct json *json_next(const struct json *list, const struct json *item);

static inline bool json_is(const struct json *value, enum kind kind) { return value && value->kind == kind; }

// What a string says, and nothing where it is no string. Half a character becomes U+FFFD: it is always UTF-8.
struct bytes json_words(const struct json *string);

static inline bool json_true(const struct json *value) { return json_is(value, JSON_TRUE); }
// Whether it is a string that says this.
bool json_says(const struct json *value, struct bytes words);

// Whether a number is a whole one from 0 up that fits, and which.
bool json_whole(const struct json *number, uint64_t *whole);
// A count, and 0 where it is none or from 2^53 up, where readers of JSON begin to differ.
uint64_t json_count(const struct json *number);

// A string as the JSON it came in, with its quotes and without: it is handed on, and nothing is unpacked and packed again. Of
// anything else, its text as a string.
struct bytes json_quoted(const struct json *value);
struct bytes json_inner(const struct json *value);

#endif
