//! Reads the signals that [`crate::pressure`] judges, four times a second, and holds what came of it: requests read one
//! atomic.

use crate::live::Live;
use crate::places::Places;
use crate::pressure::{Judgement, Signals, Stage};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often it is seen how late the event loop is.
const TICK: Duration = Duration::from_millis(10);
/// How often all signals are looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How long a tick counts.
const SPAN: Duration = Duration::from_secs(1);

/// How hard pressed the machine is.
#[derive(Debug)]
pub(crate) struct Gauge {
    stage: AtomicU8,
    lag_us: AtomicU64,
    memory: AtomicU64,
    /// Most bytes there may be; `None` where nothing bounds them.
    limit: Option<u64>,
    places: Arc<Places>,
}

impl Gauge {
    /// Of these places, and of so many bytes of memory; of what the control group has where that is absent.
    #[must_use]
    pub(crate) fn new(places: Arc<Places>, limit: Option<u64>) -> Self {
        Self {
            stage: AtomicU8::new(0),
            lag_us: AtomicU64::new(0),
            memory: AtomicU64::new(0),
            limit: limit.or_else(|| group_limit(&read)),
            places,
        }
    }

    /// What is done about it now.
    #[must_use]
    pub(crate) fn stage(&self) -> Stage {
        let stage = Stage::ALL.get(usize::from(self.stage.load(Relaxed)));
        stage.copied().unwrap_or_default()
    }

    /// What was seen at the last look.
    #[must_use]
    pub(crate) fn seen(&self) -> Signals {
        let memory = self.memory.load(Relaxed);
        let all = self.places.all();
        Signals {
            lag: Duration::from_micros(self.lag_us.load(Relaxed)),
            memory: self.limit.map(|limit| share(memory, limit)),
            inflight: share(all.saturating_sub(self.places.free()) as u64, all as u64),
        }
    }

    /// Resident bytes at the last look, and the most there may be; `None` where they are not known.
    #[must_use]
    pub(crate) fn memory(&self) -> (Option<u64>, Option<u64>) {
        let resident = self.memory.load(Relaxed);
        ((resident > 0).then_some(resident), self.limit)
    }

    /// The places.
    #[must_use]
    pub(crate) fn places(&self) -> &Places {
        &self.places
    }

    /// Looks once, `lag` being how late the event loop was.
    fn look(&self, judged: Judgement, lag: Duration, live: &Live) -> Judgement {
        let lag = u64::try_from(lag.as_micros()).unwrap_or(u64::MAX);
        self.lag_us.store(lag, Relaxed);
        self.memory.store(resident(&read).unwrap_or(0), Relaxed);
        let seen = self.seen();
        let next = judged.after(&seen);
        if next.stage != judged.stage {
            tracing::warn!(
                was = judged.stage.word(),
                is = next.stage.word(),
                lag_ms = lag / 1_000,
                memory_bp = seen.memory,
                inflight_bp = seen.inflight,
                "how hard pressed this machine is has changed"
            );
        }
        let place = Stage::ALL.iter().position(|s| *s == next.stage);
        self.stage
            .store(place.and_then(|p| p.try_into().ok()).unwrap_or(0), Relaxed);
        let sparing = live.bundle();
        sparing.router.sparing().set(next.stage >= Stage::Sparing);
        next
    }
}

/// Looks once, so that nothing is served before that, and goes on until it is aborted.
pub(crate) fn start(gauge: &Arc<Gauge>, live: &Arc<Live>) -> JoinHandle<()> {
    let judged = gauge.look(Judgement::default(), Duration::ZERO, live);
    tokio::spawn(run(Arc::clone(gauge), Arc::clone(live), judged))
}

async fn run(gauge: Arc<Gauge>, live: Arc<Live>, mut judged: Judgement) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut late = VecDeque::new();
    let mut looked = Instant::now();
    loop {
        let due = ticks.tick().await;
        let now = Instant::now();
        late.push_back((now, now.saturating_duration_since(due)));
        while late.front().is_some_and(|(at, _)| now - *at > SPAN) {
            late.pop_front();
        }
        if now - looked >= LOOK {
            looked = now;
            let lag = high(late.iter().map(|(_, lag)| *lag).collect());
            judged = gauge.look(judged, lag, &live);
        }
    }
}

/// The 99th percentile.
fn high(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    let place = (all.len() * 99).div_ceil(100).saturating_sub(1);
    all.get(place).copied().unwrap_or_default()
}

/// Basis points.
fn share(part: u64, all: u64) -> u32 {
    let share = u128::from(part) * 10_000 / u128::from(all.max(1));
    // More than ten times as much as there may be is no worse than that.
    u32::try_from(share).map_or(100_000, |share| share.min(100_000))
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// Resident bytes of this process; `None` where there is no `/proc`.
fn resident(read: &dyn Fn(&str) -> Option<String>) -> Option<u64> {
    let status = read("/proc/self/status")?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    let kibi: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibi.checked_mul(1_024)
}

/// What the first version of control groups says where there is no limit is a little less than the largest number.
const UNLIMITED: u64 = 1 << 60;

/// The least that the control groups of this process allow, in either version of them.
fn group_limit(read: &dyn Fn(&str) -> Option<String>) -> Option<u64> {
    let groups = read("/proc/self/cgroup")?;
    let limits = groups.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let (root, file) = if controllers.is_empty() {
            ("/sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|c| c == "memory") {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            return None;
        };
        // In a container the path may be that of the host: the root is then the container's own.
        let mut group = path.trim_end_matches('/');
        let mut least: Option<u64> = None;
        loop {
            let limit = read(&format!("{root}{group}/{file}"));
            let limit = limit.and_then(|text| text.trim().parse().ok());
            let limit = limit.filter(|bytes| *bytes < UNLIMITED);
            least = least.into_iter().chain(limit).min();
            match group.rsplit_once('/') {
                Some((outer, _)) => group = outer,
                None => return least,
            }
        }
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files<'a>(all: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |path| {
            let found = all.iter().find(|(name, _)| *name == path)?;
            Some(found.1.to_owned())
        }
    }

    #[test]
    fn no_limit_is_none_however_it_is_written() {
        for (file, text) in [
            (
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                "9223372036854771712\n",
            ),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "nonsense\n"),
        ] {
            let first = [("/proc/self/cgroup", "4:memory:/\n"), (file, text)];
            assert_eq!(group_limit(&files(&first)), None);
        }
    }

    #[test]
    fn the_tightest_limit_of_all_groups_around_a_process_counts() {
        let second = [
            ("/proc/self/cgroup", "0::/a/b\n"),
            ("/sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("/sys/fs/cgroup/a/memory.max", "536870912\n"),
        ];
        assert_eq!(group_limit(&files(&second)), Some(536_870_912));
        let first = [
            (
                "/proc/self/cgroup",
                "5:cpu:/x\n4:memory,hugetlb:/docker/1\n0::/\n",
            ),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1000\n"),
            ("/sys/fs/cgroup/memory.max", "max\n"),
        ];
        assert_eq!(group_limit(&files(&first)), Some(1_000));
        let none = [("/proc/self/cgroup", "0::/\n")];
        assert_eq!(group_limit(&files(&none)), None);
        assert_eq!(group_limit(&files(&[])), None);
    }

    #[test]
    fn resident_memory_is_read_as_the_kernel_writes_it() {
        let status = [(
            "/proc/self/status",
            "Name:\tmux\nVmRSS:\t   45678 kB\nThreads:\t3\n",
        )];
        assert_eq!(resident(&files(&status)), Some(45_678 * 1_024));
        assert_eq!(resident(&files(&[])), None);
        assert_eq!(
            resident(&files(&[("/proc/self/status", "Name:\tmux\n")])),
            None
        );
    }

    #[test]
    fn a_percentile_is_one_of_those_that_were_seen() {
        let millis = |n: u64| (1..=n).map(Duration::from_millis).collect::<Vec<_>>();
        assert_eq!(high(millis(100)), Duration::from_millis(99));
        assert_eq!(high(millis(91)), Duration::from_millis(91));
        assert_eq!(high(Vec::new()), Duration::ZERO);
    }

    #[test]
    fn a_share_of_nothing_is_bounded() {
        assert_eq!((share(1, 4), share(3, 0), share(0, 0)), (2_500, 30_000, 0));
        assert_eq!(share(u64::MAX, 1), 100_000);
    }
}
