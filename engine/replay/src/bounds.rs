//! Where figures may be, for traffic like this.

use serde::{Deserialize, Serialize};

/// From … to.
pub type Interval = [f64; 2];

/// Where figures of a side may be. Shares are basis points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bounds {
    /// Share of requests that another target than the first able one served.
    pub failed_over: Interval,
    /// Share of requests that failed.
    pub errors: Interval,
    /// Share of requests that were refused.
    pub denied: Interval,
    /// Median milliseconds to the end.
    pub p50_ms: Interval,
    /// 95th percentile of it.
    pub p95_ms: Interval,
    /// 99th percentile of it.
    pub p99_ms: Interval,
    /// Cost, pico-dollars.
    pub cost: Interval,
    /// Change of the cost against what it is compared with, basis points; absent where that was nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_change: Option<Interval>,
}
