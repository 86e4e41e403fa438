//! `mux plugin record`: writes exchanges with a provider down, without what nobody else may see.

mod redaction;

use super::door::Door;
use super::recorded;
use crate::ending::{Exit, Outcome, Trouble};
use crate::out::Out;
use crate::runtime::{self, Stop};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HOST, TRANSFER_ENCODING,
};
use hyper::http::uri::Scheme;
use hyper::{HeaderMap, Request, Response, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use redaction::Redaction;
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Record exchanges with a provider, without keys
#[derive(Debug, Args)]
pub(crate) struct Record {
    /// The provider's address: what is sent to `--listen` goes there
    #[arg(long, value_name = "URL", conflicts_with = "exchange")]
    to: Option<Uri>,
    /// The address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:4300")]
    listen: SocketAddr,
    /// Exchanges that are recorded already, to be redacted
    #[arg(long, value_name = "FILE.json", num_args = 1.., required_unless_present = "to")]
    exchange: Vec<PathBuf>,
    /// The folder to write to
    #[arg(long, default_value = "fixtures", value_name = "DIR")]
    out: PathBuf,
    /// Leave out what was said, too: texts are blanked, and words of the protocol stay
    #[arg(long)]
    hide_text: bool,
    /// A field whose texts and numbers stay although what was said is left out
    #[arg(long, value_name = "FIELD", requires = "hide_text")]
    keep: Vec<String>,
}

impl Record {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let redaction = Redaction {
            text: self.hide_text,
            keep: self.keep,
        };
        std::fs::create_dir_all(&self.out)
            .map_err(|error| Trouble::usage(format!("`{}`: {error}", self.out.display())))?;
        if let Some(to) = self.to {
            return runtime::start()?.block_on(stand_between(
                to,
                self.listen,
                self.out,
                redaction,
                out,
            ));
        }
        for file in &self.exchange {
            let json = recorded::json(file)?;
            recorded::exchange(file, &json)?;
            let wrong = |why: String| Trouble::usage(format!("`{}`: {why}", file.display()));
            let clean = redaction.of(json).map_err(wrong)?;
            let place = self.out.join(file.file_name().unwrap_or_default());
            let same = file.canonicalize().ok();
            if same.is_some() && same == place.canonicalize().ok() {
                return Err(wrong(
                    "it would be overwritten; name another folder with `--out`".to_owned(),
                ));
            }
            save(&place, &clean).map_err(Trouble::usage)?;
            out.line(&format!("wrote {}", place.display()));
        }
        Ok(Exit::Good)
    }
}

type Forward = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// What stands between a client and a provider.
struct Recorder {
    provider: Uri,
    client: Forward,
    folder: PathBuf,
    redaction: Redaction,
    next: AtomicUsize,
}

async fn stand_between(
    provider: Uri,
    listen: SocketAddr,
    folder: PathBuf,
    redaction: Redaction,
    out: &mut Out,
) -> Outcome {
    if provider.host().is_none() || ![Some("http"), Some("https")].contains(&provider.scheme_str())
    {
        return Err(Trouble::usage(format!(
            "`{provider}` is no address; write it as `https://api.provider.example/v1`"
        )));
    }
    let connector = HttpsConnectorBuilder::new()
        .with_webpki_roots()
        .https_or_http()
        .enable_http1()
        .build();
    let recorder = Arc::new(Recorder {
        client: Client::builder(TokioExecutor::new()).build(connector),
        provider,
        folder,
        redaction,
        next: AtomicUsize::new(1),
    });
    let mut stop = Stop::listen()?;
    let door = Door::open(listen).await?;
    let (address, provider) = (door.address()?, &recorder.provider);
    out.line(&format!(
        "what is sent to http://{address} goes to {provider}, and is written to `{}`",
        recorder.folder.display()
    ));
    let answer = {
        let recorder = Arc::clone(&recorder);
        move |request| {
            let recorder = Arc::clone(&recorder);
            async move { recorder.carry(request).await }
        }
    };
    tokio::select! {
        never = door.serve(answer) => match never {},
        () = stop.asked() => {}
    }
    Ok(Exit::Good)
}

impl Recorder {
    /// Asks the provider, writes both down, and hands the answer on.
    async fn carry(&self, request: Request<Bytes>) -> Response<Bytes> {
        let answered = match self.ask(&request).await {
            Ok(answered) => answered,
            Err(why) => return refusal(&format!("the provider cannot be asked: {why}")),
        };
        if let Err(why) = self.write(&request, &answered) {
            return refusal(&format!(
                "the answer came and cannot be written down: {why}"
            ));
        }
        answered
    }

    async fn ask(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, String> {
        let mut parts = self.provider.clone().into_parts();
        let below = request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str());
        let path = format!("{}{below}", self.provider.path().trim_end_matches('/'));
        parts.path_and_query = Some(path.parse().map_err(|_| format!("`{path}` is no path"))?);
        parts.scheme.get_or_insert(Scheme::HTTPS);
        let uri = Uri::from_parts(parts).map_err(|error| error.to_string())?;
        let mut sent = Request::new(Full::new(request.body().clone()));
        *sent.method_mut() = request.method().clone();
        *sent.uri_mut() = uri;
        *sent.headers_mut() = carried(request.headers());
        // What is written down is to be read by people.
        sent.headers_mut().remove(ACCEPT_ENCODING);
        let answer = self
            .client
            .request(sent)
            .await
            .map_err(|error| error.to_string())?;
        let (head, body) = answer.into_parts();
        let body = body
            .collect()
            .await
            .map_err(|error| error.to_string())?
            .to_bytes();
        let mut answer = Response::new(body);
        *answer.status_mut() = head.status;
        *answer.headers_mut() = carried(&head.headers);
        Ok(answer)
    }

    fn write(&self, request: &Request<Bytes>, answer: &Response<Bytes>) -> Result<(), String> {
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str());
        let mut asked = json!({
            "method": request.method().as_str(),
            "path": path,
            "headers": headers(request.headers()),
        });
        put(&mut asked, request.body(), true);
        let mut answered = json!({
            "status": answer.status().as_u16(),
            "headers": headers(answer.headers()),
        });
        let streams = answer
            .headers()
            .get("content-type")
            .and_then(|kind| kind.to_str().ok());
        let whole = streams.is_some_and(|kind| kind.starts_with("application/json"));
        put(&mut answered, answer.body(), whole);
        let exchange = json!({ "request": asked, "response": answered });
        let clean = self.redaction.of(exchange)?;
        let file = self.free(answer.status());
        save(&file, &clean)?;
        tracing::info!(file = %file.display(), "written");
        Ok(())
    }

    /// A file that is not there yet.
    fn free(&self, status: StatusCode) -> PathBuf {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let file = self
                .folder
                .join(format!("recorded-{number:03}-{}.json", status.as_u16()));
            if !file.exists() {
                return file;
            }
        }
    }
}

fn refusal(why: &str) -> Response<Bytes> {
    let body = json!({"error": {"message": why}});
    let mut refusal = Response::new(Bytes::from(body.to_string()));
    *refusal.status_mut() = StatusCode::BAD_GATEWAY;
    refusal
}

/// Headers as they are handed on: without those of one connection, and without lengths that are made anew.
fn carried(headers: &HeaderMap) -> HeaderMap {
    let mut carried = headers.clone();
    for name in [HOST, CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH] {
        carried.remove(name);
    }
    carried
}

fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let kept = headers.iter().filter(|(name, _)| *name != CONTENT_ENCODING);
    let text =
        |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    kept.map(|(name, value)| (name.as_str().to_owned(), Value::from(text(value))))
        .collect()
}

/// A body as JSON where it is some, as text, or else in base64.
fn put(side: &mut Value, body: &Bytes, json: bool) {
    let parsed = json.then(|| serde_json::from_slice(body).ok()).flatten();
    let (name, value) = match (parsed, std::str::from_utf8(body)) {
        (Some(parsed), _) => ("body", parsed),
        (None, Ok(text)) => ("body_text", Value::from(text)),
        (None, Err(_)) => ("body_base64", Value::from(STANDARD.encode(body))),
    };
    if let Some(side) = side.as_object_mut() {
        side.insert(name.to_owned(), value);
    }
}

fn save(file: &Path, exchange: &Value) -> Result<(), String> {
    let text = serde_json::to_string_pretty(exchange).map_err(|error| error.to_string())?;
    std::fs::write(file, text + "\n").map_err(|error| format!("`{}`: {error}", file.display()))
}
