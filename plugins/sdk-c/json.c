// One pass over the text, which puts each value into a row of them. Nesting is counted, not followed by calls.

#include "json.h"

#include <wasm_simd128.h>

// ---- reading -----------------------------------------------------------------------------------------------------------

// Where reading is, and the row so far.
struct reader {
  const char *at, *end;
  struct text row;
  struct bytes why;
};

static bool wrong(struct reader *reader, struct bytes why) {
  reader->why = why;
  return false;
}

static struct json *node(struct reader *reader, uint32_t place) { return (struct json *)reader->row.at + place; }

static uint32_t add(struct reader *reader, enum kind kind) {
  struct json *added = (struct json *)room(&reader->row, sizeof *added);
  *added = (struct json){.text = {reader->at, 0}, .nodes = 1, .kind = kind};
  uint32_t place = reader->row.len / sizeof *added;
  reader->row.len += sizeof *added;
  return place;
}

static void close(struct reader *reader, uint32_t place) {
  struct json *closed = node(reader, place);
  closed->text.len = reader->at - closed->text.at;
  closed->nodes = reader->row.len / sizeof *closed - place;
}

static void space(struct reader *reader) {
  while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' || *reader->at == '\r' || *reader->at == '\t'))
    reader->at++;
}

static bool next_is(struct reader *reader, char byte) {
  if (reader->at == reader->end || *reader->at != byte) return false;
  reader->at++;
  return true;
}

// Bytes of the character beyond ASCII that begins there, or 0 where it is no UTF-8.
static uint32_t character(const char *at, const char *end) {
  const unsigned char *byte = (const unsigned char *)at;
  uint32_t left = end - at;
  unsigned char first = byte[0], low = 0x80, high = 0xbf;
  uint32_t len;
  if (first >= 0xc2 && first <= 0xdf) len = 2;
  else if (first >= 0xe0 && first <= 0xef) len = 3;
  else if (first >= 0xf0 && first <= 0xf4) len = 4;
  else return 0;
  if (left < len) return 0;
  // No longer than it must be, no half of a pair, nothing beyond U+10FFFF.
  if (first == 0xe0) low = 0xa0;
  if (first == 0xed) high = 0x9f;
  if (first == 0xf0) low = 0x90;
  if (first == 0xf4) high = 0x8f;
  if (byte[1] < low || byte[1] > high) return 0;
  for (uint32_t i = 2; i < len; i++)
    if ((byte[i] & 0xc0) != 0x80) return 0;
  return len;
}

// The four hexadecimal digits there, or -1.
static int32_t hex(const char *at, const char *end) {
  if (end - at < 4) return -1;
  int32_t value = 0;
  for (uint32_t i = 0; i < 4; i++) {
    char digit = at[i], low = digit | 0x20;
    if (digit >= '0' && digit <= '9') value = value * 16 + digit - '0';
    else if (low >= 'a' && low <= 'f') value = value * 16 + low - 'a' + 10;
    else return -1;
  }
  return value;
}

static bool is_high(int32_t unit) { return (unit & ~0x3ff) == 0xd800; }
static bool is_low(int32_t unit) { return (unit & ~0x3ff) == 0xdc00; }

// What follows a backslash.
static bool escape(struct reader *reader, bool *torn) {
  if (reader->at == reader->end) return wrong(reader, T("it ends within a string"));
  switch (*reader->at++) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
      return true;
    case 'u': {
      int32_t unit = hex(reader->at, reader->end);
      if (unit < 0) break;
      reader->at += 4;
      if (is_low(unit)) *torn = true;
      if (!is_high(unit)) return true;
      bool paired = reader->end - reader->at >= 6 && reader->at[0] == '\\' && reader->at[1] == 'u' &&
                    is_low(hex(reader->at + 2, reader->end));
      if (paired) reader->at += 6;
      else *torn = true;
      return true;
    }
  }
  return wrong(reader, T("an escape is none"));
}

// Goes on to the first byte of a string that is not plain.
static void plain(struct reader *reader) {
  while (reader->end - reader->at >= 16) {
    v128_t bytes = wasm_v128_load(reader->at);
    v128_t quote = wasm_i8x16_eq(bytes, wasm_i8x16_splat('"'));
    v128_t back = wasm_i8x16_eq(bytes, wasm_i8x16_splat('\\'));
    // Bytes beyond ASCII are below nought as signed ones.
    v128_t other = wasm_i8x16_lt(bytes, wasm_i8x16_splat(0x20));
    uint32_t found = wasm_i8x16_bitmask(wasm_v128_or(wasm_v128_or(quote, back), other));
    if (found) {
      reader->at += __builtin_ctz(found);
      return;
    }
    reader->at += 16;
  }
  for (; reader->at < reader->end; reader->at++) {
    signed char byte = *reader->at;
    if (byte < 0x20 || byte == '"' || byte == '\\') return;
  }
}

// A string whose first quote was read.
static bool string(struct reader *reader) {
  uint32_t place = add(reader, JSON_STRING);
  bool escaped = false, torn = false;
  for (;;) {
    plain(reader);
    if (reader->at == reader->end) return wrong(reader, T("it ends within a string"));
    unsigned char byte = *reader->at;
    if (byte == '"') break;
    if (byte == '\\') {
      reader->at++;
      escaped = true;
      if (!escape(reader, &torn)) return false;
    } else if (byte < 0x20) {
      return wrong(reader, T("a control character is in a string"));
    } else {
      uint32_t len = character(reader->at, reader->end);
      if (len == 0) return wrong(reader, T("it is no UTF-8"));
      reader->at += len;
    }
  }
  close(reader, place);
  node(reader, place)->escaped = escaped;
  node(reader, place)->torn = torn;
  reader->at++;
  return true;
}

static bool digits(struct reader *reader) {
  const char *from = reader->at;
  while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') reader->at++;
  return reader->at > from;
}

static bool number(struct reader *reader) {
  uint32_t place = add(reader, JSON_NUMBER);
  next_is(reader, '-');
  bool good = next_is(reader, '0') || digits(reader);
  if (good && next_is(reader, '.')) good = digits(reader);
  if (good && (next_is(reader, 'e') || next_is(reader, 'E'))) {
    if (!next_is(reader, '+')) next_is(reader, '-');
    good = digits(reader);
  }
  if (!good) return wrong(reader, T("a value is none"));
  close(reader, place);
  return true;
}

static bool word(struct reader *reader, struct bytes letters, enum kind kind) {
  uint32_t place = add(reader, kind);
  for (uint32_t i = 0; i < letters.len; i++)
    if (!next_is(reader, letters.at[i])) return wrong(reader, T("a value is none"));
  close(reader, place);
  return true;
}

static bool name(struct reader *reader) {
  space(reader);
  if (!next_is(reader, '"')) return wrong(reader, T("a name is missing"));
  if (!string(reader)) return false;
  space(reader);
  return next_is(reader, ':') || wrong(reader, T("a colon is missing"));
}

// A value and all that is in it.
static bool value(struct reader *reader) {
  // What is open.
  uint32_t open[DEEPEST], depth = 0;
  for (;;) {
    space(reader);
    if (reader->at == reader->end) return wrong(reader, T("it ends too soon"));
    if (reader->row.len >= MOST * sizeof(struct json)) return wrong(reader, T("it has too many values"));
    char byte = *reader->at;
    if (byte == '{' || byte == '[') {
      if (depth == DEEPEST) return wrong(reader, T("it is nested too deep"));
      open[depth++] = add(reader, byte == '{' ? JSON_OBJECT : JSON_LIST);
      reader->at++;
      space(reader);
      if (!next_is(reader, byte == '{' ? '}' : ']')) {
        if (byte == '{' && !name(reader)) return false;
        continue;
      }
      close(reader, open[--depth]);
    } else if (byte == '"') {
      reader->at++;
      if (!string(reader)) return false;
    } else if (byte == 't') {
      if (!word(reader, T("true"), JSON_TRUE)) return false;
    } else if (byte == 'f') {
      if (!word(reader, T("false"), JSON_FALSE)) return false;
    } else if (byte == 'n') {
      if (!word(reader, T("null"), JSON_NULL)) return false;
    } else if (!number(reader)) {
      return false;
    }
    // A value has ended, and with it what holds it may.
    for (;;) {
      if (depth == 0) return true;
      bool in_object = node(reader, open[depth - 1])->kind == JSON_OBJECT;
      space(reader);
      if (next_is(reader, ',')) {
        if (in_object && !name(reader)) return false;
        break;
      }
      if (!next_is(reader, in_object ? '}' : ']')) return wrong(reader, T("a comma is missing"));
      close(reader, open[--depth]);
    }
  }
}

const struct json *json_read(struct bytes text, struct bytes *why) {
  struct reader reader = {.at = text.at, .end = text.at + text.len};
  if (value(&reader)) {
    space(&reader);
    if (reader.at == reader.end) return node(&reader, 0);
    wrong(&reader, T("something follows its end"));
  }
  *why = reader.why;
  return 0;
}

// ---- what was read -----------------------------------------------------------------------------------------------------

const struct json *json_get(const struct json *object, struct bytes name) {
  const struct json *found = 0;
  if (!json_is(object, JSON_OBJECT)) return 0;
  for (const struct json *key = object + 1; key < object + object->nodes;) {
    const struct json *value = key + 1;
    if (same(key->escaped ? json_words(key) : key->text, name)) found = value;
    key = value + value->nodes;
  }
  return json_is(found, JSON_NULL) ? 0 : found;
}

const struct json *json_first(const struct json *list) {
  return json_is(list, JSON_LIST) && list->nodes > 1 ? list + 1 : 0;
}

const struct json *json_next(const struct json *list, const struct json *item) {
  const struct json *next = item + item->nodes;
  return next < list + list->nodes ? next : 0;
}

static char *encode(char *to, uint32_t point) {
  if (point < 0x80) {
    *to++ = point;
    return to;
  }
  if (point < 0x800) {
    *to++ = 0xc0 | point >> 6;
  } else {
    if (point < 0x10000) {
      *to++ = 0xe0 | point >> 12;
    } else {
      *to++ = 0xf0 | point >> 18;
      *to++ = 0x80 | (point >> 12 & 0x3f);
    }
    *to++ = 0x80 | (point >> 6 & 0x3f);
  }
  *to++ = 0x80 | (point & 0x3f);
  return to;
}

struct bytes json_words(const struct json *string) {
  if (!json_is(string, JSON_STRING)) return T("");
  if (!string->escaped) return string->text;
  // Unpacked it is never longer.
  char *words = take(string->text.len), *to = words;
  const char *at = string->text.at, *end = at + string->text.len;
  while (at < end) {
    if (*at != '\\') {
      *to++ = *at++;
      continue;
    }
    char what = at[1];
    at += 2;
    switch (what) {
      case 'b': *to++ = '\b'; break;
      case 'f': *to++ = '\f'; break;
      case 'n': *to++ = '\n'; break;
      case 'r': *to++ = '\r'; break;
      case 't': *to++ = '\t'; break;
      case 'u': {
        int32_t unit = hex(at, end), second = is_high(unit) && end - at >= 10 && at[4] == '\\' && at[5] == 'u' ? hex(at + 6, end) : 0;
        bool paired = is_low(second);
        at += paired ? 10 : 4;
        if (paired) to = encode(to, 0x10000 + ((unit & 0x3ff) << 10) + (second & 0x3ff));
        else to = encode(to, is_high(unit) || is_low(unit) ? 0xfffd : unit);
        break;
      }
      default: *to++ = what;
    }
  }
  return (struct bytes){words, to - words};
}

// The last few below 2^64 count as too large.
bool json_whole(const struct json *number, uint64_t *whole) {
  if (!json_is(number, JSON_NUMBER)) return false;
  uint64_t value = 0;
  for (uint32_t i = 0; i < number->text.len; i++) {
    char digit = number->text.at[i];
    if (digit < '0' || digit > '9' || value > (UINT64_MAX - 9) / 10) return false;
    value = value * 10 + (digit - '0');
  }
  *whole = value;
  return true;
}

uint64_t json_count(const struct json *number) {
  uint64_t whole;
  return json_whole(number, &whole) && whole < 1ull << 53 ? whole : 0;
}

bool json_says(const struct json *value, struct bytes words) {
  return json_is(value, JSON_STRING) && same(json_words(value), words);
}

struct bytes json_quoted(const struct json *value) {
  bool string = json_is(value, JSON_STRING);
  // The quotes stand around it.
  if (string && !value->torn) return (struct bytes){value->text.at - 1, value->text.len + 2};
  struct text quoted = {0};
  put_quoted(&quoted, string ? json_words(value) : value ? value->text : T(""));
  return finished(&quoted);
}

struct bytes json_inner(const struct json *value) {
  struct bytes quoted = json_quoted(value);
  return (struct bytes){quoted.at + 1, quoted.len - 2};
}
