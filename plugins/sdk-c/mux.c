// How mux calls an adapter in C, and where its memory comes from.

#include "mux.h"

// ---- memory ------------------------------------------------------------------------------------------------------------

// Bytes of a page of memory, and how many pages are asked for at once.
#define PAGE 65536u
#define PAGES 4u

extern char __heap_base;

// Where what is free begins, where it ends, and where it begins as a call does.
static uintptr_t top, end, kept;

static void *taken(uint32_t size, uint32_t align) {
  if (top == 0) {
    top = kept = (uintptr_t)&__heap_base;
    end = __builtin_wasm_memory_size(0) * PAGE;
  }
  uintptr_t at = (top + align - 1) & ~(uintptr_t)(align - 1);
  // Together they may be more than an address can be.
  uint64_t after = (uint64_t)at + size;
  if (after > end) {
    uint64_t pages = (after - end + PAGE - 1) / PAGE;
    if (pages < PAGES) pages = PAGES;
    if (pages > 65536 || __builtin_wasm_memory_grow(0, pages) == (uintptr_t)-1) __builtin_trap();
    end += pages * PAGE;
  }
  top = after;
  return (void *)at;
}

void *take(uint32_t size) { return taken(size, 8); }

static void forget(void) { top = kept; }

// Moves short pieces by hand: `memory.copy` is made for long ones.
static void copy(char *to, const char *from, uint32_t len) {
  if (len > 64) {
    __builtin_memcpy(to, from, len);
    return;
  }
  for (; len >= 8; to += 8, from += 8, len -= 8) {
    uint64_t eight;
    __builtin_memcpy(&eight, from, 8);
    __builtin_memcpy(to, &eight, 8);
  }
  while (len--) *to++ = *from++;
}

// Where mux writes arguments. They stay for the call.
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, uint32_t had, uint32_t align, uint32_t size) {
  if (size <= had) return old;
  void *at = taken(size, align);
  copy(at, old, had);
  return at;
}

// ---- byte strings ------------------------------------------------------------------------------------------------------

bool same(struct bytes a, struct bytes b) {
  if (a.len != b.len) return false;
  for (uint32_t i = 0; i < a.len; i++)
    if (a.at[i] != b.at[i]) return false;
  return true;
}

struct bytes joined(const struct bytes *parts, uint32_t count) {
  struct text text = {0};
  put_all(&text, parts, count);
  return finished(&text);
}

struct bytes decimal(uint64_t number) {
  // As many as the largest has.
  enum { DIGITS = 20 };
  char *digits = take(DIGITS);
  uint32_t from = DIGITS;
  do {
    digits[--from] = '0' + number % 10;
    number /= 10;
  } while (number > 0);
  return (struct bytes){digits + from, DIGITS - from};
}

// ---- text that grows ---------------------------------------------------------------------------------------------------

char *room(struct text *text, uint32_t more) {
  if (more <= text->room - text->len) return text->at + text->len;
  uint64_t size = (uint64_t)text->len + more;
  if (size < 2ull * text->room) size = 2ull * text->room;
  if (size > UINT32_MAX) __builtin_trap();
  if (text->room > 0 && (uintptr_t)text->at + text->room == top) {
    // What was taken last grows where it is.
    taken(size - text->room, 1);
  } else {
    char *at = taken(size, 8);
    copy(at, text->at, text->len);
    text->at = at;
  }
  text->room = size;
  return text->at + text->len;
}

void put(struct text *text, struct bytes bytes) {
  copy(room(text, bytes.len), bytes.at, bytes.len);
  text->len += bytes.len;
}

void put_all(struct text *text, const struct bytes *parts, uint32_t count) {
  uint64_t len = 0;
  for (uint32_t i = 0; i < count; i++) len += parts[i].len;
  if (len > UINT32_MAX) __builtin_trap();
  room(text, len);
  for (uint32_t i = 0; i < count; i++) put(text, parts[i]);
}

void put_char(struct text *text, char byte) {
  *room(text, 1) = byte;
  text->len++;
}

void put_quoted(struct text *text, struct bytes bytes) {
  put_char(text, '"');
  uint32_t from = 0;
  for (uint32_t i = 0; i < bytes.len; i++) {
    unsigned char byte = bytes.at[i];
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    put(text, (struct bytes){bytes.at + from, i - from});
    from = i + 1;
    if (byte >= 0x20) {
      put(text, (struct bytes){(char[]){'\\', byte}, 2});
    } else {
      char low = "0123456789abcdef"[byte & 15];
      put(text, (struct bytes){(char[]){'\\', 'u', '0', '0', byte < 0x10 ? '0' : '1', low}, 6});
    }
  }
  put(text, (struct bytes){bytes.at + from, bytes.len - from});
  put_char(text, '"');
}

// ---- what is handed back -----------------------------------------------------------------------------------------------

struct fault refusal(uint8_t tag, struct bytes message, struct bytes param) {
  struct fault fault = {.tag = tag};
  fault.invalid_request = (struct bad_param){message, {param.len > 0, param}};
  return fault;
}

struct fault failure(uint8_t tag, struct bytes message) {
  struct fault fault = {.tag = tag};
  fault.internal = message;
  return fault;
}

struct upstream_error usual(uint16_t status, struct bytes provider) {
  static const struct {
    uint16_t from, to;
    uint8_t kind, retry;
  } meanings[] = {
      {401, 401, ERROR_KIND_AUTHENTICATION, RETRY_ADVICE_OTHER_KEY},
      {403, 403, ERROR_KIND_PERMISSION, RETRY_ADVICE_OTHER_KEY},
      {404, 404, ERROR_KIND_MODEL_NOT_FOUND, RETRY_ADVICE_OTHER_MODEL},
      {429, 429, ERROR_KIND_RATE_LIMITED, RETRY_ADVICE_OTHER_KEY},
      {503, 503, ERROR_KIND_OVERLOADED, RETRY_ADVICE_OTHER_MODEL},
      {529, 529, ERROR_KIND_OVERLOADED, RETRY_ADVICE_OTHER_MODEL},
      // Within an answer that began well, something broke on its way.
      {200, 200, ERROR_KIND_SERVER, RETRY_ADVICE_SAME_KEY},
      {500, UINT16_MAX, ERROR_KIND_SERVER, RETRY_ADVICE_SAME_KEY},
      {0, UINT16_MAX, ERROR_KIND_INVALID_REQUEST, RETRY_ADVICE_NEVER},
  };
  uint32_t i = 0;
  while (status < meanings[i].from || status > meanings[i].to) i++;
  return (struct upstream_error){
      .kind = {.tag = meanings[i].kind},
      .retry = meanings[i].retry,
      .message = JOIN(provider, T(" answered with "), decimal(status)),
  };
}

// Milliseconds of a day.
#define DAY 86400000u

// Seconds, perhaps with a fraction, as milliseconds.
static struct option_u64 wait(struct bytes seconds) {
  uint64_t ms = 0;
  uint32_t places = 0;
  bool point = false;
  for (uint32_t i = 0; i < seconds.len; i++) {
    char byte = seconds.at[i];
    if (byte == '.' && !point && i > 0) {
      point = true;
    } else if (byte < '0' || byte > '9' || ms >= DAY) {
      return (struct option_u64){0};
    } else if (places < 3) {
      ms = ms * 10 + (byte - '0');
      places += point;
    }
  }
  for (; places < 3; places++) ms *= 10;
  return (struct option_u64){ms > 0 && ms < DAY, ms};
}

struct option_u64 retry_after(struct list_header headers) {
  for (uint32_t i = 0; i < headers.len; i++)
    if (same(headers.at[i].name, T("retry-after"))) return wait(headers.at[i].value);
  return (struct option_u64){0};
}

// ---- how mux calls -----------------------------------------------------------------------------------------------------

// Arguments come in pieces, as the component model has them; results are left where they stay until they were read.
#define EXPORT(name) __attribute__((export_name("mux:provider/adapter@0.2.0#" name)))
#define AFTER(name) __attribute__((export_name("cabi_post_mux:provider/adapter@0.2.0#" name)))

EXPORT("describe") const void *mux_describe(void) {
  static struct manifest manifest;
  manifest = describe();
  return &manifest;
}

EXPORT("configure") const void *mux_configure(const char *config, uint32_t len) {
  static struct result_none_bytes result;
  result = configure((struct bytes){config, len});
  kept = top;
  return &result;
}

EXPORT("prepare")
const void *mux_prepare(const char *operation, uint32_t operation_len, const char *dialect, uint32_t dialect_len,
                        const char *model, uint32_t model_len, uint32_t stream, uint32_t attempt, uint64_t now,
                        const char *id, uint32_t id_len, uint32_t has_details, const struct detail *details,
                        uint32_t details_len, const char *body, uint32_t body_len) {
  static struct result_request_plan_fault result;
  struct request_ctx ctx = {
      .operation = {operation, operation_len},
      .dialect = {dialect, dialect_len},
      .model = {model, model_len},
      .stream = stream,
      .attempt = attempt,
      .now_unix_ms = now,
      .request_id = {id, id_len},
      .details = {has_details, {details, details_len}},
  };
  result = prepare(ctx, (struct bytes){body, body_len});
  return &result;
}

EXPORT("decode")
const void *mux_decode(uint32_t has_operation, const char *operation, uint32_t operation_len, const char *block,
                       uint32_t block_len, uint32_t has_ends, const uint32_t *ends, uint32_t ends_len, uint32_t names,
                       uint32_t state, uint32_t end_of_stream) {
  static struct result_decoded_fault result;
  struct batch frames = {
      .block = {block, block_len},
      .ends = {has_ends, {ends, ends_len}},
      .names = names,
      .state = state,
      .end_of_stream = end_of_stream,
  };
  result = decode((struct option_bytes){has_operation, {operation, operation_len}}, frames);
  return &result;
}

EXPORT("map-error")
const void *mux_map_error(uint32_t status, const struct header *headers, uint32_t headers_len, const char *body,
                          uint32_t body_len) {
  static struct upstream_error result;
  result = map_error((struct response_head){status, {headers, headers_len}}, (struct bytes){body, body_len});
  return &result;
}

AFTER("describe") void mux_after_describe(const void *result) { (void)result; forget(); }
AFTER("prepare") void mux_after_prepare(const void *result) { (void)result; forget(); }
AFTER("decode") void mux_after_decode(const void *result) { (void)result; forget(); }
AFTER("map-error") void mux_after_map_error(const void *result) { (void)result; forget(); }
