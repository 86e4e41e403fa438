//! A token endpoint in memory, and time that passes as a test wants it.

use super::*;
use crate::credential::cloud::{SILENT, around, cloud};
use crate::credential::google;
use crate::credential::way::Way;
use futures_util::future::join_all;
use std::sync::Mutex;

/// How a token endpoint behaves.
#[derive(Clone, Copy)]
enum Manner {
    /// It hands out tokens that hold so many seconds.
    Kind(u64),
    Broken,
    Silent,
}

/// A token endpoint in memory, and a purse that asks there; the clock stands still but for what a test makes of it.
struct Stage {
    purse: Arc<Purse>,
    upstream: Upstream,
    manner: Arc<Mutex<Manner>>,
    asked: Arc<Mutex<usize>>,
}

impl Stage {
    fn new(manner: Manner) -> Self {
        let manner = Arc::new(Mutex::new(manner));
        let asked = Arc::new(Mutex::new(0));
        let (mood, books) = (Arc::clone(&manner), Arc::clone(&asked));
        let upstream = cloud(move |_| {
            let mut books = books.lock().unwrap();
            *books += 1;
            match *mood.lock().unwrap() {
                Manner::Kind(lives) => {
                    let token = format!("t{books}");
                    let said = serde_json::json!({ "access_token": token, "expires_in": lives });
                    (200, said.to_string())
                }
                Manner::Broken => (500, String::new()),
                Manner::Silent => (SILENT, String::new()),
            }
        });
        let around = around(&[("GCE_METADATA_HOST", "metadata.test")]);
        let account = google::find(Way::Role("mux@p"), &[], &around)
            .unwrap()
            .unwrap();
        Self {
            purse: Arc::new(Purse::new(Account::Google(account))),
            upstream,
            manner,
            asked,
        }
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }

    fn turn(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    fn ready(&self) -> Ready {
        self.purse.ready(&self.upstream)
    }

    async fn pass(&self) -> Result<Arc<Pass>, Denied> {
        match self.ready() {
            Ready::Now(pass) => Ok(pass),
            Ready::Soon(soon) => soon.await,
            Ready::Never(denied) => Err(denied),
        }
    }

    /// Lets what is under way come to its end, without a moment passing.
    async fn settle(&self) {
        while self.purse.asking.load(Ordering::Acquire) {
            tokio::task::yield_now().await;
        }
    }
}

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_requests_at_once_are_given_one_token() {
    let stage = Stage::new(Manner::Kind(3600));
    let passes = join_all((0..1000).map(|_| stage.pass())).await;
    let first = passes[0].clone().unwrap();
    assert!(
        passes
            .iter()
            .all(|pass| Arc::ptr_eq(pass.as_ref().unwrap(), &first))
    );
    assert_eq!(stage.asked(), 1);
    for _ in 0..1000 {
        assert!(matches!(stage.ready(), Ready::Now(pass) if Arc::ptr_eq(&pass, &first)));
    }
    assert_eq!(stage.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_before_it_ends_and_nobody_waits_for_that() {
    let stage = Stage::new(Manner::Kind(3600));
    let first = stage.pass().await.unwrap();
    pass(3_299).await;
    stage.purse.keep(&stage.upstream);
    stage.settle().await;
    assert_eq!(stage.asked(), 1, "it is early yet");
    pass(2).await;
    assert!(matches!(stage.ready(), Ready::Now(pass) if Arc::ptr_eq(&pass, &first)));
    stage.settle().await;
    assert!(matches!(stage.ready(), Ready::Now(pass) if !Arc::ptr_eq(&pass, &first)));
    assert_eq!(stage.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_serves_to_its_end_while_no_other_one_is_handed_out() {
    let stage = Stage::new(Manner::Kind(3600));
    let first = stage.pass().await.unwrap();
    stage.turn(Manner::Broken);
    for _ in 0..29 {
        pass(if stage.asked() == 1 { 3_301 } else { 10 }).await;
        assert!(matches!(stage.ready(), Ready::Now(pass) if Arc::ptr_eq(&pass, &first)));
        stage.settle().await;
    }
    pass(10).await;
    let Ready::Never(denied) = stage.ready() else {
        panic!("it has ended");
    };
    assert!(
        denied.why.contains("`metadata.test` answered 500"),
        "{}",
        denied.why
    );
    stage.turn(Manner::Kind(3600));
    pass(60).await;
    stage.purse.keep(&stage.upstream);
    stage.settle().await;
    assert!(matches!(stage.ready(), Ready::Now(_)));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_fails_is_asked_ever_more_rarely() {
    let stage = Stage::new(Manner::Broken);
    assert!(stage.pass().await.is_err());
    for _ in 0..600 {
        pass(1).await;
        assert!(
            matches!(stage.ready(), Ready::Never(_)),
            "nobody waits for what has failed"
        );
        stage.settle().await;
    }
    // After 1, 2, 4, … 32 seconds, and from then on once a minute.
    assert!((14..=17).contains(&stage.asked()), "{}", stage.asked());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_long_where_nobody_answers() {
    let stage = Stage::new(Manner::Silent);
    let begun = Instant::now();
    let denied = stage.pass().await.unwrap_err();
    assert_eq!(begun.elapsed(), WAITING);
    assert!(denied.why.contains("still being fetched"), "{}", denied.why);
    pass(8).await;
    stage.settle().await;
    let denied = stage.pass().await.unwrap_err();
    assert!(
        denied.why.contains("nobody answered within 10 s"),
        "{}",
        denied.why
    );
    assert_eq!(stage.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_while_waiting_takes_the_token_from_nobody() {
    let stage = Stage::new(Manner::Kind(3600));
    drop(stage.ready());
    stage.settle().await;
    assert!(matches!(stage.ready(), Ready::Now(_)));
    assert_eq!(stage.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_dropped_once_and_not_over_and_over() {
    let stage = Stage::new(Manner::Kind(3600));
    let first = stage.pass().await.unwrap();
    assert!(stage.purse.refused(&first));
    assert!(!stage.purse.refused(&first), "it is gone already");
    let second = stage.pass().await.unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    assert!(
        !stage.purse.refused(&second),
        "another one would be refused, too"
    );
    assert!(
        !stage.purse.refused(&first),
        "nor for the sake of an old one"
    );
    assert!(matches!(stage.ready(), Ready::Now(pass) if Arc::ptr_eq(&pass, &second)));
    assert_eq!(stage.asked(), 2);
    pass(61).await;
    assert!(stage.purse.refused(&second));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_said_to_hold_for_ever_is_held_like_any_other() {
    let stage = Stage::new(Manner::Kind(u64::MAX));
    let first = stage.pass().await.unwrap();
    assert!(matches!(stage.ready(), Ready::Now(pass) if Arc::ptr_eq(&pass, &first)));
    let left = stage.purse.standing().left.unwrap();
    assert!(left > Duration::from_hours(300 * 24), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_has_ended_already_is_none_and_is_not_asked_for_over_and_over() {
    let stage = Stage::new(Manner::Kind(0));
    let denied = stage.pass().await.unwrap_err();
    assert!(denied.why.contains("has ended already"), "{}", denied.why);
    assert_eq!(stage.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_an_errand_that_ends_with_nothing_asks_again() {
    let stage = Stage::new(Manner::Kind(3600));
    // One is under way, and what it brought was refused before it was at its end.
    stage.purse.asking.store(true, Ordering::Release);
    let errand = Errand(Arc::clone(&stage.purse));
    let Ready::Soon(soon) = stage.ready() else {
        panic!("there is nothing");
    };
    let begun = Instant::now();
    let (got, ()) = tokio::join!(soon, async { drop(errand) });
    assert!(got.is_ok());
    assert_eq!((stage.asked(), begun.elapsed()), (1, Duration::ZERO));
}
