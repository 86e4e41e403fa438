// An adapter that says of an answer what the reader of JSON makes of it: what was read, written anew, or why it was not.

#include "json.h"

static void written(struct text *text, const struct json *value) {
  switch (value->kind) {
    case JSON_STRING:
      put_quoted(text, json_words(value));
      break;
    case JSON_LIST:
      put_char(text, '[');
      for (const struct json *item = json_first(value); item; item = json_next(value, item)) {
        if (item != value + 1) put_char(text, ',');
        written(text, item);
      }
      put_char(text, ']');
      break;
    case JSON_OBJECT:
      put_char(text, '{');
      for (const struct json *name = value + 1; name < value + value->nodes; name += 1 + name[1].nodes) {
        if (name != value + 1) put_char(text, ',');
        put(text, json_quoted(name));
        put_char(text, ':');
        written(text, name + 1);
      }
      put_char(text, '}');
      break;
    default:
      put(text, value->text);
  }
}

struct upstream_error map_error(struct response_head head, struct bytes body) {
  (void)head;
  struct bytes why;
  const struct json *value = json_read(body, &why);
  if (!value) return (struct upstream_error){.message = why, .provider_code = some(T("refused"))};
  struct text text = {0};
  written(&text, value);
  return (struct upstream_error){.message = finished(&text), .provider_code = some(T("read"))};
}

struct manifest describe(void) {
  static const struct bytes dialects[] = {T("openai-chat")}, paths[] = {T("/")};
  static const struct operation operations[] = {{.name = T("chat"), .dialects = LIST(dialects)}};
  static const struct upstream upstreams[] = {
      {.id = T("api"), .base_url = T("https://reader.example"), .paths = LIST(paths)},
  };
  static const struct auth_scheme auth[] = {{.tag = AUTH_SCHEME_NONE}};
  return (struct manifest){
      .id = T("reader"),
      .version = T("1.0.0"),
      .display_name = T("Reader"),
      .operations = LIST(operations),
      .upstreams = LIST(upstreams),
      .auth = LIST(auth),
      .config_schema = T("{}"),
      .memory_mib = 16,
  };
}

struct result_none_bytes configure(struct bytes config) {
  (void)config;
  return (struct result_none_bytes){0};
}

struct result_request_plan_fault prepare(struct request_ctx ctx, struct bytes body) {
  (void)ctx, (void)body;
  return (struct result_request_plan_fault){true, .error = failure(FAULT_INTERNAL, T("it asks nothing"))};
}

struct result_decoded_fault decode(struct option_bytes operation, struct batch frames) {
  (void)operation, (void)frames;
  return (struct result_decoded_fault){true, .error = failure(FAULT_INTERNAL, T("it hears nothing"))};
}
