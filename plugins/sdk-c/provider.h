// What passes between mux and an adapter in C. Made from provider.wit, which says the same.
//
// Values lie here as they lie in memory: arguments are where mux wrote them, results are read where they are left. What
// provider.wit calls a string, a JSON text or a list<u8> is `struct bytes`; `UTF-8` stands where it must be UTF-8, or the
// call fails. Of an `option`, `value` counts where `some` is true; of a variant, the member that `tag` says.

#ifndef MUX_PROVIDER_H
#define MUX_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

struct bytes {
  const char *at;
  uint32_t len;
};

// Header names are lower-case ASCII.
struct header {
  struct bytes name; // UTF-8
  struct bytes value; // UTF-8
};

// `none`: an empty list, for plans that depend on the context alone.
enum body_need {
  BODY_NEED_NONE,
  BODY_NEED_FULL,
};

struct list_bytes { const struct bytes *at; uint32_t len; };

struct upstream {
  struct bytes id; // UTF-8
  struct bytes base_url; // UTF-8
  // Path prefixes the plugin will use; the host refuses any other.
  struct list_bytes paths; // UTF-8
};

struct header_auth {
  struct bytes name; // UTF-8
  struct bytes prefix; // UTF-8
};

struct aws_sigv4 {
  struct bytes service; // UTF-8
  struct bytes region; // UTF-8
};

struct oauth2 {
  struct bytes token_url; // UTF-8
  struct list_bytes scopes; // UTF-8
};

enum auth_scheme_tag {
  AUTH_SCHEME_NONE,
  AUTH_SCHEME_BEARER,
  AUTH_SCHEME_HEADER,
  AUTH_SCHEME_QUERY,
  AUTH_SCHEME_BASIC,
  AUTH_SCHEME_AWS_SIGV4,
  AUTH_SCHEME_GCP_SERVICE_ACCOUNT,
  AUTH_SCHEME_AZURE_ENTRA,
  AUTH_SCHEME_OAUTH2_CLIENT_CREDENTIALS,
  // A scheme this host knows by name.
  AUTH_SCHEME_NAMED,
};
struct auth_scheme {
  uint8_t tag; // enum auth_scheme_tag
  union {
    struct header_auth header;
    struct bytes query; // UTF-8
    struct aws_sigv4 aws_sigv4;
    struct list_bytes gcp_service_account; // UTF-8
    struct bytes azure_entra; // UTF-8
    struct oauth2 oauth2_client_credentials;
    struct bytes named; // UTF-8
  };
};

enum limit_unit {
  LIMIT_UNIT_REQUESTS,
  LIMIT_UNIT_TOKENS,
  LIMIT_UNIT_INPUT_TOKENS,
  LIMIT_UNIT_OUTPUT_TOKENS,
};

enum reset_format {
  RESET_FORMAT_SECONDS,
  RESET_FORMAT_GO_DURATION,
  RESET_FORMAT_RFC3339,
  RESET_FORMAT_UNIX_SECONDS,
  RESET_FORMAT_UNIX_MILLIS,
};

struct option_bytes { bool some; struct bytes value; };

struct limit_header {
  uint8_t unit; // enum limit_unit
  // "minute", "day", ... free text, shown to operators.
  struct bytes window; // UTF-8
  struct option_bytes limit; // UTF-8
  struct option_bytes remaining; // UTF-8
  struct option_bytes reset; // UTF-8
  uint8_t reset_as; // enum reset_format
};

// A long string (image, file) the host kept out of the body. `token`
// stands where the string stood and is unguessable per request; the host
// puts the text back as it writes the request. `token` + ":payload"
// stands for a data URL's text after the comma.
struct blob {
  struct bytes token; // UTF-8
  struct option_bytes media_type; // UTF-8
  uint64_t bytes;
  bool data_url;
};

struct tuple_bytes_bytes {
  struct bytes first; // UTF-8
  struct bytes second; // UTF-8
};

enum detail_tag {
  DETAIL_BLOB,
  DETAIL_OTHER,
};
struct detail {
  uint8_t tag; // enum detail_tag
  union {
    struct blob blob;
    struct tuple_bytes_bytes other;
  };
};

struct list_detail { const struct detail *at; uint32_t len; };

struct option_list_detail { bool some; struct list_detail value; };

// Everything a pure function needs; there is no clock and no random source.
struct request_ctx {
  struct bytes operation; // UTF-8
  struct bytes dialect; // UTF-8
  struct bytes model; // UTF-8
  bool stream;
  uint32_t attempt;
  uint64_t now_unix_ms;
  struct bytes request_id; // UTF-8
  // What few requests have, left out where there is nothing. Unknown ones change nothing: room to grow.
  struct option_list_detail details;
};

enum method {
  METHOD_GET,
  METHOD_POST,
  METHOD_PUT,
  METHOD_DELETE,
};

struct splice {
  uint32_t at;
  uint32_t remove;
  struct bytes insert;
};

struct list_splice { const struct splice *at; uint32_t len; };

enum body_plan_tag {
  BODY_PLAN_EMPTY,
  // The client's own bytes, with only the model name replaced by the host.
  BODY_PLAN_PASSTHROUGH,
  // Edits to the client's bytes, in order, not overlapping.
  BODY_PLAN_SPLICES,
  BODY_PLAN_REPLACE,
};
struct body_plan {
  uint8_t tag; // enum body_plan_tag
  union {
    struct list_splice splices;
    struct bytes replace;
  };
};

// Split by the host, so a guest never sees half a frame. Of an AWS event stream, both checksums are held to; a frame's
// name is its `:event-type`, its `:exception-type`, or `error:` and its `:error-code`.
enum framing {
  FRAMING_BUFFERED,
  FRAMING_SSE,
  FRAMING_NDJSON,
  FRAMING_JSON_ARRAY,
  FRAMING_AWS_EVENT_STREAM,
  FRAMING_RAW,
};

enum decode_mode {
  // Already in the client's dialect: bytes flow past the guest untouched.
  DECODE_MODE_VERBATIM,
  // Frames go through decode.
  DECODE_MODE_FRAMES,
};

struct reply_plan {
  uint8_t framing; // enum framing
  uint8_t mode; // enum decode_mode
};

struct list_header { const struct header *at; uint32_t len; };

// An OpenAI-compatible operation as data: zero guest calls, zero copies.
struct fixed_plan {
  struct bytes upstream; // UTF-8
  struct bytes path; // UTF-8
  struct list_header headers;
  struct reply_plan reply;
};

struct option_fixed_plan { bool some; struct fixed_plan value; };

struct operation {
  // "chat", "completions", "embeddings", "rerank", "images", "speech",
  // "transcription", "models", "count-tokens", ...
  struct bytes name; // UTF-8
  // Request dialects taken: "openai-chat", "anthropic-messages", "openai-responses", ...
  struct list_bytes dialects; // UTF-8
  // When set the host never calls prepare or decode for this operation.
  struct option_fixed_plan fixed;
  // What prepare is given of the request body.
  uint8_t body; // enum body_need
};

struct list_operation { const struct operation *at; uint32_t len; };

struct list_upstream { const struct upstream *at; uint32_t len; };

struct list_auth_scheme { const struct auth_scheme *at; uint32_t len; };

struct list_limit_header { const struct limit_header *at; uint32_t len; };

struct list_tuple_bytes_bytes { const struct tuple_bytes_bytes *at; uint32_t len; };

struct manifest {
  struct bytes id; // UTF-8
  struct bytes version; // UTF-8
  struct bytes display_name; // UTF-8
  struct list_operation operations;
  // The only places this plugin's requests may go. Templates may use
  // {config.NAME}, or {config.NAME|OTHER} for whichever is set; the
  // operator sees and approves the result.
  struct list_upstream upstreams;
  // Accepted schemes. The operator picks one and gives the secret to the
  // host; no secret ever enters the guest.
  struct list_auth_scheme auth;
  // JSON Schema of the settings. Properties with "secret": true stay in the host.
  struct bytes config_schema;
  // Response headers the guest may see: names, or prefixes ending in '*'.
  struct list_bytes response_headers; // UTF-8
  // Read by the host without calling the plugin.
  struct list_limit_header limit_headers;
  // Peak linear memory the plugin asks for; capped by the operator.
  uint32_t memory_mib;
  // Room to grow without a new major version.
  struct list_tuple_bytes_bytes extra;
};

struct request_plan {
  struct bytes upstream; // UTF-8
  uint8_t method; // enum method
  // Path and query only: never a scheme, an authority or "..".
  struct bytes path; // UTF-8
  // No authorization, cookie, host or hop-by-hop names: the host refuses them.
  struct list_header headers;
  struct body_plan body;
  struct reply_plan reply;
  // Handed to the first decode. At most 16 KiB.
  struct bytes state;
  // Parameters dropped or changed; becomes a response header and a log line.
  struct list_bytes warnings; // UTF-8
};

struct response_head {
  uint16_t status;
  struct list_header headers;
};

struct list_u32 { const uint32_t *at; uint32_t len; };

struct option_list_u32 { bool some; struct list_u32 value; };

// Whole frames, and what is remembered from the call before. All of it is one block, since each list of an argument
// takes a call into the guest of its own.
struct batch {
  // Payloads back to back, then the event names joined by '\n', then the state.
  struct bytes block;
  // Where each payload ends. Left out where there is one: it ends where the names begin.
  struct option_list_u32 ends;
  // Where the event names begin. There are none where no frame has one.
  uint32_t names;
  // Where the state begins.
  uint32_t state;
  bool end_of_stream;
};

struct tuple_bytes_u64 {
  struct bytes first; // UTF-8
  uint64_t second;
};

struct list_tuple_bytes_u64 { const struct tuple_bytes_u64 *at; uint32_t len; };

struct usage {
  uint64_t input;
  uint64_t output;
  uint64_t cache_read;
  uint64_t cache_write;
  uint64_t reasoning;
  struct list_tuple_bytes_u64 other;
};

enum finish_tag {
  FINISH_STOP,
  FINISH_LENGTH,
  FINISH_TOOL_CALLS,
  FINISH_CONTENT_FILTER,
  FINISH_REFUSAL,
  FINISH_OTHER,
};
struct finish {
  uint8_t tag; // enum finish_tag
  union {
    struct bytes other; // UTF-8
  };
};

enum limit_scope {
  LIMIT_SCOPE_UNKNOWN,
  LIMIT_SCOPE_KEY,
  LIMIT_SCOPE_MODEL,
  LIMIT_SCOPE_ORGANIZATION,
  LIMIT_SCOPE_ADDRESS,
};

struct option_u64 { bool some; uint64_t value; };

enum error_kind_tag {
  ERROR_KIND_RATE_LIMITED,
  ERROR_KIND_QUOTA_EXHAUSTED,
  ERROR_KIND_OVERLOADED,
  ERROR_KIND_AUTHENTICATION,
  ERROR_KIND_PERMISSION,
  ERROR_KIND_INVALID_REQUEST,
  ERROR_KIND_CONTEXT_LENGTH,
  ERROR_KIND_CONTENT_FILTER,
  ERROR_KIND_MODEL_NOT_FOUND,
  ERROR_KIND_PAYLOAD_TOO_LARGE,
  ERROR_KIND_SERVER,
  ERROR_KIND_TIMEOUT,
  ERROR_KIND_BAD_RESPONSE,
  ERROR_KIND_OTHER,
};
struct error_kind {
  uint8_t tag; // enum error_kind_tag
  union {
    uint8_t rate_limited; // enum limit_scope
    struct option_u64 context_length;
    struct bytes other; // UTF-8
  };
};

enum retry_advice {
  RETRY_ADVICE_NEVER,
  RETRY_ADVICE_SAME_KEY,
  RETRY_ADVICE_OTHER_KEY,
  RETRY_ADVICE_OTHER_MODEL,
  RETRY_ADVICE_OTHER_PROVIDER,
};

struct upstream_error {
  struct error_kind kind;
  struct bytes message; // UTF-8
  struct option_bytes provider_code; // UTF-8
  struct option_bytes param; // UTF-8
  struct option_u64 retry_after_ms;
  uint8_t retry; // enum retry_advice
};

struct option_usage { bool some; struct usage value; };

struct option_finish { bool some; struct finish value; };

struct option_upstream_error { bool some; struct upstream_error value; };

struct decoded {
  // At most 16 KiB; the only thing carried from call to call. Left out where it is as it was.
  struct option_bytes state;
  // Unified chunks, one JSON object a line (OpenAI chat.completion.chunk
  // superset), or one whole response object for a buffered reply.
  struct bytes chunks;
  struct option_usage usage;
  struct option_finish finish;
  // An error inside a stream that began with 200.
  struct option_upstream_error error;
};

struct bad_param {
  struct bytes message; // UTF-8
  struct option_bytes param; // UTF-8
};

// The plugin's own refusal, made before anything is sent.
enum fault_tag {
  FAULT_INVALID_REQUEST,
  FAULT_UNSUPPORTED,
  FAULT_BAD_RESPONSE,
  FAULT_INTERNAL,
};
struct fault {
  uint8_t tag; // enum fault_tag
  union {
    struct bad_param invalid_request;
    struct bad_param unsupported;
    struct bytes bad_response; // UTF-8
    struct bytes internal; // UTF-8
  };
};

enum level {
  LEVEL_DEBUG,
  LEVEL_INFO,
  LEVEL_WARN,
  LEVEL_ERROR,
};

struct result_none_bytes {
  bool failed;
  union {
    struct bytes error; // UTF-8
  };
};

struct result_request_plan_fault {
  bool failed;
  union {
    struct request_plan ok;
    struct fault error;
  };
};

struct result_decoded_fault {
  bool failed;
  union {
    struct decoded ok;
    struct fault error;
  };
};

// What an adapter is made of: it defines these.
// All exports are pure functions of their arguments and of configure's.

struct manifest describe(void);

// Once per instance, before the rest. `config` is a JSON object and never holds a secret.
struct result_none_bytes configure(struct bytes config);

// `body` is UTF-8 JSON text. Spelled `list<u8>`, not `json`: bindings then take a borrowed slice.
struct result_request_plan_fault prepare(struct request_ctx ctx, struct bytes body);

// `operation` is left out for "chat", which most calls are for.
struct result_decoded_fault decode(struct option_bytes operation, struct batch frames);

// Non-2xx answers only.
struct upstream_error map_error(struct response_head head, struct bytes body);

// Laid out otherwise it would be misread.
_Static_assert(sizeof(struct header) == 16, "header");
_Static_assert(sizeof(struct list_bytes) == 8, "list_bytes");
_Static_assert(sizeof(struct upstream) == 24, "upstream");
_Static_assert(sizeof(struct header_auth) == 16, "header_auth");
_Static_assert(sizeof(struct aws_sigv4) == 16, "aws_sigv4");
_Static_assert(sizeof(struct oauth2) == 16, "oauth2");
_Static_assert(sizeof(struct auth_scheme) == 20, "auth_scheme");
_Static_assert(sizeof(struct option_bytes) == 12, "option_bytes");
_Static_assert(sizeof(struct limit_header) == 52, "limit_header");
_Static_assert(sizeof(struct blob) == 40, "blob");
_Static_assert(sizeof(struct tuple_bytes_bytes) == 16, "tuple_bytes_bytes");
_Static_assert(sizeof(struct detail) == 48, "detail");
_Static_assert(sizeof(struct list_detail) == 8, "list_detail");
_Static_assert(sizeof(struct option_list_detail) == 12, "option_list_detail");
_Static_assert(sizeof(struct request_ctx) == 64, "request_ctx");
_Static_assert(sizeof(struct splice) == 16, "splice");
_Static_assert(sizeof(struct list_splice) == 8, "list_splice");
_Static_assert(sizeof(struct body_plan) == 12, "body_plan");
_Static_assert(sizeof(struct reply_plan) == 2, "reply_plan");
_Static_assert(sizeof(struct list_header) == 8, "list_header");
_Static_assert(sizeof(struct fixed_plan) == 28, "fixed_plan");
_Static_assert(sizeof(struct option_fixed_plan) == 32, "option_fixed_plan");
_Static_assert(sizeof(struct operation) == 52, "operation");
_Static_assert(sizeof(struct list_operation) == 8, "list_operation");
_Static_assert(sizeof(struct list_upstream) == 8, "list_upstream");
_Static_assert(sizeof(struct list_auth_scheme) == 8, "list_auth_scheme");
_Static_assert(sizeof(struct list_limit_header) == 8, "list_limit_header");
_Static_assert(sizeof(struct list_tuple_bytes_bytes) == 8, "list_tuple_bytes_bytes");
_Static_assert(sizeof(struct manifest) == 84, "manifest");
_Static_assert(sizeof(struct request_plan) == 60, "request_plan");
_Static_assert(sizeof(struct response_head) == 12, "response_head");
_Static_assert(sizeof(struct list_u32) == 8, "list_u32");
_Static_assert(sizeof(struct option_list_u32) == 12, "option_list_u32");
_Static_assert(sizeof(struct batch) == 32, "batch");
_Static_assert(sizeof(struct tuple_bytes_u64) == 16, "tuple_bytes_u64");
_Static_assert(sizeof(struct list_tuple_bytes_u64) == 8, "list_tuple_bytes_u64");
_Static_assert(sizeof(struct usage) == 48, "usage");
_Static_assert(sizeof(struct finish) == 12, "finish");
_Static_assert(sizeof(struct option_u64) == 16, "option_u64");
_Static_assert(sizeof(struct error_kind) == 24, "error_kind");
_Static_assert(sizeof(struct upstream_error) == 80, "upstream_error");
_Static_assert(sizeof(struct option_usage) == 56, "option_usage");
_Static_assert(sizeof(struct option_finish) == 16, "option_finish");
_Static_assert(sizeof(struct option_upstream_error) == 88, "option_upstream_error");
_Static_assert(sizeof(struct decoded) == 184, "decoded");
_Static_assert(sizeof(struct bad_param) == 20, "bad_param");
_Static_assert(sizeof(struct fault) == 24, "fault");
_Static_assert(sizeof(struct result_none_bytes) == 12, "result_none_bytes");
_Static_assert(sizeof(struct result_request_plan_fault) == 64, "result_request_plan_fault");
_Static_assert(sizeof(struct result_decoded_fault) == 192, "result_decoded_fault");

#endif
