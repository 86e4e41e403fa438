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

["when" "where" "else" "expect"] @keyword.conditional

["and" "or" "not" "is" "in" "of" "has" "matches" "starts" "with"] @keyword.operator

[">=" "<=" ">" "<"] @operator

(statement argument: (name) @property
  (#any-of? @property
    "abort" "accept" "after" "against" "any" "ask" "audio" "audio-input" "audio-output"
    "balance" "base" "below" "best" "breaker" "buffer" "by"
    "cache-write" "cached" "canary" "cancel" "cascade" "cheapest" "combine" "concurrent" "connect" "content-idle" "conversation" "cost"
    "direct" "drain"
    "economy" "end_user" "ensemble" "env" "error_rate" "every" "explore" "extra"
    "failures" "fallback" "fastest" "file" "finish" "finishes" "first-valid" "floor" "for" "free" "from" "frontier"
    "hangs" "hard" "hedge"
    "idle" "images" "input"
    "json-schema" "judge"
    "key"
    "length" "limit"
    "majority" "merge" "model"
    "name"
    "off" "on" "once" "one" "open" "output" "over"
    "p95" "paid" "per" "per-target" "plan" "prefix"
    "ramp" "reasoning" "refuses" "remaining" "replies" "requests" "reset" "retry" "role" "rubric"
    "salt" "score" "scores" "secret" "soft" "split" "standard" "stop" "streaming" "streams"
    "team" "timeout" "to" "tokens" "tools" "total" "try"
    "up-to"
    "vote"
    "wait" "weight" "within"))

(statement argument: (name) @type
  (#match? @type "/"))

(test subject: (name) @variable.builtin)

(metric figure: (name) @variable.builtin)

(presence (name) @variable.builtin)

["{" "}" "(" ")"] @punctuation.bracket

["|" "-"] @punctuation.delimiter
