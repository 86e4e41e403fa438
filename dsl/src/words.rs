//! The statement table: every word a line can begin with, where it may stand, what follows it, and what it is for.
//!
//! The checker is driven by it; a word that is not here does not exist in the language.

/// The version of the language that this table is of.
pub(crate) const LANGUAGE: u32 = 1;

/// Where a statement can stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    File,
    Provider,
    Settings,
    Model,
    Breaker,
    Health,
    Budget,
    Limit,
    Set,
    Plan,
    Fallback,
    Policy,
    When,
    Test,
    Replay,
}

/// One word.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) word: &'static str,
    /// Where it may stand.
    pub(crate) within: &'static [Place],
    /// The whole line, for help texts.
    pub(crate) form: &'static str,
    pub(crate) args: Args,
    /// May stand more than once in one block.
    pub(crate) repeats: bool,
    pub(crate) block: Body,
    pub(crate) standing: Standing,
    /// One line of documentation.
    pub(crate) doc: &'static str,
}

/// What follows the word on its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Args {
    /// Nothing.
    Nothing,
    /// One word of a kind.
    One(Slot),
    /// One or more words of a kind.
    Some(Slot),
    /// A grammar of its own, read by the checker of the block.
    Own,
}

/// What a word must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Name,
    Alias,
    Text,
    Quantity,
}

/// What the block behind the line holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    None,
    Must(Place),
    May(Place),
}

/// What this version does with a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Checked and carried out.
    Runs,
    /// Known, and refused: leaving it out would change what happens to requests.
    Refused,
    /// Known, and skipped with a warning: leaving it out changes no request.
    Skipped,
}

impl Place {
    /// What it is called in messages.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::File => "a file",
            Self::Provider => "`provider`",
            Self::Settings => "`settings`",
            Self::Model => "`model`",
            Self::Breaker => "`breaker`",
            Self::Health => "`health`",
            Self::Budget => "`budget`",
            Self::Limit => "`limit`",
            Self::Set => "`set`",
            Self::Plan => "`plan`",
            Self::Fallback => "`fallback`",
            Self::Policy => "`policy`",
            Self::When => "a `when` block",
            Self::Test => "`test`",
            Self::Replay => "`replay`",
        }
    }
}

/// Every entry, in the order of the table.
pub(crate) fn all() -> impl Iterator<Item = &'static Entry> {
    TABLE.iter()
}

/// The entry of a word at a place.
pub(crate) fn find(word: &str, place: Place) -> Option<&'static Entry> {
    named(word).find(|e| e.within.contains(&place))
}

/// Every entry of a word.
pub(crate) fn named(word: &str) -> impl Iterator<Item = &'static Entry> {
    TABLE.iter().filter(move |e| e.word == word)
}

/// The words a place offers.
pub(crate) fn offered(place: Place) -> impl Iterator<Item = &'static str> {
    TABLE
        .iter()
        .filter(move |e| e.within.contains(&place) && !e.word.starts_with('<'))
        .map(|e| e.word)
}

const fn entry(
    word: &'static str,
    within: &'static [Place],
    form: &'static str,
    args: Args,
    doc: &'static str,
) -> Entry {
    Entry {
        word,
        within,
        form,
        args,
        repeats: false,
        block: Body::None,
        standing: Standing::Runs,
        doc,
    }
}

impl Entry {
    const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    const fn holds(mut self, block: Body) -> Self {
        self.block = block;
        self
    }

    const fn refused(mut self) -> Self {
        self.standing = Standing::Refused;
        self.repeats = true;
        self
    }

    const fn skipped(mut self) -> Self {
        self.standing = Standing::Skipped;
        self.repeats = true;
        self
    }
}

use Args::{Nothing, One, Own, Some as Several};
use Body::{May, Must};
use Place::{
    Breaker, Budget, Fallback, Health, Limit, Model, Plan, Policy, Provider, Replay, Set, Settings,
    Test, When,
};
use Slot::{Alias, Name, Quantity, Text};

const FILE: &[Place] = &[Place::File];
const ARMS: &[Place] = &[Plan, Fallback];
const RULES: &[Place] = &[Policy, When];

/// Words in angle brackets stand for lines that begin with no keyword.
static TABLE: [Entry; 67] = [
    entry("mux", FILE, "mux 1", One(Quantity), "version of the language the file is written in"),
    entry("include", FILE, "include \"FILE\"", One(Text), "loads another file, once, by its path from this one").repeats(),
    entry("provider", FILE, "provider NAME { … }", One(Name), "one account at one provider").repeats().holds(Must(Provider)),
    entry("set", FILE, "set NAME { \"…\" } or set NAME from \"FILE\"", Own, "a named list of values").repeats().holds(May(Set)),
    entry("define", FILE, "define NAME when CONDITION", Own, "a named condition").repeats(),
    entry("breaker", FILE, "breaker NAME { … }", One(Name), "when a target is not called for a while").repeats().holds(Must(Breaker)),
    entry("health", FILE, "health { … }", Nothing, "what `health of` means").holds(Must(Health)),
    entry("budget", FILE, "budget NAME { … }", One(Name), "money that may be spent").repeats().holds(Must(Budget)),
    entry("limit", FILE, "limit NAME { … }", One(Name), "rates that requests may not exceed").repeats().holds(Must(Limit)),
    entry("allow", FILE, "allow direct", One(Name), "clients may name a deployment and bypass policies"),
    entry("plan", FILE, "plan NAME { … }", One(Name), "how requests are carried out").repeats().holds(Must(Plan)),
    entry("policy", FILE, "policy @NAME { … }", One(Alias), "which plan a request gets").repeats().holds(Must(Policy)),
    entry("test", FILE, "test \"NAME\" [for @POLICY] { … }", Own, "a request and what must become of it").repeats().holds(Must(Test)),
    entry("facts", FILE, "facts { … }", Own, "which values a tag can have").refused(),
    entry("guarantee", FILE, "guarantee \"NAME\" { … }", Own, "what must hold for every request").skipped(),
    entry("replay", FILE, "replay \"FILE\" against \"VERSION\" { … }", Own, "what recorded traffic may do under this policy").repeats().holds(Must(Replay)),
    // provider
    entry("kind", &[Provider], "kind NAME", One(Name), "the adapter that speaks its dialect"),
    entry("url", &[Provider], "url \"https://…\"", One(Text), "base address, where it is not the adapter's own"),
    entry("private", &[Provider], "private", Nothing, "private addresses and plain http are meant"),
    entry("key", &[Provider], "key env NAME | file \"/path\" | secret \"scheme:ref\" | role \"arn\"", Own, "where its credential is found"),
    entry("regions", &[Provider], "regions NAME …", Several(Name), "where requests may be served"),
    entry("settings", &[Provider], "settings { NAME VALUE }", Nothing, "configuration of the adapter").holds(Must(Settings)),
    entry("model", &[Provider], "model NAME { … }", One(Name), "one model at this provider").repeats().holds(May(Model)),
    entry("<setting>", &[Settings], "NAME VALUE", Own, "one setting").repeats().holds(May(Settings)),
    // model
    entry("context", &[Model], "context TOKENS", One(Quantity), "context window"),
    entry("output", &[Model], "output TOKENS", One(Quantity), "most output tokens"),
    entry("price", &[Model], "price input $N/Mtok output $N/Mtok [cached $N/Mtok] [cache-write $N/Mtok]", Own, "price classes"),
    entry("tier", &[Model], "tier economy | standard | frontier", One(Name), "quality class"),
    entry("can", &[Model], "can tools images json-schema streaming reasoning audio", Several(Name), "what it can serve"),
    entry("like", &[Model], "like MODEL", One(Name), "takes over the facts of another model"),
    entry("id", &[Model], "id \"NAME\"", One(Text), "what the provider calls it"),
    // breaker and health
    entry("trip", &[Breaker], "trip when error_rate > SHARE over TIME", Own, "opens it"),
    entry("min", &[Breaker], "min N requests", Own, "fewest attempts that count"),
    entry("cool", &[Breaker], "cool TIME", One(Quantity), "base of the back-off"),
    entry("probe", &[Breaker], "probe N requests", Own, "successes that close it"),
    entry("degraded", &[Health], "degraded when p95 > TIME over TIME or error_rate > SHARE over TIME", Own, "serving badly").repeats(),
    entry("down", &[Health], "down when breaker is open", Own, "not serving").repeats(),
    // money and rates
    entry("cap", &[Budget], "cap $N/day [per key | end_user | model | tag.NAME]", Own, "the amount and its window"),
    entry("warn", &[Budget], "warn SHARE", One(Quantity), "warns from this share on"),
    entry("<number>", &[Limit], "N requests/min [per key | end_user | model | tag.NAME]", Own, "one rate").repeats(),
    entry("<text>", &[Set], "\"VALUE\" …", Own, "values").repeats(),
    // plans
    entry("fallback", ARMS, "fallback [within TIME] [on OUTCOME …] { … }", Own, "in order until one serves").repeats().holds(Must(Fallback)),
    entry("<target>", ARMS, "PROVIDER/MODEL [timeout TIME] [connect TIME] [idle TIME] [total TIME] [retry N [on OUTCOME …]]", Own, "one deployment").repeats(),
    entry("plan", ARMS, "plan NAME", Own, "a named plan").repeats(),
    entry("try", &[Fallback], "try PROVIDER/MODEL [timeout TIME] [retry N [on OUTCOME …]] or try plan NAME", Own, "the next candidate").repeats().holds(May(Fallback)),
    entry("breaker", &[Fallback], "breaker NAME", One(Name), "replaces the default trip rule"),
    entry("cheapest", ARMS, "cheapest [where …] { … }", Own, "lowest expected cost").refused(),
    entry("fastest", ARMS, "fastest by p95 over TIME { … }", Own, "lowest live latency").refused(),
    entry("balance", ARMS, "balance { … }", Own, "weighted").refused(),
    entry("split", ARMS, "split by end_user { … }", Own, "sticky shares").refused(),
    entry("canary", ARMS, "canary by end_user { … }", Own, "a base and a small share").refused(),
    entry("cascade", ARMS, "cascade within TIME { … }", Own, "cheap first, accept or climb").refused(),
    entry("ensemble", ARMS, "ensemble within TIME buffer { … }", Own, "asks all and combines").refused(),
    entry("hedge", ARMS, "hedge after TIME extra N { … }", Own, "a second request after a delay").refused(),
    // policies
    entry("limit", &[Policy], "limit NAME …", Several(Name), "limits its requests obey").repeats(),
    entry("charge", &[Policy], "charge BUDGET …", Several(Name), "budgets its requests are charged to").repeats(),
    entry("rule", RULES, "rule NAME when CONDITION use …", Own, "a rule with a name").repeats().holds(May(When)),
    entry("when", RULES, "when CONDITION use … | deny STATUS \"…\" | go @POLICY", Own, "a rule").repeats().holds(May(When)),
    entry("else", RULES, "else use … | deny STATUS \"…\" | go @POLICY", Own, "what happens to all other requests").holds(May(When)),
    entry("use", &[When], "use plan NAME | PROVIDER/MODEL | fallback { … }", Own, "carries it out").holds(May(Fallback)),
    entry("deny", &[When], "deny STATUS \"MESSAGE\"", Own, "refuses it"),
    entry("go", &[When], "go @POLICY", Own, "asks another policy"),
    entry("shadow", &[When], "shadow SHARE PROVIDER/MODEL", Own, "a copy whose answer is dropped").refused(),
    // tests
    entry("given", &[Test], "given FACT VALUE", Own, "a fact of the request or a live figure").repeats(),
    entry("upstream", &[Test], "upstream PROVIDER/MODEL replies STATUS after TIME | hangs | refuses | streams N tokens/s", Own, "what a provider does").repeats(),
    entry("expect", &[Test, Replay], "expect OUTCOME is VALUE", Own, "what must become of it").repeats(),
    entry("<row>", &[Test], "| FACT | FACT | expect |", Own, "a table: facts, then one case a row").repeats(),
];
