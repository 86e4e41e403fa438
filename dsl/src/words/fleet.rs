//! Declarations: what can be called, what it costs, what protects it, and what has a name.

use super::entry::Args::{Nothing, One, Own, Some as Several};
use super::entry::Body::{May, Must};
use super::entry::Entry;
use super::entry::Place::{
    self, Breaker, Budget, Defaults, Facts, Health, Limit, Model, Provider, Quirks, Set, Settings,
};
use super::entry::Slot::{Name, Quantity, Text};
use super::options::TARGET;

const FILE: &[Place] = &[Place::File];

pub(super) static TABLE: &[Entry] = &[
    Entry::new("mux", FILE, "mux 1", One(Quantity), "version of the language the file is written in"),
    Entry::new("include", FILE, "include \"FILE\"", One(Text), "loads another file, once, by its path from this one").repeats(),
    Entry::new("provider", FILE, "provider NAME { … }", One(Name), "one account at one provider").repeats().holds(Must(Provider)),
    Entry::new("set", FILE, "set NAME { \"…\" } or set NAME from \"FILE\"", Own, "a named list of values").repeats().holds(May(Set)),
    Entry::new("define", FILE, "define NAME when CONDITION", Own, "a named condition").repeats(),
    Entry::new("facts", FILE, "facts { … }", Nothing, "which tags, headers and end users there are; once a tag is declared, all that conditions name must be").repeats().repeats().holds(Must(Facts)),
    Entry::new("breaker", FILE, "breaker NAME { … }", One(Name), "when a target is not called for a while").repeats().holds(Must(Breaker)),
    Entry::new("health", FILE, "health { … }", Nothing, "what `health of` means").holds(Must(Health)),
    Entry::new("budget", FILE, "budget NAME { … }", One(Name), "money that may be spent").repeats().holds(Must(Budget)),
    Entry::new("limit", FILE, "limit NAME { … }", One(Name), "rates that requests may not exceed").repeats().holds(Must(Limit)),
    Entry::new("defaults", FILE, "defaults { … }", Nothing, "what holds where nothing nearer is written; one block in all files").holds(Must(Defaults)),
    Entry::new("allow", FILE, "allow direct", One(Name), "clients may name a deployment and bypass policies"),
    // provider
    Entry::new("kind", &[Provider], "kind NAME", One(Name), "the adapter that speaks its dialect"),
    Entry::new("url", &[Provider], "url \"https://…\"", One(Text), "base address, where it is not the adapter's own"),
    Entry::new("private", &[Provider], "private", Nothing, "private addresses and plain http are meant"),
    Entry::new("key", &[Provider], "key env NAME | file \"/path\" | secret \"scheme:ref\" | role \"arn\"", Own, "where its credential is found"),
    Entry::new("regions", &[Provider], "regions NAME …", Several(Name), "where requests may be served"),
    Entry::new("settings", &[Provider], "settings { NAME VALUE }", Nothing, "configuration of the adapter").holds(Must(Settings)),
    Entry::new("<setting>", &[Settings], "NAME VALUE", Own, "one setting").repeats().holds(May(Settings)),
    Entry::new("quirks", &[Provider], "quirks { … }", Nothing, "where it departs from the dialect of its `kind`").holds(Must(Quirks)),
    Entry::new("model", &[Provider], "model NAME { … }", One(Name), "one model at this provider").repeats().holds(May(Model)),
    // provider and defaults
    Entry::new("concurrency", &[Provider, Model, Defaults], "concurrency N", One(Quantity), "most attempts in flight at one target; further ones go on to the next and wait for nobody"),
    Entry::new("probe", &[Provider, Defaults], "probe free every TIME | paid every TIME | off", Own, "how targets without traffic are asked whether they are back: by a request that costs nothing, or by a completion of one token"),
    Entry::new("warm", &[Provider, Defaults], "warm every TIME | off", Own, "how often idle connections to fallbacks are kept warm"),
    Entry::new("on-disconnect", &[Provider, Defaults], "on-disconnect cancel | drain TIME", Own, "what happens upstream when a client hangs up; `drain` reads on to learn the usage"),
    // quirks
    Entry::new("rename", &[Quirks], "rename \"A\" to \"B\"", Own, "a request field goes by another name").repeats(),
    Entry::new("drop", &[Quirks], "drop \"A\" …", Several(Text), "request fields that are left out").repeats(),
    Entry::new("force", &[Quirks], "force \"A\" VALUE", Own, "a request field always has this value").repeats(),
    Entry::new("header", &[Quirks], "header \"NAME\" \"VALUE\"", Own, "sent with every request").repeats(),
    Entry::new("path", &[Quirks], "path OPERATION \"/path\"", Own, "where an operation is asked").repeats(),
    Entry::new("error", &[Quirks], "error STATUS | \"CODE\" is CLASS", Own, "what an error of its own means").repeats(),
    Entry::new("limits", &[Quirks], "limits requests | tokens [limit \"H\"] [remaining \"H\"] [reset \"H\"]", Own, "its rate-limit headers").repeats(),
    // model
    Entry::new("context", &[Model], "context TOKENS", One(Quantity), "context window"),
    Entry::new("output", &[Model], "output TOKENS", One(Quantity), "most output tokens"),
    Entry::new("price", &[Model], "price input $N/Mtok output $N/Mtok [cached | cache-write | cache-write-1h | reasoning | audio-input | audio-output $N/Mtok]", Own, "price classes"),
    Entry::new("tier", &[Model], "tier economy | standard | frontier", One(Name), "quality class"),
    Entry::new("can", &[Model], "can tools images json-schema streaming reasoning audio", Several(Name), "what it can serve"),
    Entry::new("like", &[Model], "like MODEL", One(Name), "takes over the facts of another model"),
    Entry::new("id", &[Model], "id \"NAME\"", One(Text), "what the provider calls it"),
    // facts
    Entry::new("<fact>", &[Facts], "tag.NAME | header.NAME | end_user any | one of \"VALUE\" …", Own, "a fact and the values it can have; conditions take any other value for none").repeats(),
    // breaker and health
    Entry::new("trip", &[Breaker], "trip when error_rate > SHARE over TIME or failures >= N", Own, "opens it").repeats(),
    Entry::new("min", &[Breaker], "min N requests", Own, "fewest attempts that count; 20 where absent"),
    Entry::new("cool", &[Breaker], "cool TIME [up-to TIME]", Own, "base and ceiling of the back-off; 15s where absent"),
    Entry::new("probe", &[Breaker], "probe N requests", Own, "successes that close it; 2 where absent"),
    Entry::new("slow-start", &[Breaker, Defaults], "slow-start TIME", One(Quantity), "until a target that came back gets its full share"),
    Entry::new("degraded", &[Health], "degraded when p95 > TIME over TIME or error_rate > SHARE over TIME", Own, "serving badly").repeats(),
    Entry::new("down", &[Health], "down when breaker is open", Own, "not serving").repeats(),
    // money and rates
    Entry::new("cap", &[Budget], "cap $N/day [per key | team | end_user | model | tag.NAME]", Own, "the amount and its calendar window: hour, day, week, month"),
    Entry::new("warn", &[Budget], "warn SHARE", One(Quantity), "warns from this share on"),
    Entry::new("mode", &[Budget], "mode hard | soft", One(Name), "`hard` reserves what a request may cost at worst, so that the cap is never passed; `soft` where absent"),
    Entry::new("<number>", &[Limit], "N requests/min | tokens/min | concurrent [per key | team | end_user | model | tag.NAME]", Own, "one rate, or requests in flight").repeats(),
    Entry::new("<text>", &[Set], "\"VALUE\" …", Own, "values").repeats(),
    // defaults
    Entry::new("timeout", &[Defaults], "timeout TIME [connect TIME] [idle TIME] [content-idle TIME] [total TIME]", Own, "deadlines of an attempt").with(&[TARGET]),
    Entry::new("connect", &[Defaults], "connect TIME", Own, "until the connection stands").with(&[TARGET]),
    Entry::new("idle", &[Defaults], "idle TIME", Own, "between two events of a stream").with(&[TARGET]),
    Entry::new("content-idle", &[Defaults], "content-idle TIME", Own, "between two pieces of content").with(&[TARGET]),
    Entry::new("total", &[Defaults], "total TIME", Own, "until the last byte of an attempt").with(&[TARGET]),
    Entry::new("within", &[Defaults], "within TIME", One(Quantity), "until the client is committed, all attempts together"),
    Entry::new("adaptive", &[Defaults], "adaptive on | off", One(Name), "whether measured latencies may shorten `timeout` while a healthy alternative is left"),
    Entry::new("attempts", &[Defaults], "attempts N [per-target N]", Own, "most attempts for one request, and most at one target"),
    Entry::new("retry", &[Defaults], "retry N [on OUTCOME …]", Own, "further attempts at the same target before moving on").with(&[TARGET]),
    Entry::new("retry-budget", &[Defaults], "retry-budget SHARE [floor N]", Own, "share of requests that may be retried, and how many may be at any time"),
    Entry::new("backoff", &[Defaults], "backoff TIME up-to TIME", Own, "base and ceiling of the wait between attempts"),
    Entry::new("hedge-budget", &[Defaults], "hedge-budget SHARE [cost $N]", Own, "share of requests that may be hedged, and the most that one duplicate may cost"),
    Entry::new("queue", &[Defaults], "queue N wait TIME", Own, "requests that may wait for a place in flight at the gateway (`--max-inflight`), and how long; for the `concurrency` of a target nobody waits"),
    Entry::new("spill", &[Defaults], "spill below SHARE | off", Own, "health below which traffic begins to move to the next target"),
    Entry::new("breaker", &[Defaults], "breaker NAME", One(Name), "when targets are not called for a while"),
    Entry::new("early-headers", &[Defaults], "early-headers on | off", One(Name), "whether response headers go out before the first content"),
];
