//! A plugin with an operator's settings: requests to plans, error answers to meanings.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Method};
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
use crate::manifest::{AuthScheme, FixedPlan, Operation, Upstream};
use crate::place;
use crate::plan::{Plan, Reader};
use crate::plugin::Plugin;
use crate::proposal;
use crate::reply::Reply;

/// Most of an error body that is read, in bytes.
const ERROR_BODY_LIMIT: usize = 64 << 10;

/// A plugin under one set of settings. Cheap to clone, and any thread may use it: each keeps a warm instance of
/// its own, so that no call waits for another.
#[derive(Clone)]
pub struct Adapter {
    inner: Arc<Inner>,
}

struct Inner {
    plugin: Arc<Plugin>,
    guest: Arc<Guest>,
    /// The manifest's upstreams with their addresses filled in.
    upstreams: Vec<Upstream>,
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
        let shown = Value::Object(settings).to_string().into_bytes();
        let guest = Guest::new(
            self.id(),
            &self.template,
            shown,
            self.memory(),
            &self.limits,
        );
        match guest.configured() {
            Ok(Ok(_)) => {}
            Ok(Err(words)) => return Err(refuse(words)),
            Err(fault) => return Err(refuse(format!("`configure` failed: {fault}"))),
        }
        Ok(Adapter {
            inner: Arc::new(Inner {
                plugin: Arc::clone(self),
                guest: Arc::new(guest),
                upstreams,
            }),
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

    /// The authentication schemes to choose from.
    #[must_use]
    pub fn auth(&self) -> &[AuthScheme] {
        &self.inner.plugin.manifest().auth
    }

    /// Makes a checked plan for a request. A fixed operation costs no call into the plugin.
    ///
    /// # Errors
    /// When the plugin refuses the request, fails, or plans what is not sent.
    pub fn plan(&self, call: &Call<'_>) -> Result<Plan, Fault> {
        let operation = self.operation(call)?;
        let mut plan = match &operation.fixed {
            Some(fixed) => self.fixed(fixed, call)?,
            None => self.prepared(operation, call)?,
        };
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
        let manifest = self.inner.plugin.manifest();
        let body = body.get(..ERROR_BODY_LIMIT).unwrap_or(body);
        if manifest
            .operations
            .iter()
            .all(|operation| operation.fixed.is_some())
        {
            return classify(status, body);
        }
        let shown = header::shown(headers, &manifest.response_headers).into_iter();
        let head = wit::ResponseHead {
            status,
            headers: shown
                .map(|(name, value)| wit::Header { name, value })
                .collect(),
        };
        let budget = Budget::new(self.inner.guest.limits().map_error, body.len());
        let meaning = self.inner.guest.call(budget, |guest, store| {
            guest.call_map_error(store, &head, body)
        });
        match meaning {
            Ok(error) => answer::upstream_error(error),
            Err(fault) => {
                tracing::warn!(plugin = self.inner.plugin.id(), %fault, "`map-error` failed");
                classify(status, body)
            }
        }
    }

    fn operation(&self, call: &Call<'_>) -> Result<&Operation, Fault> {
        let taken = |operation: &&Operation| {
            operation.name == call.operation
                && operation
                    .dialects
                    .iter()
                    .any(|dialect| dialect == call.dialect)
        };
        let operations = &self.inner.plugin.manifest().operations;
        operations
            .iter()
            .find(taken)
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

    fn fixed(&self, fixed: &FixedPlan, call: &Call<'_>) -> Result<Plan, Fault> {
        let upstream = self.upstream(&fixed.upstream)?;
        let framing = if call.stream {
            fixed.framing
        } else {
            Framing::Buffered
        };
        Ok(Plan {
            url: format!("{}{}", upstream.base_url, fixed.path),
            method: Method::POST,
            headers: header::map(&fixed.headers).map_err(Fault::Plan)?,
            body: with_model(call.body, call.model_span.clone(), call.model)
                .map_err(Fault::Plan)?,
            warnings: Vec::new(),
            operation: call.operation.to_owned(),
            reader: Reader::Verbatim {
                stream: call.stream,
                framing,
            },
        })
    }

    fn prepared(&self, operation: &Operation, call: &Call<'_>) -> Result<Plan, Fault> {
        let body: &[u8] = if operation.wants_body { call.body } else { &[] };
        let ctx = wit::RequestCtx {
            operation: call.operation.to_owned(),
            dialect: call.dialect.to_owned(),
            model: call.model.to_owned(),
            stream: call.stream,
            attempt: call.attempt,
            now_unix_ms: call.now_unix_ms,
            request_id: call.request_id.to_owned(),
            blobs: Vec::new(),
            extra: Vec::new(),
        };
        let budget = Budget::new(self.inner.guest.limits().prepare, body.len());
        let planned = self
            .inner
            .guest
            .call(budget, |guest, store| guest.call_prepare(store, &ctx, body))??;
        let upstream = self.upstream(&planned.upstream)?;
        proposal::checked(planned, upstream, call, self.inner.guest.limits())
    }
}
