//! Requests that wait for a place in flight.

use super::by_hand::{ByHand, Call, STREAM, end, event};
use super::home::{Gateway, Home};
use super::http::{Ask, Open, Reply, streamed};
use super::patience::soon;
use super::policy::{bundle, only, openai};
use mux_traffic::Record;
use serde_json::json;
use tokio::task::JoinHandle;

/// One place, held by a stream under way, and a line before it.
struct Full {
    home: Home,
    hand: ByHand,
    gateway: Gateway,
    first: Open,
    call: Call,
}

async fn full(queue: &str) -> Full {
    let hand = ByHand::new().await;
    let home = Home::new(&bundle(&[
        openai("a", hand.address),
        format!("defaults {{ {queue} }}\n"),
        only("chat", "a/m"),
        "policy @urgent { priority 9\n  else use a/m }\n".to_owned(),
    ]));
    let gateway = home.start_with(&["--max-inflight", "1"], &[]).await;
    let begin = async {
        let mut call = hand.call().await;
        call.say(&format!("{STREAM}{}", event("one"))).await;
        call
    };
    let body = streamed("@chat");
    let (mut first, call) = tokio::join!(gateway.open(&body), begin);
    first.until("one").await;
    Full {
        home,
        hand,
        gateway,
        first,
        call,
    }
}

impl Full {
    /// Sends a request, and waits until so many stand in the line.
    async fn send(&self, model: &str, user: &str, waiting: u64) -> JoinHandle<Reply> {
        let mut body = streamed(model);
        body["user"] = json!(user);
        let sent = tokio::spawn(Ask::json(&body).send(self.gateway.address));
        self.waiting(waiting).await;
        sent
    }

    async fn waiting(&self, expected: u64) {
        soon("a line of that length", async {
            while self.gateway.admin("/health").await["pressure"]["waiting"] != expected {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// Answers the next call, which must be of `user`.
async fn serve(hand: &ByHand, user: &str) {
    let mut call = hand.call().await;
    let named = format!("\"user\":\"{user}\"");
    assert!(call.body.contains(&named), "not {user}: {}", call.body);
    call.say(&format!("{STREAM}{}{}", event(user), end())).await;
}

fn of<'r>(records: &'r [Record], user: &str) -> &'r Record {
    let found = records
        .iter()
        .find(|r| r.request.end_user.as_deref() == Some(user));
    found.unwrap_or_else(|| panic!("no record of {user}: {records:#?}"))
}

#[tokio::test]
async fn the_newest_of_those_who_wait_is_served_first_and_a_higher_priority_before_it() {
    let mut full = full("queue 3 wait 80s").await;
    let urgent = full.send("@urgent", "urgent", 1).await;
    let old = full.send("@chat", "old", 2).await;
    let new = full.send("@chat", "new", 3).await;
    full.call.say(&end()).await;
    drop(full.call);
    for (user, sent) in [("urgent", urgent), ("new", new), ("old", old)] {
        let (reply, ()) = tokio::join!(soon("an answer", sent), serve(&full.hand, user));
        let reply = reply.unwrap();
        assert_eq!((reply.status, reply.said().as_str()), (200, user));
    }
    assert!(full.first.rest().await.done());
    full.gateway.stop().await;
    let records = full.home.records();
    for user in ["urgent", "new", "old"] {
        let outcome = &of(&records, user).outcome;
        assert!(
            outcome.queued_us > 0 && outcome.queued_us + outcome.overhead_us <= outcome.total_us,
            "{outcome:?}"
        );
    }
    let first = records.iter().find(|r| r.request.end_user.is_none());
    assert_eq!(first.map(|r| r.outcome.queued_us), Some(0));
}

#[tokio::test]
async fn who_waits_too_long_is_told_to_come_back_and_the_wait_is_recorded() {
    let full = full("queue 3 wait 50ms").await;
    let mut body = streamed("@chat");
    body["user"] = json!("late");
    let late = full.gateway.ask(&body).await;
    assert_eq!((late.status, late.header("retry-after")), (503, "1"));
    assert_eq!(late.json()["error"]["code"], "gateway_busy");
    drop((full.first, full.call));
    full.gateway.stop().await;
    let records = full.home.records();
    let outcome = &of(&records, "late").outcome;
    assert_eq!((outcome.status, outcome.class.as_str()), (503, "refused"));
    assert!(outcome.queued_us >= 50_000, "{outcome:?}");
    assert_eq!(outcome.queued_us, outcome.total_us);
}

#[tokio::test]
async fn a_client_waits_no_longer_than_it_said_it_would() {
    let full = full("queue 3 wait 80s").await;
    let ask = Ask::json(&streamed("@chat")).header("x-mux-timeout-ms", "50");
    let reply = ask.send(full.gateway.address).await;
    assert_eq!(reply.status, 503);
    full.waiting(0).await;
}

#[tokio::test]
async fn where_too_many_wait_the_oldest_goes_and_who_leaves_makes_room() {
    let mut full = full("queue 1 wait 80s").await;
    let oldest = full.send("@chat", "oldest", 1).await;
    let mut body = streamed("@chat");
    body["user"] = json!("leaves");
    let leaves = tokio::spawn(Ask::json(&body).open(full.gateway.address));
    let oldest = soon("an answer", oldest).await.unwrap();
    assert_eq!((oldest.status, oldest.header("retry-after")), (503, "1"));

    full.waiting(1).await;
    leaves.abort();
    full.waiting(0).await;
    let stays = full.send("@chat", "stays", 1).await;
    full.call.say(&end()).await;
    drop(full.call);
    let (reply, ()) = tokio::join!(soon("an answer", stays), serve(&full.hand, "stays"));
    assert_eq!(reply.unwrap().said(), "stays");
    full.gateway.stop().await;
    let records = full.home.records();
    let left = &of(&records, "leaves").outcome;
    assert_eq!((left.status, left.class.as_str()), (499, "client-gone"));
    assert!(left.queued_us > 0 && of(&records, "leaves").attempts.is_empty());
}
