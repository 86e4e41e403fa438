//! Folders of a gateway, and the gateway on them.

use super::http::{Ask, Open, Reply};
use super::patience::soon;
use super::policy::{bundle, only, provider};
use super::process::{Ended, Process, mux, run};
use hyper::Method;
use mux_mock::{Mock, Options};
use mux_traffic::Record;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use tokio::net::UnixStream;

/// A policy folder and a data folder, gone when dropped.
#[derive(Debug)]
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    /// With one policy file, `main.mux`.
    pub(crate) fn new(policies: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Self { folder };
        std::fs::create_dir(home.policies()).expect("a folder");
        home.save(policies);
        home
    }

    /// With `@chat` for the one model of a provider of that kind.
    pub(crate) fn before(kind: &str, at: SocketAddr) -> Self {
        Self::new(&bundle(&[provider("a", kind, at), only("chat", "a/m")]))
    }

    pub(crate) fn policies(&self) -> PathBuf {
        self.folder.path().join("policies")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Saves `main.mux` in its place, as some editors do.
    pub(crate) fn save(&self, text: &str) {
        std::fs::write(self.policies().join("main.mux"), text).expect("a save");
    }

    /// Writes a new file and moves it over `main.mux`, as other editors do.
    pub(crate) fn save_whole(&self, text: &str) {
        let beside = self.policies().join(".main.mux.new");
        std::fs::write(&beside, text).expect("a save");
        std::fs::rename(beside, self.policies().join("main.mux")).expect("a save");
    }

    /// One or the other.
    pub(crate) fn save_either_way(&self, text: &str, whole: bool) {
        if whole {
            self.save_whole(text);
        } else {
            self.save(text);
        }
    }

    /// A gateway that serves.
    pub(crate) async fn start(&self) -> Gateway {
        self.start_with(&[], &[]).await
    }

    /// The same, with further arguments and environment.
    pub(crate) async fn start_with(
        &self,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Gateway {
        self.started(&self.policies(), arguments, environment).await
    }

    /// A gateway on other policies than those of this home.
    pub(crate) async fn start_on(&self, policies: &str, arguments: &[&str]) -> Gateway {
        self.started(Path::new(policies), arguments, &[]).await
    }

    async fn started(
        &self,
        policies: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Gateway {
        let mut command = self.command(policies);
        command
            .args(arguments)
            .envs(environment.iter().copied())
            .arg("--log-json");
        self.serving(command).await
    }

    /// A gateway that [`Gateway::files_up_to`] can be said of: the signal that comes with such a refusal is ignored.
    pub(crate) async fn start_limitable(&self) -> Gateway {
        let mut whole = self.command(&self.policies());
        whole.arg("--log-json");
        let mut command = Command::new("sh");
        command
            .args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#])
            .arg(whole.get_program())
            .args(whole.get_args());
        for (name, value) in whole.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        self.serving(command).await
    }

    async fn serving(&self, command: Command) -> Gateway {
        let process = Process::start(command);
        let address = process
            .says("where it serves", |said| {
                let lines = said
                    .err
                    .iter()
                    .filter_map(|l| serde_json::from_str::<Value>(l).ok());
                let mut found = lines.filter_map(|line| {
                    line["fields"]["address"]
                        .as_str()
                        .and_then(|a| a.parse().ok())
                });
                found.next()
            })
            .await;
        Gateway {
            process,
            address,
            data: self.data(),
        }
    }

    fn command(&self, policies: &Path) -> Command {
        let mut command = mux(&["serve", "--listen", "127.0.0.1:0"]);
        command
            .arg("--policies")
            .arg(policies)
            .arg("--data")
            .arg(self.data());
        command
    }

    /// A gateway that does not come to serve.
    pub(crate) async fn start_in_vain(&self, arguments: &[&str]) -> Ended {
        self.start_on_in_vain(&self.policies(), arguments, &[])
            .await
    }

    /// The same on other policies, with further environment.
    pub(crate) async fn start_on_in_vain(
        &self,
        policies: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Ended {
        let mut command = self.command(policies);
        command.args(arguments).envs(environment.iter().copied());
        Process::start(command).end().await
    }

    /// Runs a command that looks at the data folder.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        let data = self.data();
        let all: Vec<&str> =
            [arguments, &["--data", data.to_str().expect("a plain path")]].concat();
        run(&all).await
    }

    /// Everything recorded; the gateway must have ended.
    pub(crate) fn records(&self) -> Vec<Record> {
        let records = mux_traffic::read(&self.data().join("recordings")).expect("recordings");
        records.map(|record| record.expect("a record")).collect()
    }

    /// Of every first attempt: input, what of it was cached, and output.
    pub(crate) fn used(&self) -> Vec<(u64, u64, u64)> {
        let first = |record: &Record| record.attempts[0].usage.expect("counts");
        let counts = self.records().iter().map(first).collect::<Vec<_>>();
        let counts = counts.iter();
        counts.map(|u| (u.input, u.cache_read, u.output)).collect()
    }
}

/// A gateway that runs; killed when dropped.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    data: PathBuf,
}

impl Gateway {
    pub(crate) async fn ask(&self, body: &Value) -> Reply {
        Ask::json(body).send(self.address).await
    }

    pub(crate) async fn open(&self, body: &Value) -> Open {
        Ask::json(body).open(self.address).await
    }

    /// What an operator is told.
    pub(crate) async fn admin(&self, path: &str) -> Value {
        admin(&self.data, Method::GET, path, "").await.1
    }

    /// What Prometheus is told.
    pub(crate) async fn metrics(&self) -> String {
        let stream = UnixStream::connect(self.data.join("admin.sock")).await;
        let open = Ask::get("/metrics").over(stream.expect("a socket")).await;
        open.expect("an answer").rest().await.text()
    }

    /// Has the system refuse to let any file grow beyond so many bytes, as a full disk would; `None` is as many as there are.
    pub(crate) fn files_up_to(&self, bytes: Option<u64>) {
        let id = i32::try_from(self.process.id()).expect("a process");
        let all = getrlimit(Resource::Fsize);
        let limit = Rlimit {
            current: bytes.or(all.maximum),
            maximum: all.maximum,
        };
        prlimit(Pid::from_raw(id), Resource::Fsize, limit).expect("it is ours");
    }

    /// The id of the version that is served.
    pub(crate) async fn version(&self) -> String {
        let policy = self.admin("/policy").await;
        policy["live"].as_str().expect("a version").to_owned()
    }

    /// Waits until what operators are told about the policies is as wanted. Every change of it is logged.
    pub(crate) async fn policy_when(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.told_when("/policy", what, wanted).await
    }

    async fn told_when(&self, path: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let mut listening = self.process.listening();
            let told = self.admin(path).await;
            if wanted(&told) {
                return told;
            }
            assert!(
                soon(what, listening.changed()).await.is_ok(),
                "the gateway ended"
            );
        }
    }

    /// Waits until what operators are told about the versions is as wanted. Every change of it is logged.
    pub(crate) async fn versions_when(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.told_when("/versions", what, wanted).await
    }

    /// Waits until something else than `version` is served, and tells what.
    pub(crate) async fn version_after(&self, version: &str) -> String {
        let policy = self
            .policy_when("another version", |p| {
                p["live"] != version && p["ok"] == true
            })
            .await;
        policy["live"].as_str().expect("a version").to_owned()
    }

    /// Ends it as an operator does.
    pub(crate) async fn stop(self) -> Ended {
        self.process.signal(Signal::TERM);
        self.process.end().await
    }

    /// Ends it as a power cut does.
    pub(crate) async fn kill(self) -> Ended {
        self.process.signal(Signal::KILL);
        self.process.end().await
    }
}

/// Asks the gateway of a data folder over its socket.
pub(crate) async fn admin(data: &Path, method: Method, path: &str, body: &str) -> (u16, Value) {
    let stream = UnixStream::connect(data.join("admin.sock"))
        .await
        .expect("an admin socket");
    let ask = Ask::new(method, path, body.to_owned());
    let reply = ask.over(stream).await.expect("an answer").rest().await;
    (reply.status, reply.json())
}

/// A simulated provider that answers at once.
pub(crate) async fn mock(name: &str) -> Mock {
    mock_with(Options {
        name: name.to_owned(),
        ..Options::default()
    })
    .await
}

pub(crate) async fn mock_with(options: Options) -> Mock {
    Mock::start(options).await.expect("a free port")
}

/// A simulated provider with a fault, written as its flag.
pub(crate) async fn failing(fault: &str) -> Mock {
    mock_with(Options {
        fault: mux_mock::Fault::parse(fault).expect("a fault"),
        ..Options::default()
    })
    .await
}
