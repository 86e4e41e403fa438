//! A plugin with an operator's settings: requests to plans, error answers to meanings.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Method};
use mux_wire::dialect::Dialect;
use mux_wire::fault::{UpstreamError, classify};
use mux_wire::frame::Framing;
use serde_json::{Map, Value};

use crate::answer;
use crate::bindings::mux::provider::types as wit;
use crate::body::with_model;
use crate::call::Call;
use crate::fault::{Fault, LoadError};
use crate::guest::Guest;
use crate::header;
use crate::limits::Budget;
use crate::manifest::{AuthScheme, FixedPlan, LimitHeader, Operation, Upstream};
use crate::place;
use crate::plan::{Plan, Reader};
use crate::plugin::Plugin;
use crate::proposal;
use crate::quirks::Quirks;
use crate::reply::Reply;

/// Most of an error body that is read, in bytes.
const ERROR_BODY_LIMIT: usize = 64 << 10;

/// A plugin under one set of settings. Cheap to clone, and any thread may use it: each keeps a warm instance of
/// its own, so that no call waits for another.
#[derive(Clone)]
pub struct Adapter {
    inner: Arc<Inner>,
    /// Where its provider departs from the dialect, and the headers that are added therefore.
    departures: Arc<(Quirks, HeaderMap)>,
}

struct Inner {
    plugin: Arc<Plugin>,
    guest: Arc<Guest>,
    /// Those that the plugin was shown.
    settings: Map<String, Value>,
    /// The manifest's upstreams with their addresses filled in.
    upstreams: Vec<Upstream>,
    /// The headers of fixed plans with settings filled in, by operation.
    headers: Vec<HeaderMap>,
}

/// How a dialect is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// The provider speaks it: nobody looks into the request, and the answer comes back as it is.
    Untouched,
    /// The plugin reads the request.
    Read,
}

impl fmt::Debug for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adapter")
            .field("plugin", &self.inner.plugin)
            .field("upstreams", &self.inner.upstreams)
            .finish_non_exhaustive()
    }
}

impl Plugin {
    /// Binds the plugin to settings, a JSON object, and to the operator's own base address if there is one. The
    /// plugin is asked whether it takes the settings; those its schema marks `secret` are not shown to it.
    ///
    /// # Errors
    /// When it refuses them, or an address cannot be made of them.
    pub fn adapter(
        self: &Arc<Self>,
        settings: &str,
        url: Option<&str>,
    ) -> Result<Adapter, LoadError> {
        let refuse = |reason: String| LoadError::new(self.id(), reason);
        let mut settings: Map<String, Value> = serde_json::from_str(settings)
            .map_err(|error| refuse(format!("its settings are no JSON object: {error}")))?;
        let upstreams = upstreams(&self.manifest().upstreams, &settings, url).map_err(refuse)?;
        hide_secrets(&mut settings, &self.manifest().config_schema);
        let headers = headers(&self.manifest().operations, &settings).map_err(refuse)?;
        let shown = Value::Object(settings.clone()).to_string().into_bytes();
        let guest = Guest::new(self, shown);
        match guest.configured() {
            Ok(Ok(_)) => {}
            Ok(Err(words)) => return Err(refuse(words)),
            Err(fault) => return Err(refuse(format!("`configure` failed: {fault}"))),
        }
        Ok(Adapter {
            inner: Arc::new(Inner {
                plugin: Arc::clone(self),
                guest: Arc::new(guest),
                settings,
                upstreams,
                headers,
            }),
            departures: Arc::default(),
        })
    }
}

fn upstreams(
    declared: &[Upstream],
    settings: &Map<String, Value>,
    url: Option<&str>,
) -> Result<Vec<Upstream>, String> {
    let placed = |upstream: &Upstream| {
        let address = match url {
            Some(url) => url.to_owned(),
            None => place::fill(&upstream.base_url, settings)?,
        };
        Ok(Upstream {
            base_url: place::base(&address)?,
            ..upstream.clone()
        })
    };
    declared.iter().map(placed).collect()
}

/// The headers of fixed plans. A value that is `{config.NAME}` is that setting; without one the header is left out.
fn headers(
    operations: &[Operation],
    settings: &Map<String, Value>,
) -> Result<Vec<HeaderMap>, String> {
    let filled = |(name, value): &(String, String)| {
        let setting = value
            .strip_prefix("{config.")
            .and_then(|v| v.strip_suffix('}'));
        let value = match setting {
            Some(setting) => settings.get(setting)?.as_str()?,
            None => value,
        };
        Some((name.clone(), value.to_owned()))
    };
    let of = |operation: &Operation| {
        let fixed = operation.fixed.iter().flat_map(|fixed| &fixed.headers);
        header::map(&fixed.filter_map(filled).collect::<Vec<_>>())
    };
    operations.iter().map(of).collect()
}

fn hide_secrets(settings: &mut Map<String, Value>, schema: &str) {
    let schema: Value = serde_json::from_str(schema).unwrap_or_default();
    settings.retain(|name, _| {
        let property = schema.get("properties").and_then(|all| all.get(name));
        property.and_then(|property| property.get("secret")) != Some(&Value::Bool(true))
    });
}

impl Adapter {
    /// The plugin behind it.
    #[must_use]
    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.inner.plugin
    }

    /// The same for a provider that departs from the dialect.
    ///
    /// # Errors
    /// When a header or a path of these may not be sent.
    pub fn with(self, quirks: Quirks) -> Result<Self, LoadError> {
        let added = quirks.checked();
        let added = added.map_err(|why| LoadError::new(self.inner.plugin.id(), why))?;
        Ok(Self {
            departures: Arc::new((quirks, added)),
            ..self
        })
    }

    /// How callable it is: for those who look at single calls.
    pub(crate) fn guest(&self) -> &Guest {
        &self.inner.guest
    }

    fn quirks(&self) -> &Quirks {
        &self.departures.0
    }

    /// Headers that tell rate limits.
    #[must_use]
    pub fn limit_headers(&self) -> &[LimitHeader] {
        match self.quirks().limits.as_slice() {
            [] => &self.inner.plugin.manifest().limit_headers,
            own => own,
        }
    }

    /// The authentication schemes to choose from.
    #[must_use]
    pub fn auth(&self) -> &[AuthScheme] {
        &self.inner.plugin.manifest().auth
    }

    /// The addresses its requests may go to.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.inner
            .upstreams
            .iter()
            .map(|upstream| upstream.base_url.as_str())
    }

    /// A scheme with the operator's settings where it names them.
    ///
    /// # Errors
    /// Why one of them is missing or does not fit.
    pub fn filled(&self, scheme: &AuthScheme) -> Result<AuthScheme, String> {
        match scheme {
            AuthScheme::AwsSigV4 { service, region } => Ok(AuthScheme::AwsSigV4 {
                service: service.clone(),
                region: place::fill(region, &self.inner.settings)?,
            }),
            other => Ok(other.clone()),
        }
    }

    /// How it takes a dialect; `None` where it does not.
    #[must_use]
    pub fn manner(&self, dialect: Dialect) -> Option<Manner> {
        let (_, operation) = self.offered(dialect.operation(), dialect.name())?;
        let quirks = self.quirks();
        let silent = quirks.unspoken.contains(&dialect) && quirks.path(dialect.place()).is_none();
        (!silent).then_some(if operation.fixed.is_some() || !operation.wants_body {
            Manner::Untouched
        } else {
            Manner::Read
        })
    }

    /// Makes a checked plan for a request. A fixed operation costs no call into the plugin.
    ///
    /// # Errors
    /// When the plugin refuses the request, fails, or plans what is not sent.
    pub fn plan(&self, call: &Call<'_>) -> Result<Plan, Fault> {
        let (at, operation) = self.operation(call)?;
        let mut plan = match &operation.fixed {
            Some(fixed) => {
                let headers = self.inner.headers.get(at).cloned().unwrap_or_default();
                self.fixed(fixed, headers, call)?
            }
            None => self.planned(operation, call)?,
        };
        let (quirks, added) = &*self.departures;
        for (name, value) in added {
            plan.headers.insert(name, value.clone());
        }
        quirks.apply(&mut plan)?;
        plan.default_content_type();
        Ok(plan)
    }

    /// A reader for the good answer to a plan of this adapter.
    #[must_use]
    pub fn reply(&self, plan: &Plan) -> Reply {
        Reply::new(Arc::clone(&self.inner.guest), plan)
    }

    /// Says what an answer outside 2xx means. Where the plugin is not asked, or fails, the usual reading holds.
    #[must_use]
    pub fn map_error(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> UpstreamError {
        self.quirks()
            .meant(status, self.usual_error(status, headers, body))
    }

    fn usual_error(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> UpstreamError {
        let body = body.get(..ERROR_BODY_LIMIT).unwrap_or(body);
        match self.asked_error(status, headers, body) {
            Ok(Some(error)) => error,
            Ok(None) => classify(status, body),
            Err(fault) => {
                tracing::warn!(plugin = self.inner.plugin.id(), %fault, "`map-error` failed");
                classify(status, body)
            }
        }
    }

    /// What the plugin says an answer outside 2xx means; nothing where it is not asked.
    pub(crate) fn asked_error(
        &self,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Option<UpstreamError>, Fault> {
        let manifest = self.inner.plugin.manifest();
        if manifest
            .operations
            .iter()
            .all(|operation| operation.fixed.is_some())
        {
            return Ok(None);
        }
        let shown = header::shown(headers, &manifest.response_headers).into_iter();
        let head = wit::ResponseHead {
            status,
            headers: shown
                .map(|(name, value)| wit::Header { name, value })
                .collect(),
        };
        let budget = Budget::new(self.inner.guest.limits().map_error, body.len());
        let meaning = self.inner.guest.call(budget, body.len(), |face, store| {
            face.map_error(store, &head, body)
        });
        let meaning = meaning.inspect_err(|fault| {
            self.inner.guest.blame(fault, &[b"map-error", body]);
        });
        meaning.map(|error| Some(answer::upstream_error(error)))
    }

    /// An operation in a dialect, and its place in the manifest.
    fn offered(&self, operation: &str, dialect: &str) -> Option<(usize, &Operation)> {
        let operations = self.inner.plugin.manifest().operations.iter().enumerate();
        let mut named = operations.filter(|(_, offered)| offered.name == operation);
        named.find(|(_, offered)| offered.dialects.iter().any(|taken| taken == dialect))
    }

    fn operation(&self, call: &Call<'_>) -> Result<(usize, &Operation), Fault> {
        self.offered(call.operation, call.dialect)
            .ok_or_else(|| Fault::Unsupported {
                message: format!(
                    "`{}` does not do `{}` in the dialect `{}`",
                    self.inner.plugin.id(),
                    call.operation,
                    call.dialect
                ),
                param: None,
            })
    }

    fn upstream(&self, id: &str) -> Result<&Upstream, Fault> {
        let found = self
            .inner
            .upstreams
            .iter()
            .find(|upstream| upstream.id == id);
        found
            .ok_or_else(|| Fault::Plan(format!("`{}` is none of its upstreams", id.escape_debug())))
    }

    fn fixed(&self, fixed: &FixedPlan, headers: HeaderMap, call: &Call<'_>) -> Result<Plan, Fault> {
        let upstream = self.upstream(&fixed.upstream)?;
        let own = self.quirks().path(call.spoken().place());
        let path = own.unwrap_or(&fixed.path);
        let framing = if call.stream {
            fixed.framing
        } else {
            Framing::Buffered
        };
        Ok(Plan {
            url: format!("{}{path}", upstream.base_url),
            method: Method::POST,
            headers,
            body: with_model(call.body, call.model_span.clone(), call.model)
                .map_err(Fault::Plan)?,
            warnings: Vec::new(),
            operation: call.operation.to_owned(),
            reader: Reader::Verbatim {
                dialect: call.spoken(),
                stream: call.stream,
                framing,
            },
        })
    }

    /// A plan of the plugin's making. What it does wrong goes on its account.
    fn planned(&self, operation: &Operation, call: &Call<'_>) -> Result<Plan, Fault> {
        self.inner.guest.admit()?;
        self.prepared(operation, call).inspect_err(|fault| {
            let input = [call.operation.as_bytes(), call.model.as_bytes(), call.body];
            self.inner.guest.blame(fault, &input);
        })
    }

    fn prepared(&self, operation: &Operation, call: &Call<'_>) -> Result<Plan, Fault> {
        let body: &[u8] = if operation.wants_body { call.body } else { &[] };
        let ctx = call.context();
        let budget = Budget::new(self.inner.guest.limits().prepare, body.len());
        let planned = self.inner.guest.call(budget, body.len(), |face, store| {
            face.prepare(store, &ctx, body)
        })??;
        let upstream = self.upstream(&planned.upstream)?;
        proposal::checked(planned, upstream, call, self.inner.guest.limits())
    }
}
