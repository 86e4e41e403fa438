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
    T("seed"),     T("logit_bias"), T("frequency_penalty"), T("presence_penalty"), T("reasoning_effort"),
    T("logprobs"), T("top_k"),
};

static bool unsupported(struct fault *fault, struct bytes message, struct bytes param) {
  *fault = refusal(FAULT_UNSUPPORTED, message, param);
  return false;
}

static bool invalid(struct fault *fault, struct bytes message, struct bytes param) {
  *fault = refusal(FAULT_INVALID_REQUEST, message, param);
  return false;
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
    if (!json_says(json_get(part, T("type")), T("text")) || !json_is(text, JSON_STRING))
      return unsupported(fault, T(NAME " takes text only"), JOIN(at, T("["), decimal(index), T("]")));
    put(sent, json_inner(text));
  }
  return true;
}

static bool turn(struct text *sent, const struct json *message, uint64_t index, struct fault *fault) {
  struct bytes at = JOIN(T("messages["), decimal(index), T("]"));
  const struct json *given = json_get(message, T("role"));
  struct bytes role = json_says(given, T("developer")) ? T("system") : json_words(given);
  if (!same(role, T("system")) && !same(role, T("user")) && !same(role, T("assistant")))
    return unsupported(fault, JOIN(T(NAME " knows no role `"), role, T("`")), JOIN(at, T(".role")));
  PUT(sent, T("{\"by\":\""), role, T("\",\"says\":\""));
  if (!words(sent, json_get(message, T("content")), JOIN(at, T(".content")), fault)) return false;
  put(sent, T("\"}"));
  return true;
}

// A number as it came, to the last digit.
static bool number(struct text *sent, struct bytes as, const struct json *value, struct bytes field, struct fault *fault) {
  if (!value) return true;
  if (!json_is(value, JSON_NUMBER)) return invalid(fault, JOIN(T("`"), field, T("` is a number")), field);
  PUT(sent, T(",\""), as, T("\":"), value->text);
  return true;
}

// Whether Sample can do what is asked.
static bool can(const struct json *chat, struct fault *fault) {
  if (!json_is(json_get(chat, T("messages")), JSON_LIST))
    return invalid(fault, T("`messages` is a list"), T("messages"));
  if (json_first(json_get(chat, T("tools")))) return unsupported(fault, T(NAME " calls no tools"), T("tools"));
  if (json_get(chat, T("response_format")))
    return unsupported(fault, T(NAME " promises no form of its answers"), T("response_format"));
  const struct json *n = json_get(chat, T("n"));
  uint64_t answers;
  if (json_is(n, JSON_NUMBER) && !(json_whole(n, &answers) && answers <= 1))
    return unsupported(fault, T(NAME " writes one answer a request"), T("n"));
  return true;
}

static bool translated(struct text *sent, const struct request_ctx *ctx, const struct json *chat, struct fault *fault) {
  if (!can(chat, fault)) return false;
  put(sent, T("{\"model\":"));
  put_quoted(sent, ctx->model);
  put(sent, T(",\"turns\":["));
  const struct json *messages = json_get(chat, T("messages"));
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
  PUT(&state, T("{\"created\":"), decimal(ctx->now_unix_ms / 1000), T(",\"id\":"));
  put_quoted(&state, JOIN(T("chatcmpl-"), ctx->request_id));
  put(&state, T(",\"model\":"));
  put_quoted(&state, ctx->model);
  if (ctx->stream) put(&state, T(",\"stream\":true"));
  if (json_true(json_get(json_get(chat, T("stream_options")), T("include_usage")))) put(&state, T(",\"counts\":true"));
  put_char(&state, '}');
  return finished(&state);
}

static struct list_bytes dropped(const struct json *chat) {
  enum { MOST_DROPPED = sizeof without / sizeof without[0] };
  struct bytes *warnings = take(sizeof without);
  struct list_bytes list = {warnings, 0};
  for (uint32_t i = 0; i < MOST_DROPPED; i++)
    if (json_get(chat, without[i]))
      warnings[list.len++] = JOIN(T("`"), without[i], T("` was dropped: " NAME " has no such parameter"));
  return list;
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
  if (!translated(&sent, &ctx, chat, &result.error)) return result;
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
      .warnings = dropped(chat),
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

static struct answer resumed(const struct json *state) {
  const struct json *tokens = json_get(state, T("tokens"));
  return (struct answer){
      .id = json_quoted(json_get(state, T("id"))),
      .model = json_quoted(json_get(state, T("model"))),
      .text = json_quoted(json_get(state, T("text"))),
      .created = json_count(json_get(state, T("created"))),
      .input = json_count(json_get(tokens, T("in"))),
      .output = json_count(json_get(tokens, T("out"))),
      .stream = json_true(json_get(state, T("stream"))),
      .counts = json_true(json_get(state, T("counts"))),
      .counted = tokens != 0,
      .begun = json_true(json_get(state, T("begun"))),
      .done = json_true(json_get(state, T("done"))),
  };
}

static struct bytes remembered(const struct answer *answer) {
  struct text state = {0};
  PUT(&state, T("{\"created\":"), decimal(answer->created), T(",\"id\":"), answer->id, T(",\"model\":"), answer->model);
  if (answer->stream) put(&state, T(",\"stream\":true"));
  if (answer->counts) put(&state, T(",\"counts\":true"));
  if (answer->begun) put(&state, T(",\"begun\":true"));
  if (answer->done) put(&state, T(",\"done\":true"));
  // What was said is said once.
  else if (!answer->stream) PUT(&state, T(",\"text\":"), answer->text);
  if (answer->counted)
    PUT(&state, T(",\"tokens\":{\"in\":"), decimal(answer->input), T(",\"out\":"), decimal(answer->output), T("}"));
  put_char(&state, '}');
  return finished(&state);
}

static void head(struct text *out, const struct answer *answer, struct bytes object) {
  PUT(out, T("{\"id\":"), answer->id, T(",\"object\":\""), object, T("\",\"created\":"), decimal(answer->created),
      T(",\"model\":"), answer->model);
}

static void usage(struct text *out, const struct answer *answer) {
  if (answer->counted)
    PUT(out, T(",\"usage\":{\"prompt_tokens\":"), decimal(answer->input), T(",\"completion_tokens\":"),
        decimal(answer->output), T(",\"total_tokens\":"), decimal(answer->input + answer->output), T("}"));
}

// A chunk up to where its delta is.
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
    PUT(out, T("\"content\":"), json_quoted(says), T("},\"finish_reason\":null}]}\n"));
    return;
  }
  struct bytes before = {answer->text.at, answer->text.len - 1};
  answer->text = JOIN(before, json_inner(says), T("\""));
  answer->changed = true;
}

static void close(struct answer *answer, struct text *out, struct decoded *decoded) {
  begin(answer, out);
  answer->done = answer->changed = true;
  struct bytes reason = T("stop");
  uint8_t finish = FINISH_STOP;
  if (same(answer->end, T("\"tired\""))) reason = T("length"), finish = FINISH_LENGTH;
  if (same(answer->end, T("\"hushed\""))) reason = T("content_filter"), finish = FINISH_CONTENT_FILTER;
  decoded->finish = (struct option_finish){true, {.tag = finish}};
  if (answer->stream) {
    chunk(out, answer);
  } else {
    head(out, answer, T("chat.completion"));
    put(out, T(",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"refusal\":null,\"content\":"));
    put(out, answer->text);
  }
  PUT(out, T("},\"finish_reason\":\""), reason, T("\""));
  if (answer->end.len > 0) PUT(out, T(",\"native_finish_reason\":"), answer->end);
  put(out, T("}]"));
  if (!answer->stream) usage(out, answer);
  put(out, T("}\n"));
  if (!answer->stream || !answer->counts) return;
  head(out, answer, T("chat.completion.chunk"));
  put(out, T(",\"choices\":[]"));
  usage(out, answer);
  put(out, T("}\n"));
}

// What the provider says of an error.
static struct upstream_error meant(uint16_t status, const struct json *said) {
  const struct json *told = json_get(said, T("error"));
  const struct json *message = json_get(told, T("message")), *code = json_get(told, T("code"));
  struct upstream_error error = usual(status, T(NAME));
  if (json_is(message, JSON_STRING)) error.message = json_words(message);
  if (json_is(code, JSON_STRING)) error.provider_code = some(json_words(code));
  return error;
}

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
    decoded->error = (struct option_upstream_error){true, meant(200, said)};
    return true;
  }
  const struct json *id = json_get(said, T("id")), *model = json_get(said, T("model"));
  if (json_words(id).len > 0) answer->id = json_quoted(id), answer->changed = true;
  if (json_words(model).len > 0) answer->model = json_quoted(model), answer->changed = true;
  begin(answer, out);
  say(answer, json_get(said, T("says")), out);
  const struct json *tokens = json_get(said, T("tokens")), *end = json_get(said, T("end"));
  if (tokens) {
    answer->counted = answer->changed = true;
    answer->input = json_count(json_get(tokens, T("in")));
    answer->output = json_count(json_get(tokens, T("out")));
    decoded->usage = (struct option_usage){true, {.input = answer->input, .output = answer->output}};
  }
  if (end) {
    answer->end = json_quoted(end);
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

// What an answer outside 2xx means. Perhaps whatever stands before the provider gave it, in words of its own.
struct upstream_error map_error(struct response_head response, struct bytes body) {
  struct bytes why;
  struct upstream_error error = meant(response.status, json_read(body, &why));
  error.retry_after_ms = retry_after(response.headers);
  return error;
}
