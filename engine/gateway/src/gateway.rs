//! The gateway as a whole: started from options, stopped with grace.

use crate::admin::{self, Admin};
use crate::arrival::Ids;
use crate::branch::{Branch, Follower};
use crate::canary::SharedBoard;
use crate::clock::Clock;
use crate::command::{Command, Reloader};
use crate::credential::Vault;
use crate::drive::Means;
use crate::exchange::{COPIES, Exchange};
use crate::gauge::{self, Gauge};
use crate::late::Late;
use crate::live::{Live, Serving};
use crate::network::Network;
use crate::places::Places;
use crate::plugins::Plugins;
use crate::policies::Policies;
use crate::prices::Prices;
use crate::recorder::{Listener, Recorded, Recorder, Recording};
use crate::rejected::Nothing;
use crate::reload::{self, Examine, Keeper};
use crate::source::Given;
use crate::status::SharedStatus;
use crate::tending::{TURN, Tending};
use crate::upkeep;
use crate::upstream::Upstream;
use crate::watch::Watch;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use mux_plugins::{Cache, Host, Limits, Trust};
use mux_routing::router::{Memory, Router};
use mux_store::{Store, VersionHead, advice};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

/// How long a client may take to send its headers, and how long an idle connection is kept: hyper has one timer for both.
const HEADER_TIME: Duration = Duration::from_mins(1);
/// How long a client may refuse to read before it is taken for gone.
const STALL_TIME: Duration = Duration::from_mins(1);

/// How a gateway is started.
#[derive(Clone)]
pub struct Options {
    /// Policies: a folder or a file, or a branch as [`Branch::parse`] has it.
    pub policies: PathBuf,
    /// What is served in the place of those, whatever becomes of them.
    pub given: Option<Given>,
    /// How often a branch is asked for; one of a repository on this machine also whenever it changes.
    pub poll: Duration,
    /// Everything it keeps.
    pub data: PathBuf,
    /// Adapters dropped in; `<data>/plugins` where absent.
    pub plugins: Option<PathBuf>,
    /// Which of them may be loaded.
    pub trust: Trust,
    /// The data port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Most bytes of a request body.
    pub max_body: usize,
    /// Most requests in flight.
    pub max_inflight: usize,
    /// Most bytes of memory, by which it is judged how hard pressed the machine is; what the control group allows where
    /// absent.
    pub memory_limit: Option<u64>,
    /// Whether that is judged at all: where the clock stands still nothing is late, and looking would be all that happens.
    pub gauged: bool,
    /// How long requests in flight may take after a stop was asked for.
    pub grace: Duration,
    /// Where `secret` credentials come from.
    pub vault: Vault,
    /// Other addresses for providers, by name.
    pub addresses: Vec<(String, String)>,
    /// What is recorded, and how much of it is kept.
    pub recorded: Recorded,
    /// Gets every record.
    pub listener: Option<Listener>,
    /// A further check of every bundle.
    pub examine: Option<Examine>,
    /// Serve a bundle although a guarantee of it does not hold; the version says so.
    pub force: bool,
    /// Its only client is in this process, and counts every cent: it may name any deployment, and providers are asked nothing
    /// else.
    pub private: bool,
    /// What connections to providers are made of.
    pub network: Network,
    /// What ids and seeds of requests are drawn from; a random number where absent.
    pub seed: Option<u64>,
}

impl Options {
    /// The defaults for a policy folder and a data folder.
    #[must_use]
    pub fn new(policies: &Path, data: &Path, listen: SocketAddr) -> Self {
        Self {
            policies: policies.to_path_buf(),
            given: None,
            poll: Duration::from_secs(30),
            data: data.to_path_buf(),
            plugins: None,
            trust: Trust::Folder,
            listen,
            max_body: 32 << 20,
            max_inflight: 2_000,
            memory_limit: None,
            gauged: true,
            grace: Duration::from_secs(30),
            vault: Vault::default(),
            addresses: Vec::new(),
            recorded: Recorded::default(),
            listener: None,
            examine: None,
            force: false,
            private: false,
            network: Network::default(),
            seed: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("policies", &self.policies)
            .field("data", &self.data)
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

/// Why a gateway did not start.
#[derive(Debug)]
pub enum StartError {
    /// The policies are at fault; the text is the whole report.
    Policies(String),
    /// The machine, a folder or a port is at fault.
    Environment(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policies(text) | Self::Environment(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for StartError {}

/// A gateway that runs.
#[derive(Debug)]
pub struct Gateway {
    /// Where clients connect.
    pub address: SocketAddr,
    /// Where operators connect.
    pub socket: PathBuf,
    /// What is served, for those in the same process.
    pub status: SharedStatus,
    live: Arc<Live>,
    reloader: Reloader,
    keeper: JoinHandle<()>,
    recording: Recording,
    joining: UnboundedSender<DuplexStream>,
    stop: watch::Sender<bool>,
    accepting: tokio::task::JoinHandle<()>,
    administering: tokio::task::JoinHandle<()>,
    keeping: tokio::task::JoinHandle<()>,
    gauging: Option<tokio::task::JoinHandle<()>>,
    /// Follows a branch until it is dropped.
    following: Option<Follower>,
}

fn environment(what: &str, error: &dyn fmt::Display) -> StartError {
    StartError::Environment(format!("{what}: {error}"))
}

impl Gateway {
    /// Starts a gateway. It serves when this returns.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let policies = policies(&options)?;
        let plugin_folder = options
            .plugins
            .clone()
            .unwrap_or_else(|| options.data.join("plugins"));
        [&options.data, &plugin_folder]
            .into_iter()
            .try_for_each(|folder| make(folder))?;
        // The port first: it is the commonest mistake, and the quickest to tell.
        let listener = TcpListener::bind(options.listen)
            .await
            .map_err(|e| port_error(options.listen, &e))?;
        let address = listener
            .local_addr()
            .map_err(|e| environment("cannot tell the port", &e))?;
        let status = SharedStatus::default();
        let grace = options.grace;
        // Before anything is touched in the folder: it may be another gateway's.
        let folder = options.data.join("store");
        let store = off_the_runtime(move || open(&folder)).await?;
        let what = options.recorded.clone();
        let board = SharedBoard::default();
        let told = options.listener.clone();
        let (recorder, recording) = Recorder::start(&options.data, what, told, Arc::clone(&board))
            .map_err(|e| environment("cannot record", &advice(&options.data, &e)))?;
        let socket = options.data.join("admin.sock");
        let max_body = options.max_body;
        let places = Places::new(options.max_inflight);
        let (memory_limit, gauged) = (options.memory_limit, options.gauged);
        let private = options.private;
        let upstream = Upstream::new(&options.network);
        let ids = options.seed.map_or_else(Ids::default, Ids::new);
        let (branch, poll) = (policies.branch().cloned(), options.poll);
        let desk = (Arc::clone(&status), Arc::clone(&board));
        let ready = move || ready(options, policies, store, &plugin_folder, desk);
        let (mut keeper, serving) = off_the_runtime(ready).await?;
        serving.bundles().for_each(reload::warn);
        let live = Arc::new(Live::new(serving));
        let (commands, asked) = channel();
        let reloader = Reloader::new(commands);
        listen(&mut keeper, &reloader);
        let following = followed(branch, poll, &reloader)?;
        // Anything saved between boot and watching is caught by one more look.
        reloader.ask(Command::Changed);
        let serving = Arc::clone(&live);
        let keeper = std::thread::Builder::new()
            .name("mux-reload".to_owned())
            .spawn(move || keeper.run(&asked, &serving))
            .map_err(|e| environment("cannot start a thread", &e))?;
        let clock = Clock::default();
        let means = Means {
            upstream,
            recorder: recorder.clone(),
            clock,
        };
        let gauge = Arc::new(Gauge::new(Arc::clone(&places), memory_limit));
        let gauging = gauged.then(|| gauge::start(&gauge, &live));
        let quiet = (Arc::clone(&gauge), private);
        let upkeep = upkeep::run(Arc::clone(&live), means.clone(), quiet);
        let keeping = tokio::spawn(upkeep);
        let exchange = Exchange {
            live: Arc::clone(&live),
            means,
            ids,
            max_body,
            places,
            gauge: Arc::clone(&gauge),
            copies: Places::new(COPIES),
        };
        let (stop, stopped) = watch::channel(false);
        let administrators = admin::api(Admin {
            live: Arc::clone(&live),
            reloader: reloader.clone(),
            status: Arc::clone(&status),
            recorder,
            clock,
            gauge,
            board,
        });
        let administering = administer(&socket, administrators)?;
        let (joining, joined) = unbounded_channel();
        let exchange = Arc::new(exchange);
        let accepting = tokio::spawn(accept(listener, joined, exchange, stopped, grace));
        tracing::info!(%address, version = status.lock().map(|s| s.live.clone()).unwrap_or_default(), "serving");
        tracing::info!("budgets and limits are kept in memory: a restart forgets what was spent");
        Ok(Self {
            address,
            socket,
            status,
            live,
            reloader,
            keeper,
            recording,
            joining,
            stop,
            accepting,
            administering,
            keeping,
            gauging,
            following,
        })
    }

    /// Serves a connection in memory, as if it had come by the port.
    pub fn join(&self, stream: DuplexStream) {
        // A gateway that has stopped serves nobody: the stream is dropped, which its other end sees.
        let _ = self.joining.send(stream);
    }

    /// What decides about a request that begins now, but for those of a canary: its policies, and the prices they cost by.
    #[must_use]
    pub fn router(&self) -> Arc<Router> {
        Arc::clone(&self.live.bundle().router)
    }

    /// A handle on the reload thread.
    #[must_use]
    pub fn reloader(&self) -> &Reloader {
        &self.reloader
    }

    /// Stops: no new connections, requests in flight get their grace, then everything is written out.
    pub async fn stop(self) {
        // Nobody listening means that it has stopped already.
        let _ = self.stop.send(true);
        let _ = self.accepting.await;
        self.administering.abort();
        self.keeping.abort();
        if let Some(gauging) = self.gauging {
            gauging.abort();
        }
        drop(self.following);
        self.reloader.ask(Command::Stop);
        let (keeper, recording, socket) = (self.keeper, self.recording, self.socket);
        let _ = tokio::task::spawn_blocking(move || {
            let _ = keeper.join();
            recording.stop();
            let _ = std::fs::remove_file(socket);
        })
        .await;
    }
}

impl From<Nothing> for StartError {
    fn from(nothing: Nothing) -> Self {
        match nothing {
            Nothing::Policies(why) => Self::Policies(why),
            Nothing::Disk(why) => Self::Environment(why),
        }
    }
}

/// Where policies are read, or what was read before.
fn policies(options: &Options) -> Result<Policies, StartError> {
    match &options.given {
        Some(given) => Ok(Policies::Given(Arc::new(given.clone()))),
        None => Policies::new(&options.policies, &options.data).map_err(StartError::Environment),
    }
}

fn make(folder: &Path) -> Result<(), StartError> {
    let made = std::fs::create_dir_all(folder);
    made.map_err(|e| environment("cannot make a folder", &advice(folder, &e)))
}

/// Does a step of a start that waits for the disk or for others.
async fn off_the_runtime<T: Send + 'static>(
    step: impl FnOnce() -> Result<T, StartError> + Send + 'static,
) -> Result<T, StartError> {
    let done = tokio::task::spawn_blocking(step).await;
    done.map_err(|e| environment("start-up was cut short", &e))?
}

/// What the reload thread works with, and what is served first.
fn ready(
    options: Options,
    policies: Policies,
    store: Store,
    plugin_folder: &Path,
    (status, board): (SharedStatus, SharedBoard),
) -> Result<(Keeper, Serving), StartError> {
    fetched(&policies)?;
    let mut keeper = keeper(options, policies, store, plugin_folder)?;
    keeper.status = status;
    keeper.board = board;
    let serving = keeper.boot()?;
    Ok((keeper, serving))
}

/// Follows a branch, where there is one, and has the reload thread told of its changes.
fn followed(
    branch: Option<Arc<Branch>>,
    poll: Duration,
    reloader: &Reloader,
) -> Result<Option<Follower>, StartError> {
    let following = branch.map(|branch| {
        let changed = reloader.clone();
        Follower::start(branch, poll, move || changed.ask(Command::Changed))
    });
    let following = following.transpose();
    following.map_err(|e| environment("cannot start a thread", &e))
}

/// What a branch has now; where it cannot be asked for, what it had when it was.
fn fetched(policies: &Policies) -> Result<(), StartError> {
    let Some(branch) = policies.branch() else {
        return Ok(());
    };
    match (branch.fetch(), branch.now()) {
        (Ok(_), _) => Ok(()),
        (Err(why), Ok(then)) => {
            let commit = &then.commit().id;
            tracing::error!(commit, "{why}; starting with what was fetched before");
            Ok(())
        }
        (Err(why), Err(_)) => Err(StartError::Environment(why)),
    }
}

/// Keeps files as a draft in a data folder that no gateway runs on; `policies` is where they come from.
///
/// # Errors
/// As for a start; they do not pass, or cannot be kept.
pub fn draft(
    options: Options,
    files: &[(String, Vec<u8>)],
    author: &str,
    reason: &str,
) -> Result<VersionHead, StartError> {
    let policies = policies(&options)?;
    let plugins = options.data.join("plugins");
    let plugins = options.plugins.clone().unwrap_or(plugins);
    let store = open(&options.data.join("store"))?;
    let keeper = keeper(options, policies, store, &plugins)?;
    let kept = keeper.draft_alone(files, author, reason);
    kept.map_err(|refused| {
        if refused.by_disk {
            StartError::Environment(refused.why)
        } else {
            StartError::Policies(refused.why)
        }
    })
}

fn open(folder: &Path) -> Result<Store, StartError> {
    let store = Store::open(folder).map_err(|e| environment("cannot open the store", &e))?;
    for notice in store.notices() {
        tracing::warn!("store: {notice}");
    }
    Ok(store)
}

fn keeper(
    options: Options,
    policies: Policies,
    store: Store,
    plugin_folder: &Path,
) -> Result<Keeper, StartError> {
    let host = match Cache::open(&options.data.join("compiled")) {
        Ok(cache) => Host::with_cache(Limits::default(), cache),
        Err(why) => {
            tracing::warn!("{why}; they are compiled at every start");
            Host::new(Limits::default())
        }
    };
    let host = host.map_err(|e| environment("cannot run plugins", &e))?;
    host.slow_lane(aside);
    let kept = options.data.join("kept");
    let plugins = Plugins::new(host, plugin_folder, options.trust, &kept);
    Ok(Keeper {
        policies,
        tending: Tending::of(&store),
        store,
        plugins,
        prices: Prices::new(&options.data),
        vault: options.vault,
        memory: Arc::new(Memory::default()),
        addresses: options.addresses,
        examine: options.examine,
        force: options.force,
        direct: options.private,
        status: SharedStatus::default(),
        board: SharedBoard::default(),
        watch: None,
        read: BTreeSet::new(),
        unkept: false,
        late: Late::default(),
    })
}

/// Runs what may take long: other tasks of a thread that serves are taken over by another one meanwhile. A runtime of one
/// thread has no other.
fn aside(work: &mut dyn FnMut()) {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

fn port_error(listen: SocketAddr, error: &io::Error) -> StartError {
    StartError::Environment(match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "`{listen}` is in use; stop what listens there, or choose another with `--listen`"
        ),
        _ => format!("cannot listen on `{listen}`: {error}"),
    })
}

/// Has the reload thread told of files that change and of plugins that are set aside.
fn listen(keeper: &mut Keeper, reloader: &Reloader) {
    let decide = reloader.clone();
    keeper.board.tell(move || decide.ask(Command::Judge));
    let aside = reloader.clone();
    keeper.plugins.tell(move || aside.ask(Command::Changed));
    keeper.watch = watch(reloader);
    keeper.follow();
}

fn watch(reloader: &Reloader) -> Option<Watch> {
    let changed = reloader.clone();
    match Watch::new(move || changed.ask(Command::Changed)) {
        Ok(watch) => Some(watch),
        Err(why) => {
            tracing::error!("{why}; saves are not taken up until the next start");
            None
        }
    }
}

/// Serves operators. On a disk that takes no socket clients are served all the same, and operators as soon as it does.
fn administer(
    socket: &Path,
    administrators: axum::Router,
) -> Result<tokio::task::JoinHandle<()>, StartError> {
    let bound = match bind_socket(socket) {
        Ok(unix) => Some(unix),
        Err(error) if is_of_the_disk(&error) => {
            let why = advice(socket, &error);
            tracing::error!("operators cannot be served yet, clients are: {why}");
            None
        }
        Err(error) => {
            return Err(environment(
                "cannot make the admin socket",
                &advice(socket, &error),
            ));
        }
    };
    let socket = socket.to_owned();
    Ok(tokio::spawn(async move {
        let mut bound = bound;
        let unix = loop {
            if let Some(unix) = bound.take() {
                break unix;
            }
            tokio::time::sleep(TURN).await;
            bound = bind_socket(&socket).ok();
        };
        // Ends only with the process or when aborted.
        let _ = axum::serve(unix, administrators).await;
    }))
}

/// Whether the disk takes nothing now, which is not for ever.
fn is_of_the_disk(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(
        error.kind(),
        QuotaExceeded | ReadOnlyFilesystem | StorageFull
    )
}

/// The admin socket, for its owner only. A socket file left by a crash is replaced; the store's lock has made sure that
/// no other gateway uses this folder.
fn bind_socket(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn accept(
    listener: TcpListener,
    mut joined: UnboundedReceiver<DuplexStream>,
    exchange: Arc<Exchange>,
    mut stopped: watch::Receiver<bool>,
    grace: Duration,
) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!("cannot switch off Nagle's delay: {error}");
                    }
                    connections.spawn(serve(stream, Arc::clone(&exchange), graceful.watcher()));
                }
                Err(error) => {
                    // Out of file descriptors, mostly: those in flight end and free some.
                    tracing::error!("cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(stream) = joined.recv() => drop(connections.spawn(serve(stream, Arc::clone(&exchange), graceful.watcher()))),
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            _ = stopped.changed() => break,
        }
    }
    drop(listener);
    if tokio::time::timeout(grace, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!(
            "requests were still in flight after {} s and are cut off",
            grace.as_secs()
        );
    }
    // What is cut off is recorded as well.
    connections.shutdown().await;
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
    exchange: Arc<Exchange>,
    watcher: Watcher,
) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(STALL_TIME));
    let service = service_fn(move |request| {
        let exchange = Arc::clone(&exchange);
        async move { Ok::<_, Infallible>(exchange.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!("a connection ended: {error}");
    }
}
