//! How long a test waits for something that must happen before it fails loudly.

use std::future::Future;
use std::time::Duration;

/// Far more than anything takes on a busy machine: reaching it is a failure, not a measurement.
const PATIENCE: Duration = Duration::from_secs(90);

/// The result of `future`, which must come.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let Ok(value) = tokio::time::timeout(PATIENCE, future).await else {
        panic!("waited {} s in vain for: {what}", PATIENCE.as_secs());
    };
    value
}
