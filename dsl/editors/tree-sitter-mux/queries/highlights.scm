; Made from dsl/src/words.rs and dsl/src/editor/queries.rs; do not edit.

(comment) @comment

(string) @string

(escape) @string.escape

[(quantity) (clock) (date)] @number

(alias) @function

(statement head: (name) @keyword
  (#any-of? @keyword
    "allow"
    "balance" "breaker" "budget"
    "can" "canary" "cap" "cascade" "charge" "cheapest" "context" "cool"
    "define" "degraded" "down"
    "ensemble"
    "facts" "fallback" "fastest"
    "given" "guarantee"
    "health" "hedge"
    "id" "include"
    "key" "kind"
    "like" "limit"
    "min" "model" "mux"
    "output"
    "plan" "policy" "price" "private" "probe" "provider"
    "regions" "replay" "rule"
    "set" "settings" "shadow" "split"
    "test" "tier" "trip" "try"
    "upstream" "url"
    "warn"))

(action) @keyword

["when" "where" "else" "expect"] @keyword.conditional

["and" "or" "not" "is" "in" "of" "has" "matches" "starts" "with"] @keyword.operator

[">=" "<=" ">" "<"] @operator

(statement argument: (name) @property
  (#any-of? @property
    "after" "against" "audio"
    "balance" "breaker" "buffer" "by"
    "cache-write" "cached" "canary" "cascade" "cheapest" "connect"
    "direct"
    "economy" "end_user" "ensemble" "env" "error_rate" "extra"
    "fallback" "fastest" "file" "for" "from" "frontier"
    "hangs" "hedge"
    "idle" "images" "input"
    "json-schema"
    "key"
    "model"
    "on" "open" "output" "over"
    "p95" "per" "plan"
    "reasoning" "refuses" "replies" "requests" "retry" "role"
    "secret" "split" "standard" "streaming" "streams"
    "timeout" "tools" "total"
    "within"))

(statement argument: (name) @type
  (#match? @type "/"))

(test subject: (name) @variable.builtin)

(metric figure: (name) @variable.builtin)

(presence (name) @variable.builtin)

["{" "}" "(" ")"] @punctuation.bracket

["|" "-"] @punctuation.delimiter
