; Made from dsl/src/words.rs and dsl/src/editor/queries.rs; do not edit.

(comment) @comment

(string) @string

(escape) @string.escape

[(quantity) (clock) (date)] @number

(alias) @function

(statement head: (name) @keyword
  (#any-of? @keyword
    "abort" "accept" "adaptive" "affinity" "allow" "ask" "attempts"
    "backoff" "balance" "base" "breaker" "budget" "buffer"
    "can" "canary" "cap" "cascade" "charge" "cheapest" "combine" "concurrency" "connect" "content-idle" "context" "continue" "cool" "cost"
    "defaults" "define" "degraded" "down" "drop"
    "early-headers" "ensemble" "error"
    "facts" "fallback" "fastest" "force"
    "given" "guarantee"
    "header" "health" "hedge" "hedge-budget"
    "id" "idle" "include"
    "judge"
    "key" "kind"
    "like" "limit" "limits"
    "min" "mode" "model" "mux"
    "on" "on-disconnect" "otherwise" "output"
    "path" "plan" "policy" "price" "priority" "private" "probe" "provider"
    "queue" "quirks" "quorum"
    "ramp" "regions" "rename" "replay" "retry" "retry-budget" "rule"
    "set" "settings" "shadow" "slow-start" "spill" "split"
    "test" "tier" "timeout" "total" "trip" "try"
    "upstream" "url"
    "warm" "warn" "within"))

(action) @keyword

["when" "where" "else" "expect"] @keyword

["and" "or" "not" "is" "in" "of" "has" "can" "matches" "starts" "with"] @operator

[">=" "<=" ">" "<"] @operator

(statement argument: (name) @property
  (#any-of? @property
    "abort" "accept" "affinity" "after" "against" "any" "arm" "ask" "attempts" "audio" "audio-input" "audio-output" "auth" "authentication"
    "bad-response" "balance" "base" "below" "best" "breaker" "budget" "buffer" "by"
    "cache-write" "cache-write-1h" "cached" "can" "canary" "cancel" "cascade" "changed" "cheapest" "closed" "combine" "concurrent" "connect" "content-filter" "content-idle" "content_filter" "context" "context-length" "continue" "conversation" "cost" "cut"
    "degraded" "denied" "dialect" "direct" "down" "drain" "drops"
    "economy" "end_user" "ensemble" "env" "error_rate" "errors" "every" "explore" "extra"
    "failed" "failed_over" "failures" "fallback" "fastest" "file" "finish" "finishes" "first" "first-valid" "floor" "for" "free" "from" "frontier"
    "given"
    "hangs" "hard" "headroom" "health" "hedge"
    "idle" "images" "inflight" "input" "invalid-request"
    "json-schema" "judge"
    "key"
    "length" "limit"
    "majority" "malformed" "merge" "model" "model-not-found" "mon-fri"
    "name" "network" "no" "now"
    "off" "ok" "on" "once" "one" "open" "operation" "output" "output_limit" "over" "overloaded"
    "p50" "p95" "p99" "paid" "payload-too-large" "per" "per-target" "permission" "plan" "policy" "prefix" "price" "private" "provider"
    "quota-exhausted"
    "ramp" "rate-limited" "reasoning" "refuses" "region" "remaining" "replies" "requests" "reset" "retry" "role" "rubric" "rule"
    "salt" "schema" "score" "scores" "secret" "served" "server" "soft" "split" "standard" "stop" "streaming" "streams"
    "target" "team" "then" "tier" "time" "timed-out" "timeout" "to" "tokens" "tool_calls" "tools" "total" "try"
    "up-to" "used"
    "valid" "vote"
    "wait" "weight" "within"
    "yes"))

(statement argument: (name) @type
  (#match? @type "/"))

(test subject: (name) @variable.special)

(metric figure: (name) @variable.special)

(presence (name) @variable.special)

["{" "}" "(" ")"] @punctuation.bracket

["|" "-"] @punctuation.delimiter
