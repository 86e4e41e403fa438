//! What to send: a plan every part of which was checked.

use std::fmt;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use mux_wire::dialect::Dialect;
use mux_wire::frame::Framing;

use crate::credential;
use crate::fault::Fault;
use crate::manifest::AuthScheme;
use crate::sigv4::{AwsKeys, Scope, sign};

/// A request ready to be sent once its credential is [attached](Self::attach).
#[derive(Clone)]
pub struct Plan {
    /// The whole address. It holds the credential once one was attached as a query parameter.
    pub url: String,
    /// The method.
    pub method: Method,
    /// The headers.
    pub headers: HeaderMap,
    /// The body in slices, to be written one after the other.
    pub body: Vec<Bytes>,
    /// Parameters the plugin dropped or changed.
    pub warnings: Vec<String>,
    pub(crate) operation: String,
    pub(crate) reader: Reader,
}

/// How the answer to a plan is read.
#[derive(Debug, Clone)]
pub(crate) enum Reader {
    /// It is in the client's dialect already.
    Verbatim {
        dialect: Dialect,
        stream: bool,
        framing: Framing,
    },
    /// The plugin decodes it, beginning with this state.
    Frames {
        /// What it decodes into.
        dialect: Dialect,
        stream: bool,
        framing: Framing,
        state: Vec<u8>,
    },
}

impl Plan {
    /// Puts the credential on.
    ///
    /// # Errors
    /// When the scheme is not supported, or the secret does not fit into a header.
    pub fn attach(&mut self, scheme: &AuthScheme, secret: &str) -> Result<(), Fault> {
        credential::attach(scheme, secret, &mut self.url, &mut self.headers)
    }

    /// Signs it as Amazon wants it, with the scheme of a [filled](crate::Adapter::filled) `aws-sigv4`.
    ///
    /// # Errors
    /// When the scheme is another one, or the key does not fit into a header.
    pub fn sign(
        &mut self,
        scheme: &AuthScheme,
        keys: &AwsKeys<'_>,
        now_unix_ms: u64,
    ) -> Result<(), Fault> {
        let AuthScheme::AwsSigV4 { service, region } = scheme else {
            return Err(Fault::Credential(String::from(
                "it is an access key of Amazon's, and the provider takes none",
            )));
        };
        let scope = Scope {
            service,
            region,
            now_unix_ms,
        };
        sign(
            &self.method,
            &self.url,
            &mut self.headers,
            &self.body,
            scope,
            keys,
        )
    }

    /// The length of the body, in bytes.
    #[must_use]
    pub fn body_len(&self) -> usize {
        self.body.iter().map(Bytes::len).sum()
    }

    /// How its answer is cut.
    pub(crate) fn framing(&self) -> Framing {
        match &self.reader {
            Reader::Verbatim { framing, .. } | Reader::Frames { framing, .. } => *framing,
        }
    }

    /// Says that the body is JSON, unless the plugin said what it is.
    pub(crate) fn default_content_type(&mut self) {
        if !self.body.is_empty() {
            self.headers
                .entry(CONTENT_TYPE)
                .or_insert(HeaderValue::from_static("application/json"));
        }
    }
}

impl fmt::Debug for Plan {
    /// Without the query, which may hold a credential, and without the body, which holds a prompt.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("url", &self.url.split('?').next().unwrap_or_default())
            .field("method", &self.method)
            .field("headers", &self.headers)
            .field("body_len", &self.body_len())
            .field("warnings", &self.warnings)
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}
