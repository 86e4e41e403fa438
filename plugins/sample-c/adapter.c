// The adapter of Sample: chat completions to its way of talking, and its answers back. `mux/UNIFIED.md` says what requests and
// answers look like, `mux/wit/provider.wit` what is called when; `mux/sdk-c/provider.h` is the same in C.
//
// Every function is pure: whatever an answer must remember travels in its state. What goes wrong is a fault that says so, and
// no crash. Memory is taken as it is needed, and gone when the call ends.

#include "json.h"
#include "mux.h"

#define NAME "sample"
#define UPSTREAM T("api")
#define PATH T("/talk")

// ---- what it is --------------------------------------------------------------------------------------------------------

// Read once, when the component is loaded. Requests go nowhere but where `upstreams` says.
struct manifest describe(void) {
  static const struct bytes dialects[] = {T("openai-chat")}, paths[] = {PATH}, seen[] = {T("retry-after")};
  static const struct operation operations[] = {
      {.name = T("chat"), .dialects = LIST(dialects), .body = BODY_NEED_FULL},
  };
  static const struct upstream upstreams[] = {
      {.id = UPSTREAM, .base_url = T("https://api.sample.example/v1"), .paths = LIST(paths)},
  };
  static const struct auth_scheme auth[] = {{.tag = AUTH_SCHEME_BEARER}, {.tag = AUTH_SCHEME_NONE}};
  return (struct manifest){
      .id = T(NAME),
      .version = T("0.1.0"),
      .display_name = T("Sample"),
      .operations = LIST(operations),
      .upstreams = LIST(upstreams),
      .auth = LIST(auth),
      .config_schema = T("{\"type\":\"object\",\"additionalProperties\":false}"),
      .response_headers = LIST(seen),
      .memory_mib = 32,
  };
}

// The `settings` of a provider block. Keys stay with the host.
struct result_none_bytes configure(struct bytes config) {
  (void)config;
  return (struct result_none_bytes){.failed = false};
}

// ---- the way out -------------------------------------------------------------------------------------------------------

// What Sample has no parameter for: a client that sets one of these is told that it was dropped.
static const struct bytes without[] = {
    T("seed"),      T("logit_bias"), T("frequency_penalty"), T("presence_penalty"), T("reasoning_effort"),
    T("logprobs"),  T("top_k"),
};
#define WITHOUT (sizeof without / sizeof without[0])

static bool unsupported(struct fault *fault, struct bytes message, struct bytes param) {
  *fault = refusal(FAULT_UNSUPPORTED, message, param);
  return false;
}

static bool invalid(struct fault *fault, struct bytes message, struct bytes param) {
  *fault = refusal(FAULT_INVALID_REQUEST, message, param);
  return false;
}

static bool is_true(const struct json *value) { return json_is(value, JSON_TRUE); }

static bool is(const struct json *value, struct bytes words) {
  return json_is(value, JSON_STRING) && same(json_words(value), words);
}

// Text is handed on as the JSON it came in: nothing is unpacked.
static bool words(struct text *sent, const struct json *content, struct bytes at, struct fault *fault) {
  if (!content) return true;
  if (json_is(content, JSON_STRING)) {
    put(sent, json_inner(content));
    return true;
  }
  if (!json_is(content, JSON_LIST)) return invalid(fault, T("content is a string or a list of parts"), at);
  uint64_t index = 0;
  for (const struct json *part = json_first(content); part; part = json_next(content, part), index++) {
    const struct json *text = json_get(part, T("text"));
    if (!is(json_get(part, T("type")), T("text")) || !json_is(text, JSON_STRING))
      return unsupported(fault, T(NAME " takes text only"), JOIN(at, T("["), decimal(index), T("]")));
    put(sent, json_inner(text));
  }
  return true;
}

static bool turn(struct text *sent, const struct json *message, uint64_t index, struct fault *fault) {
  struct bytes at = JOIN(T("messages["), decimal(index), T("]"));
  const struct json *given = json_get(message, T("role"));
  struct bytes role = is(given, T("developer")) ? T("system") : json_words(given);
  if (!same(role, T("system")) && !same(role, T("user")) && !same(role, T("assistant")))
    return unsupported(fault, JOIN(T(NAME " knows no role `"), role, T("`")), JOIN(at, T(".role")));
  put(sent, T("{\"by\":"));
  put_quoted(sent, role);
  put(sent, T(",\"says\":\""));
  if (!words(sent, json_get(message, T("content")), JOIN(at, T(".content")), fault)) return false;
  put(sent, T("\"}"));
  return true;
}

// A number as it came, to the last digit.
static bool number(struct text *sent, struct bytes as, const struct json *value, struct bytes field, struct fault *fault) {
  if (!value) return true;
  if (!json_is(value, JSON_NUMBER)) return invalid(fault, JOIN(T("`"), field, T("` is a number")), field);
  put(sent, JOIN(T(",\""), as, T("\":"), value->text));
  return true;
}

static bool refused(const struct json *chat, struct fault *fault) {
  if (json_first(json_get(chat, T("tools")))) return !unsupported(fault, T(NAME " calls no tools"), T("tools"));
  if (json_get(chat, T("response_format")))
    return !unsupported(fault, T(NAME " promises no form of its answers"), T("response_format"));
  const struct json *n = json_get(chat, T("n"));
  uint64_t answers;
  if (json_is(n, JSON_NUMBER) && !(json_whole(n, &answers) && answers <= 1))
    return !unsupported(fault, T(NAME " writes one answer a request"), T("n"));
  return false;
}

static bool sent_for(struct text *sent, const struct request_ctx *ctx, const struct json *chat, struct fault *fault) {
  const struct json *messages = json_get(chat, T("messages"));
  if (!json_is(messages, JSON_LIST)) return invalid(fault, T("`messages` is a list"), T("messages"));
  if (refused(chat, fault)) return false;
  put(sent, T("{\"model\":"));
  put_quoted(sent, ctx->model);
  put(sent, T(",\"turns\":["));
  uint64_t index = 0;
  for (const struct json *message = json_first(messages); message; message = json_next(messages, message)) {
    if (index > 0) put_char(sent, ',');
    if (!turn(sent, message, index++, fault)) return false;
  }
  put_char(sent, ']');
  const struct json *most = json_get(chat, T("max_completion_tokens"));
  if (!most) most = json_get(chat, T("max_tokens"));
  if (!number(sent, T("most_tokens"), most, T("max_tokens"), fault)) return false;
  if (!number(sent, T("heat"), json_get(chat, T("temperature")), T("temperature"), fault)) return false;
  put(sent, ctx->stream ? T(",\"stream\":true}") : T(",\"stream\":false}"));
  return true;
}

// What `decode` will know of the request: an answer has no other memory.
static struct bytes opened(const struct request_ctx *ctx, const struct json *chat) {
  struct text state = {0};
  put(&state, T("{\"created\":"));
  put_decimal(&state, ctx->now_unix_ms / 1000);
  put(&state, T(",\"id\":"));
  put_quoted(&state, JOIN(T("chatcmpl-"), ctx->request_id));
  put(&state, T(",\"model\":"));
  put_quoted(&state, ctx->model);
  if (ctx->stream) put(&state, T(",\"stream\":true"));
  if (is_true(json_get(json_get(chat, T("stream_options")), T("include_usage")))) put(&state, T(",\"counts\":true"));
  put_char(&state, '}');
  return finished(&state);
}

// The plan for a chat request.
struct result_request_plan_fault prepare(struct request_ctx ctx, struct bytes body) {
  struct result_request_plan_fault result = {.failed = true};
  struct bytes why = T("it is no object");
  const struct json *chat = json_read(body, &why);
  if (!json_is(chat, JSON_OBJECT)) {
    invalid(&result.error, JOIN(T("the body is no chat completions request: "), why), T(""));
    return result;
  }
  struct text sent = {0};
  if (!sent_for(&sent, &ctx, chat, &result.error)) return result;
  struct bytes *warnings = take(sizeof without);
  uint32_t dropped = 0;
  for (uint32_t i = 0; i < WITHOUT; i++)
    if (json_get(chat, without[i]))
      warnings[dropped++] = JOIN(T("`"), without[i], T("` was dropped: " NAME " has no such parameter"));
  static const struct header headers[] = {{T("content-type"), T("application/json")}};
  result.failed = false;
  result.ok = (struct request_plan){
      .upstream = UPSTREAM,
      .method = METHOD_POST,
      .path = PATH,
      .headers = LIST(headers),
      .body = {.tag = BODY_PLAN_REPLACE, .replace = finished(&sent)},
      .reply = {ctx.stream ? FRAMING_SSE : FRAMING_BUFFERED, DECODE_MODE_FRAMES},
      .state = opened(&ctx, chat),
      .warnings = {warnings, dropped},
  };
  return result;
}

// ---- the way back ------------------------------------------------------------------------------------------------------

// What is known of an answer. Strings are kept as the JSON they came in, with their quotes.
struct answer {
  struct bytes id, model, end, text;
  uint64_t created, input, output;
  bool stream, counts, counted, begun, done;
  // Whether it is another than the state says.
  bool changed;
};

// A count, and 0 where it is none or more than JSON's readers agree on.
static uint64_t count(const struct json *value) {
  uint64_t whole;
  return json_whole(value, &whole) && whole < 1ull << 53 ? whole : 0;
}

// A string as JSON; of anything else, its text as one.
static struct bytes quoted(const struct json *value) {
  if (json_is(value, JSON_STRING)) return json_quoted(value);
  if (!value) return T("\"\"");
  struct text text = {0};
  put_quoted(&text, value->text);
  return finished(&text);
}

static struct answer resumed(const struct json *state) {
  const struct json *tokens = json_get(state, T("tokens"));
  return (struct answer){
      .id = quoted(json_get(state, T("id"))),
      .model = quoted(json_get(state, T("model"))),
      .text = quoted(json_get(state, T("text"))),
      .created = count(json_get(state, T("created"))),
      .input = count(json_get(tokens, T("in"))),
      .output = count(json_get(tokens, T("out"))),
      .stream = is_true(json_get(state, T("stream"))),
      .counts = is_true(json_get(state, T("counts"))),
      .counted = tokens != 0,
      .begun = is_true(json_get(state, T("begun"))),
      .done = is_true(json_get(state, T("done"))),
  };
}

static struct bytes remembered(const struct answer *answer) {
  struct text state = {0};
  put(&state, JOIN(T("{\"created\":"), decimal(answer->created), T(",\"id\":"), answer->id, T(",\"model\":"), answer->model));
  if (answer->stream) put(&state, T(",\"stream\":true"));
  if (answer->counts) put(&state, T(",\"counts\":true"));
  if (answer->begun) put(&state, T(",\"begun\":true"));
  if (answer->done) put(&state, T(",\"done\":true"));
  // What was said is said once.
  else if (answer->text.len > 2) put(&state, JOIN(T(",\"text\":"), answer->text));
  if (answer->counted)
    put(&state, JOIN(T(",\"tokens\":{\"in\":"), decimal(answer->input), T(",\"out\":"), decimal(answer->output), T("}")));
  put_char(&state, '}');
  return finished(&state);
}

static void head(struct text *out, const struct answer *answer, struct bytes object) {
  put(out, T("{\"id\":"));
  put(out, answer->id);
  put(out, T(",\"object\":\""));
  put(out, object);
  put(out, T("\",\"created\":"));
  put_decimal(out, answer->created);
  put(out, T(",\"model\":"));
  put(out, answer->model);
}

static void usage(struct text *out, const struct answer *answer) {
  put(out, JOIN(T(",\"usage\":{\"prompt_tokens\":"), decimal(answer->input), T(",\"completion_tokens\":"),
                decimal(answer->output), T(",\"total_tokens\":"), decimal(answer->input + answer->output), T("}")));
}

// Up to where the delta is.
static void chunk(struct text *out, const struct answer *answer) {
  head(out, answer, T("chat.completion.chunk"));
  put(out, T(",\"choices\":[{\"index\":0,\"delta\":{"));
}

static void begin(struct answer *answer, struct text *out) {
  if (answer->begun) return;
  answer->begun = answer->changed = true;
  if (!answer->stream) return;
  chunk(out, answer);
  put(out, T("\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n"));
}

static void say(struct answer *answer, const struct json *says, struct text *out) {
  if (!json_is(says, JSON_STRING) || says->text.len == 0) return;
  if (answer->stream) {
    chunk(out, answer);
    put(out, T("\"content\":"));
    put(out, json_quoted(says));
    put(out, T("},\"finish_reason\":null}]}\n"));
    return;
  }
  struct text text = {0};
  put(&text, (struct bytes){answer->text.at, answer->text.len - 1});
  put(&text, json_inner(says));
  put_char(&text, '"');
  answer->text = finished(&text);
  answer->changed = true;
}

static uint8_t finish(struct bytes end) {
  if (same(end, T("\"tired\""))) return FINISH_LENGTH;
  if (same(end, T("\"hushed\""))) return FINISH_CONTENT_FILTER;
  return FINISH_STOP;
}

static void close(struct answer *answer, struct text *out, struct decoded *decoded) {
  begin(answer, out);
  answer->done = answer->changed = true;
  uint8_t reason = finish(answer->end);
  decoded->finish = (struct option_finish){true, {.tag = reason}};
  if (answer->stream) {
    chunk(out, answer);
  } else {
    head(out, answer, T("chat.completion"));
    put(out, T(",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"refusal\":null,\"content\":"));
    put(out, answer->text);
  }
  put(out, T("},\"finish_reason\":\""));
  put(out, reason == FINISH_LENGTH ? T("length") : reason == FINISH_CONTENT_FILTER ? T("content_filter") : T("stop"));
  put_char(out, '"');
  if (answer->end.len > 0) put(out, JOIN(T(",\"native_finish_reason\":"), answer->end));
  put(out, T("}]"));
  if (!answer->stream && answer->counted) usage(out, answer);
  put(out, answer->stream ? T("}\n") : T("}"));
  if (!answer->stream || !answer->counts) return;
  head(out, answer, T("chat.completion.chunk"));
  put(out, T(",\"choices\":[]"));
  if (answer->counted) usage(out, answer);
  put(out, T("}\n"));
}

static struct upstream_error meant(uint16_t status, const struct json *said, struct option_u64 retry_after_ms);

// One event of a stream, or the whole answer. False where it is none.
static bool hear(struct answer *answer, struct bytes data, struct text *out, struct decoded *decoded, struct fault *fault) {
  struct bytes why = T("it is no object");
  const struct json *said = json_read(data, &why);
  if (!json_is(said, JSON_OBJECT)) {
    *fault = failure(FAULT_BAD_RESPONSE, JOIN(T(NAME "'s answer is malformed: "), why));
    return false;
  }
  if (json_get(said, T("error"))) {
    answer->done = answer->changed = true;
    decoded->error = (struct option_upstream_error){true, meant(200, said, (struct option_u64){0})};
    return true;
  }
  const struct json *id = json_get(said, T("id")), *model = json_get(said, T("model"));
  if (json_words(id).len > 0) answer->id = quoted(id), answer->changed = true;
  if (json_words(model).len > 0) answer->model = quoted(model), answer->changed = true;
  begin(answer, out);
  say(answer, json_get(said, T("says")), out);
  const struct json *tokens = json_get(said, T("tokens")), *end = json_get(said, T("end"));
  if (tokens) {
    answer->counted = answer->changed = true;
    answer->input = count(json_get(tokens, T("in")));
    answer->output = count(json_get(tokens, T("out")));
    decoded->usage = (struct option_usage){true, {.input = answer->input, .output = answer->output}};
  }
  if (end) {
    answer->end = quoted(end);
    close(answer, out, decoded);
  }
  return true;
}

// The chunks of a batch of events, or the whole response. The same frames in other batches give the same.
struct result_decoded_fault decode(struct option_bytes operation, struct batch frames) {
  (void)operation;
  struct result_decoded_fault result = {.failed = true};
  struct bytes why = T("it is no object");
  struct bytes state = {frames.block.at + frames.state, frames.block.len - frames.state};
  const struct json *known = json_read(state, &why);
  if (!json_is(known, JSON_OBJECT)) {
    result.error = failure(FAULT_INTERNAL, JOIN(T("the stream's state is damaged: "), why));
    return result;
  }
  struct answer answer = resumed(known);
  struct decoded decoded = {0};
  struct text out = {0};
  struct list_u32 ends = frames.ends.some ? frames.ends.value : (struct list_u32){&frames.names, 1};
  uint32_t start = 0;
  for (uint32_t i = 0; i < ends.len && !answer.done; i++) {
    struct bytes data = {frames.block.at + start, ends.at[i] - start};
    start = ends.at[i];
    if (data.len > 0 && !hear(&answer, data, &out, &decoded, &result.error)) return result;
  }
  if (ends.len > 0 && !answer.stream && !answer.done) close(&answer, &out, &decoded);
  decoded.chunks = finished(&out);
  if (answer.changed) decoded.state = some(remembered(&answer));
  result.failed = false;
  result.ok = decoded;
  return result;
}

// ---- errors ------------------------------------------------------------------------------------------------------------

// Seconds, perhaps with a fraction, as milliseconds: those of a day at most.
static struct option_u64 wait(struct bytes seconds) {
  uint64_t ms = 0;
  uint32_t places = 0;
  bool point = false;
  for (uint32_t i = 0; i < seconds.len; i++) {
    char byte = seconds.at[i];
    if (byte == '.' && !point && i > 0) {
      point = true;
    } else if (byte < '0' || byte > '9' || ms > 86400000) {
      return (struct option_u64){0};
    } else if (places < 3) {
      ms = ms * 10 + (byte - '0');
      places += point;
    }
  }
  for (; places < 3; places++) ms *= 10;
  return (struct option_u64){ms > 0 && ms < 86400000, ms};
}

// What an answer outside 2xx means.
struct upstream_error map_error(struct response_head response, struct bytes body) {
  struct option_u64 retry_after_ms = {0};
  for (uint32_t i = 0; i < response.headers.len; i++)
    if (same(response.headers.at[i].name, T("retry-after"))) retry_after_ms = wait(response.headers.at[i].value);
  // Perhaps whatever stands before the provider answered, in words of its own.
  struct bytes why;
  return meant(response.status, json_read(body, &why), retry_after_ms);
}

static void judge(struct upstream_error *error, uint16_t status) {
  static const struct {
    uint16_t from, to;
    uint8_t kind, retry;
  } meanings[] = {
      {200, 200, ERROR_KIND_SERVER, RETRY_ADVICE_SAME_KEY},
      {401, 401, ERROR_KIND_AUTHENTICATION, RETRY_ADVICE_OTHER_KEY},
      {403, 403, ERROR_KIND_PERMISSION, RETRY_ADVICE_OTHER_KEY},
      {404, 404, ERROR_KIND_MODEL_NOT_FOUND, RETRY_ADVICE_OTHER_MODEL},
      {429, 429, ERROR_KIND_RATE_LIMITED, RETRY_ADVICE_OTHER_KEY},
      {503, 503, ERROR_KIND_OVERLOADED, RETRY_ADVICE_OTHER_MODEL},
      {529, 529, ERROR_KIND_OVERLOADED, RETRY_ADVICE_OTHER_MODEL},
      {500, UINT16_MAX, ERROR_KIND_SERVER, RETRY_ADVICE_SAME_KEY},
      {0, UINT16_MAX, ERROR_KIND_INVALID_REQUEST, RETRY_ADVICE_NEVER},
  };
  uint32_t i = 0;
  while (status < meanings[i].from || status > meanings[i].to) i++;
  error->kind.tag = meanings[i].kind;
  error->retry = meanings[i].retry;
}

static struct upstream_error meant(uint16_t status, const struct json *said, struct option_u64 retry_after_ms) {
  const struct json *told = json_get(said, T("error"));
  const struct json *message = json_get(told, T("message")), *code = json_get(told, T("code"));
  struct upstream_error error = {
      .message = json_is(message, JSON_STRING) ? json_words(message) : JOIN(T(NAME " answered with "), decimal(status)),
      .provider_code = {json_is(code, JSON_STRING), json_words(code)},
      .retry_after_ms = retry_after_ms,
  };
  judge(&error, status);
  return error;
}
