// The adapter of Sample: chat completions to its way of talking, and its answers back. `mux/UNIFIED.md` says what requests and
// answers look like, `mux/wit/provider.wit` what is called when.
//
// Every function is pure: whatever an answer must remember travels in `state`. What is thrown is a fault of the interface;
// anything else that is thrown is a crash, so `guarded` stands around everything.

const NAME = "sample";
const UPSTREAM = "api";
const PATH = "/talk";

/** What Sample has no parameter for: a client that sets one of these is told that it was dropped. */
const WITHOUT = ["seed", "logit_bias", "frequency_penalty", "presence_penalty", "reasoning_effort", "top_k"];

// ---- what it is --------------------------------------------------------------------------------------------------------

/** Read once, when the component is loaded. Requests go nowhere but where `upstreams` says. */
function describe() {
  return {
    id: NAME,
    version: "0.1.0",
    displayName: "Sample",
    operations: [{ name: "chat", dialects: ["openai-chat"], fixed: null, body: "full" }],
    upstreams: [{ id: UPSTREAM, baseUrl: "https://api.sample.example/v1", paths: [PATH] }],
    auth: [{ tag: "bearer" }, { tag: "none" }],
    configSchema: encoded('{"type":"object","additionalProperties":false}'),
    responseHeaders: ["retry-after"],
    limitHeaders: [],
    memoryMib: 32,
    extra: [],
  };
}

/** The `settings` of a provider block. Keys stay with the host. */
function configure(_config) {}

// ---- the way out -------------------------------------------------------------------------------------------------------

/** The plan for a chat request. */
function prepare(ctx, body) {
  const chat = parsed(body, (why) => invalid(`the body is no chat completions request: ${why}`, null));
  if (!Array.isArray(chat.messages)) throw invalid("`messages` is a list", "messages");
  if (Array.isArray(chat.tools) && chat.tools.length > 0) throw unsupported(`${NAME} calls no tools`, "tools");
  if (chat.response_format != null) {
    throw unsupported(`${NAME} promises no form of its answers`, "response_format");
  }
  if (typeof chat.n === "number" && chat.n > 1) throw unsupported(`${NAME} writes one answer a request`, "n");
  const given = WITHOUT.filter((name) => chat[name] != null);
  const sent = { model: ctx.model, turns: chat.messages.map(turn) };
  const most = chat.max_completion_tokens ?? chat.max_tokens;
  if (most != null) sent.most_tokens = number(most, "max_tokens");
  if (chat.temperature != null) sent.heat = number(chat.temperature, "temperature");
  sent.stream = ctx.stream;
  return {
    upstream: UPSTREAM,
    method: "post",
    path: PATH,
    headers: [{ name: "content-type", value: "application/json" }],
    body: { tag: "replace", val: encoded(JSON.stringify(sent)) },
    reply: { framing: ctx.stream ? "sse" : "buffered", mode: "frames" },
    state: encoded(
      JSON.stringify({
        stream: ctx.stream,
        counts: chat.stream_options?.include_usage === true,
        created: Math.floor(Number(ctx.nowUnixMs) / 1000),
        id: `chatcmpl-${ctx.requestId}`,
        model: ctx.model,
      }),
    ),
    warnings: given.map((name) => `\`${name}\` was dropped: ${NAME} has no such parameter`),
  };
}

function turn(message, index) {
  const at = `messages[${index}]`;
  const role = message?.role === "developer" ? "system" : message?.role;
  if (!["system", "user", "assistant"].includes(role)) {
    throw unsupported(`${NAME} knows no role \`${role}\``, `${at}.role`);
  }
  return { by: role, says: words(message.content, `${at}.content`) };
}

function words(content, at) {
  if (content == null) return "";
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) throw invalid("content is a string or a list of parts", at);
  const part = (part, index) => {
    if (part?.type !== "text" || typeof part.text !== "string") {
      throw unsupported(`${NAME} takes text only`, `${at}[${index}]`);
    }
    return part.text;
  };
  return content.map(part).join("");
}

function number(value, field) {
  if (typeof value !== "number") throw invalid(`\`${field}\` is a number`, field);
  return value;
}

// ---- the way back ------------------------------------------------------------------------------------------------------

/** The chunks of a batch of events, or the whole response. The same frames in other batches give the same. */
function decode(_operation, frames) {
  const answer = parsed(frames.block.subarray(frames.state), (why) => ({ tag: "internal", val: `the stream's state is damaged: ${why}` }));
  const out = { chunks: "", usage: null, finish: null, error: null };
  let start = 0;
  const ends = frames.ends ?? [frames.names];
  for (const end of ends) {
    const data = frames.block.subarray(start, end);
    start = end;
    if (answer.done || out.error) break;
    if (data.length > 0) hear(answer, data, out);
  }
  if (ends.length > 0 && !answer.stream && !answer.done && !out.error) close(answer, out);
  return { state: encoded(JSON.stringify(answer)), ...out, chunks: encoded(out.chunks) };
}

function hear(answer, data, out) {
  const said = parsed(data, (why) => broken(`${NAME}'s answer is malformed: ${why}`));
  if (said.error != null) {
    answer.done = true;
    out.error = meant(200, said, null);
    return;
  }
  if (typeof said.id === "string" && said.id) answer.id = said.id;
  if (typeof said.model === "string" && said.model) answer.model = said.model;
  begin(answer, out);
  if (typeof said.says === "string" && said.says) say(answer, said.says, out);
  if (said.tokens != null) {
    answer.usage = { input: count(said.tokens.in), output: count(said.tokens.out) };
    out.usage = { ...answer.usage, cacheRead: 0, cacheWrite: 0, reasoning: 0, other: [] };
  }
  if (said.end != null) {
    answer.end = String(said.end);
    close(answer, out);
  }
}

function begin(answer, out) {
  if (answer.begun) return;
  answer.begun = true;
  if (answer.stream) out.chunks += chunk(answer, { role: "assistant", content: "" }, null);
}

function say(answer, text, out) {
  if (answer.stream) out.chunks += chunk(answer, { content: text }, null);
  else answer.text = (answer.text ?? "") + text;
}

function close(answer, out) {
  begin(answer, out);
  answer.done = true;
  const native = answer.end;
  const reason = { done: "stop", tired: "length", hushed: "content_filter" }[native] ?? "stop";
  const usage = answer.usage && {
    prompt_tokens: answer.usage.input,
    completion_tokens: answer.usage.output,
    total_tokens: answer.usage.input + answer.usage.output,
  };
  if (answer.stream) {
    out.chunks += chunk(answer, {}, reason, native);
    if (answer.counts) out.chunks += line({ ...head(answer, "chat.completion.chunk"), choices: [], usage });
  } else {
    const message = { role: "assistant", content: answer.text ?? "", refusal: null };
    const choice = { index: 0, message, finish_reason: reason, native_finish_reason: native };
    out.chunks = JSON.stringify({ ...head(answer, "chat.completion"), choices: [choice], usage });
    // It is told, and a state has room for 16 KiB.
    delete answer.text;
  }
  out.finish = { tag: { stop: "stop", length: "length", content_filter: "content-filter" }[reason] };
}

const head = ({ id, created, model }, object) => ({ id, object, created, model });
const line = (value) => `${JSON.stringify(value)}\n`;
const chunk = (answer, delta, finish_reason, native_finish_reason) =>
  line({
    ...head(answer, "chat.completion.chunk"),
    choices: [{ index: 0, delta, finish_reason, native_finish_reason }],
  });
const count = (value) => (Number.isSafeInteger(value) && value >= 0 ? value : 0);

// ---- errors ------------------------------------------------------------------------------------------------------------

/** What an answer outside 2xx means. */
function mapError(response, body) {
  let said = {};
  try {
    said = parsed(body, (why) => why);
  } catch {
    // Whatever stands before the provider answered in its own words.
  }
  const wait = Number(response.headers.find((header) => header.name === "retry-after")?.value);
  return meant(response.status, said, wait > 0 && wait < 86_400 ? Math.round(wait * 1000) : null);
}

function meant(status, said, retryAfterMs) {
  const words = said.error?.message;
  return {
    ...kind(status),
    message: typeof words === "string" ? words : `${NAME} answered with ${status}`,
    providerCode: typeof said.error?.code === "string" ? said.error.code : null,
    param: null,
    retryAfterMs,
  };
}

function kind(status) {
  if (status === 401) return { kind: { tag: "authentication" }, retry: "other-key" };
  if (status === 403) return { kind: { tag: "permission" }, retry: "other-key" };
  if (status === 404) return { kind: { tag: "model-not-found" }, retry: "other-model" };
  if (status === 429) return { kind: { tag: "rate-limited", val: "unknown" }, retry: "other-key" };
  if (status === 503 || status === 529) return { kind: { tag: "overloaded" }, retry: "other-model" };
  if (status >= 500 || status === 200) return { kind: { tag: "server" }, retry: "same-key" };
  return { kind: { tag: "invalid-request" }, retry: "never" };
}

const broken = (val) => ({ tag: "bad-response", val });
const invalid = (message, param) => ({ tag: "invalid-request", val: { message, param } });
const unsupported = (message, param) => ({ tag: "unsupported", val: { message, param } });

// ---- bytes -------------------------------------------------------------------------------------------------------------

/** How deep what is read may be nested: reading recurses, and the stack is small. */
const DEEPEST = 200;

/** JSON that is an object; `fault` makes what is thrown otherwise of why it is none. */
function parsed(bytes, fault) {
  let value;
  try {
    const text = decoded(bytes);
    if (depth(text) > DEEPEST) throw "it is nested too deep";
    value = JSON.parse(text);
  } catch (error) {
    throw fault(String(error));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw fault("it is no object");
  return value;
}

/** How deep a text is nested, or a little where it has too few brackets to be deep. */
function depth(text) {
  if (text.split("[").length + text.split("{").length < DEEPEST) return 1;
  const brackets = /"(?:[^"\\]|\\.)*"|[[\]{}]/gs;
  let [deep, deepest] = [0, 0];
  for (let found; deepest <= DEEPEST && (found = brackets.exec(text)); ) {
    if (found[0] === "[" || found[0] === "{") deepest = Math.max(deepest, ++deep);
    else if (found[0] === "]" || found[0] === "}") deep--;
  }
  return deepest;
}

const BEYOND_ASCII = /[^\x00-\x7f]/;

/** UTF-8 to text. The engine has no `TextDecoder`; these are the ways around it that do not walk through byte by byte. */
function decoded(bytes) {
  const latin = atob(bytes.toBase64());
  return BEYOND_ASCII.test(latin) ? decodeURIComponent(escape(latin)) : latin;
}

/** Text to UTF-8. */
function encoded(text) {
  const latin = BEYOND_ASCII.test(text) ? unescape(encodeURIComponent(text.toWellFormed())) : text;
  return Uint8Array.fromBase64(btoa(latin));
}

/** A mistake of ours is a fault that says so, and no crash. */
function guarded(call) {
  return (...given) => {
    try {
      return call(...given);
    } catch (error) {
      throw error?.tag ? error : { tag: "internal", val: String(error) };
    }
  };
}

export const adapter = {
  describe,
  configure,
  prepare: guarded(prepare),
  decode: guarded(decode),
  mapError,
};
