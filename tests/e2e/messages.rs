//! Clients of Anthropic's Messages, in front of every kind of provider.

use super::by_hand::{self, ByHand};
use super::endpoint::{Endpoint, Said};
use super::home::{Home, failing, mock};
use super::http::{Ask, Reply};
use super::policy::{bundle, chain, only, openai, provider};
use hyper::Method;
use mux_mock::Reply as Says;
use serde_json::{Value, json};

fn message(model: &str) -> Value {
    json!({ "model": model, "max_tokens": 500, "messages": [{ "role": "user", "content": "hello there" }] })
}

fn streamed(model: &str) -> Value {
    let mut body = message(model);
    body["stream"] = json!(true);
    body
}

fn ask(body: impl Into<String>) -> Ask {
    Ask::new(Method::POST, "/v1/messages?beta=true", body.into())
        .header("anthropic-version", "2023-06-01")
        .header("x-api-key", "sk-client")
}

/// The text of a message, whole or streamed.
fn said(reply: &Reply) -> String {
    if reply.header("content-type") == "application/json" {
        return reply.json()["content"][0]["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
    }
    let events = reply.events();
    let pieces = events.iter().filter_map(|e| e["delta"]["text"].as_str());
    pieces.collect()
}

fn kinds(reply: &Reply) -> Vec<String> {
    let kinds = reply.events();
    let mut kinds: Vec<String> = kinds
        .iter()
        .map(|e| e["type"].as_str().unwrap_or_default().to_owned())
        .collect();
    kinds.dedup();
    kinds
}

#[tokio::test]
async fn an_exchange_with_anthropic_is_passed_on_byte_for_byte_but_for_the_model() {
    let provider = ByHand::new().await;
    let home = Home::new(&bundle(&[
        super::policy::provider_with(
            "a",
            "anthropic",
            provider.address,
            "settings { beta \"of-the-house\" }",
        ),
        only("chat", "a/m"),
    ]));
    let gateway = home.start().await;
    let body = "{ \"max_tokens\":5, \"messages\":[{\"role\" : \"user\",\"content\":\"h\\u0069\"}],\n \"model\" :\"@chat\" ,\"container\":null }";
    let odd = "{ \"type\":\"message\", \"content\" : [{\"type\":\"text\",\"text\":\"caf\\u00e9\"}] ,\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":3,\"cache_read_input_tokens\":4,\"output_tokens\":2},\"x\":1.00 }\n";
    let answer = async {
        let mut call = provider.call().await;
        let head = call.head.to_ascii_lowercase();
        assert!(head.starts_with("post /v1/messages http"), "{head}");
        assert!(head.contains("anthropic-version: 2023-06-01"), "{head}");
        assert!(
            head.contains("anthropic-beta: of-the-house,of-the-client"),
            "{head}"
        );
        assert!(
            !head.contains("sk-client"),
            "the client's key stays here: {head}"
        );
        assert_eq!(call.body, body.replace("@chat", "a-model"));
        call.say(&format!("{}{odd}", by_hand::WHOLE)).await;
    };
    let beta = ask(body).header("anthropic-beta", "of-the-client");
    let (reply, ()) = tokio::join!(beta.send(gateway.address), answer);
    assert_eq!((reply.status, reply.text().as_str()), (200, odd));

    let body = body.replace("\"max_tokens\":5", "\"stream\":true,\"max_tokens\":5");
    let stream = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"content\":[],\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}  }\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let answer = async {
        let mut call = provider.call().await;
        assert_eq!(call.body, body.replace("@chat", "a-model"));
        call.say(&format!("{}{stream}", by_hand::STREAM)).await;
    };
    let (reply, ()) = tokio::join!(ask(body.clone()).send(gateway.address), answer);
    assert_eq!((reply.status, reply.text().as_str()), (200, stream));
    assert!(reply.whole && reply.header("content-type") == "text/event-stream");
    gateway.stop().await;
    assert_eq!(home.used(), [(7, 4, 2), (3, 0, 2)]);
}

fn weather(stream: bool) -> Value {
    json!({
        "model": "@chat", "max_tokens": 500, "stream": stream,
        "messages": [{ "role": "user", "content": "please call weather" }],
        "tools": [{ "name": "weather", "input_schema": {
            "type": "object", "required": ["city"], "properties": { "city": { "type": "string" } },
        } }],
    })
}

#[tokio::test]
async fn clients_of_messages_get_text_tools_and_usage_from_either_kind_of_provider() {
    for kind in ["openai-compatible", "anthropic"] {
        let mock = mock("a").await;
        let home = Home::before(kind, mock.addr);
        let gateway = home.start().await;
        mock.control().set_reply(Says::text("in a quiet harbour"));
        let whole = ask(message("@chat").to_string())
            .send(gateway.address)
            .await;
        whole.says("in a quiet harbour", said);
        let answer = whole.json();
        assert_eq!(
            (&answer["type"], &answer["role"], &answer["stop_reason"]),
            (&json!("message"), &json!("assistant"), &json!("end_turn")),
            "{kind}"
        );
        let input = answer["usage"]["input_tokens"].as_u64().unwrap_or_default();
        assert!(
            input > 0 && answer["usage"]["output_tokens"] == 4,
            "{kind}: {answer}"
        );

        let stream = ask(streamed("@chat").to_string())
            .send(gateway.address)
            .await;
        stream.says("in a quiet harbour", said);
        assert!(stream.whole && !stream.text().contains("[DONE]"), "{kind}");
        let mut told = kinds(&stream);
        told.retain(|kind| kind != "ping");
        assert_eq!(
            told,
            [
                "message_start",
                "content_block_start",
                "content_block_delta",
                "content_block_stop",
                "message_delta",
                "message_stop"
            ],
            "{kind}"
        );
        let events = stream.events();
        let usage = &events[events.len() - 2]["usage"];
        assert_eq!(usage["output_tokens"], 4, "{kind}: {usage}");

        mock.control().clear_reply();
        let whole = ask(weather(false).to_string())
            .send(gateway.address)
            .await
            .json();
        let call = &whole["content"][0];
        assert_eq!(
            (
                &call["type"],
                &call["name"],
                &call["input"],
                &whole["stop_reason"]
            ),
            (
                &json!("tool_use"),
                &json!("weather"),
                &json!({ "city": "sample" }),
                &json!("tool_use")
            ),
            "{kind}: {whole}"
        );
        let stream = ask(weather(true).to_string()).send(gateway.address).await;
        let arguments: String = stream
            .events()
            .iter()
            .filter_map(|e| e["delta"]["partial_json"].as_str().map(str::to_owned))
            .collect();
        assert_eq!(
            serde_json::from_str::<Value>(&arguments).unwrap(),
            json!({ "city": "sample" }),
            "{kind}"
        );

        gateway.stop().await;
        for record in home.records() {
            assert_eq!(
                (
                    record.request.dialect.as_str(),
                    record.request.operation.as_str()
                ),
                ("anthropic-messages", "chat")
            );
            assert!(
                record.request.key.is_some(),
                "`x-api-key` is the client's key"
            );
            let first = record.attempts[0].first_us;
            assert!(first.is_some() || !record.request.streaming);
        }
    }
}

#[tokio::test]
async fn a_provider_that_fails_is_replaced_unseen_by_one_of_another_kind() {
    let (down, good) = (failing("status=503").await, mock("b").await);
    for (first, second) in [
        ("anthropic", "openai-compatible"),
        ("openai-compatible", "anthropic"),
    ] {
        let home = Home::new(&bundle(&[
            provider("a", first, down.addr),
            provider("b", second, good.addr),
            chain("chat", &["a/m retry 0", "b/m"]),
        ]));
        let gateway = home.start().await;
        good.control().set_reply(Says::text("still here"));
        for body in [message("@chat"), streamed("@chat")] {
            let reply = ask(body.to_string()).send(gateway.address).await;
            reply.says("still here", said);
            assert_eq!(reply.header("x-mux-target"), "b/m");
            assert!(reply.whole);
        }
    }
}

#[tokio::test]
async fn errors_are_anthropics_with_the_stable_code_and_what_was_tried() {
    let (down, cut) = (failing("status=503").await, failing("cut-after=2").await);
    let home = Home::new(&bundle(&[
        openai("down", down.addr),
        openai("cut", cut.addr),
        provider("own", "anthropic", cut.addr),
        only("down", "down/m retry 0"),
        only("cut", "cut/m"),
        only("own", "own/m"),
    ]));
    let gateway = home.start().await;
    let unknown = ask(message("@nobody").to_string())
        .send(gateway.address)
        .await;
    let error = unknown.json();
    assert_eq!(
        (
            unknown.status,
            &error["type"],
            &error["error"]["type"],
            &error["error"]["code"]
        ),
        (
            404,
            &json!("error"),
            &json!("not_found_error"),
            &json!("model_not_found")
        )
    );
    assert_eq!(error["request_id"], unknown.header("x-mux-request-id"));
    let down = ask(message("@down").to_string())
        .send(gateway.address)
        .await;
    let error = down.json();
    assert_eq!(
        (
            down.status,
            &error["error"]["type"],
            &error["error"]["code"]
        ),
        (503, &json!("overloaded_error"), &json!("overloaded"))
    );
    assert_eq!(error["error"]["mux"]["attempts"][0]["target"], "down/m");
    for model in ["@cut", "@own"] {
        let cut = ask(streamed(model).to_string()).send(gateway.address).await;
        let events = cut.events();
        let last = events.last().unwrap();
        assert_eq!(
            (cut.status, cut.whole, &last["type"], &last["error"]["code"]),
            (200, false, &json!("error"), &json!("mid_stream_failure")),
            "{model}: {}",
            cut.text()
        );
        assert!(cut.text().contains("event: error\n") && !cut.text().contains("message_stop"));
    }
    let bad = ask("{\"model\":\"@cut\"}").send(gateway.address).await;
    let error = bad.json();
    assert_eq!(
        (bad.status, &error["error"]["type"]),
        (400, &json!("invalid_request_error"))
    );
    bad.names("`messages`");
}

#[tokio::test]
async fn what_cannot_be_carried_is_refused_or_told() {
    let (a, b) = (mock("a").await, mock("b").await);
    let home = Home::new(&bundle(&[
        openai("a", a.addr),
        provider("b", "anthropic", b.addr),
        only("chat", "a/m"),
        chain("both", &["a/m", "b/m"]),
    ]));
    let gateway = home.start().await;
    let mut kept = message("@chat");
    kept["top_k"] = json!(5);
    let reply = ask(kept.to_string()).send(gateway.address).await;
    assert_eq!(
        (reply.status, reply.header("x-mux-dropped")),
        (200, "`top_k`")
    );

    let mut search = message("@chat");
    search["tools"] = json!([{ "type": "web_search_20250305", "name": "web_search" }]);
    let refused = ask(search.to_string()).send(gateway.address).await;
    refused.refuses("tools[0]");
    search["model"] = json!("@both");
    let reply = ask(search.to_string()).send(gateway.address).await;
    assert_eq!((reply.status, reply.header("x-mux-target")), (200, "b/m"));
}

#[tokio::test]
async fn answers_that_somebody_has_to_look_at_reach_clients_of_messages_too() {
    let (a, b) = (mock("a").await, mock("b").await);
    let plan = "policy @chat {
  else use cascade within 20s buffer {
    try a/m {
      accept when finish is stop
    }
    try b/m
  }
}
";
    let home = Home::new(&bundle(&[
        provider("a", "anthropic", a.addr),
        openai("b", b.addr),
        plan.to_owned(),
    ]));
    let gateway = home.start().await;
    a.control().set_reply(Says::text("good enough"));
    for body in [message("@chat"), streamed("@chat")] {
        let reply = ask(body.to_string()).send(gateway.address).await;
        reply.says("good enough", said);
        assert_eq!(reply.header("x-mux-target"), "a/m");
    }
}

#[tokio::test]
async fn clients_of_anthropic_find_everything_below_their_own_mount() {
    let a = mock("a").await;
    let home = Home::new(&bundle(&[openai("a", a.addr), only("chat", "a/m")]));
    let gateway = home.start().await;
    let body = message("@chat").to_string();
    let reply = Ask::new(Method::POST, "/anthropic/v1/messages", body)
        .send(gateway.address)
        .await;
    assert_eq!(
        (reply.status, &reply.json()["type"]),
        (200, &json!("message"))
    );
    let models = Ask::get("/anthropic/v1/models")
        .send(gateway.address)
        .await
        .json();
    assert_eq!(
        (
            &models["data"][0]["type"],
            &models["first_id"],
            &models["has_more"]
        ),
        (&json!("model"), &json!("@chat"), &json!(false))
    );
    let versioned = Ask::get("/v1/models").header("anthropic-version", "2023-06-01");
    assert_eq!(versioned.send(gateway.address).await.json(), models);
    let openai = Ask::get("/openai/v1/models")
        .send(gateway.address)
        .await
        .json();
    assert_eq!(openai["data"][0]["object"], "model");
    let lost = Ask::get("/anthropic/v1/chat").send(gateway.address).await;
    assert_eq!(
        (lost.status, &lost.json()["error"]["type"]),
        (404, &json!("not_found_error"))
    );
}

#[tokio::test]
async fn tokens_are_counted_by_anthropic_itself_and_estimated_for_others() {
    let (a, b) = (mock("a").await, mock("b").await);
    let home = Home::new(&bundle(&[
        provider("a", "anthropic", a.addr),
        openai("b", b.addr),
        only("own", "a/m"),
        only("other", "b/m"),
    ]));
    let gateway = home.start().await;
    let count = |model: &str| {
        let body =
            json!({ "model": model, "messages": [{ "role": "user", "content": "hello there" }] });
        Ask::new(
            Method::POST,
            "/v1/messages/count_tokens?beta=true",
            body.to_string(),
        )
    };
    let own = count("@own").send(gateway.address).await;
    assert_eq!(
        (own.status, own.json()),
        (200, json!({ "input_tokens": 7 }))
    );
    assert_eq!(
        (own.header("x-mux-target"), own.header("x-mux-estimated")),
        ("a/m", "")
    );
    let asked = a.books().last.unwrap();
    assert_eq!(asked.path, "/v1/messages/count_tokens");
    assert!(asked.body.contains("a-model") && !asked.body.contains("max_tokens"));

    let other = count("@other").send(gateway.address).await;
    assert_eq!(
        (other.status, other.header("x-mux-estimated")),
        (200, "true")
    );
    assert_eq!(
        other.json(),
        json!({ "input_tokens": 10, "mux": { "estimated": true } })
    );
    assert_eq!(b.books().requests, 0, "nobody is called for an estimate");
    let unknown = count("@nobody").send(gateway.address).await;
    assert_eq!(
        (unknown.status, &unknown.json()["error"]["type"]),
        (404, &json!("not_found_error"))
    );
    gateway.stop().await;
    let records = home.records();
    let told: Vec<_> = records
        .iter()
        .map(|r| {
            (
                r.request.operation.as_str(),
                r.outcome.status,
                r.attempts.len(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("count-tokens", 200, 1),
            ("count-tokens", 200, 0),
            ("count-tokens", 404, 0)
        ]
    );
    assert_eq!(
        records[0].attempts[0].usage.map(|u| u.input),
        Some(0),
        "counting costs nothing"
    );
}

#[tokio::test]
async fn tokens_are_estimated_where_several_are_asked_and_a_count_is_never_streamed() {
    let a = mock("a").await;
    let joint = "policy @joint {
  else use cascade within 20s buffer {
    try a/m {
      accept when finish is stop
    }
    try a/m
  }
}
";
    let carried = "policy @carried {
  else use fallback within 20s {
    continue once
    try a/m
  }
}
";
    let home = Home::new(&bundle(&[
        provider("a", "anthropic", a.addr),
        joint.to_owned(),
        carried.to_owned(),
    ]));
    let gateway = home.start().await;
    let count = |model: &str| {
        let body = streamed(model).to_string();
        Ask::new(Method::POST, "/v1/messages/count_tokens", body)
    };
    let joint = count("@joint").send(gateway.address).await;
    assert_eq!(
        (joint.status, &joint.json()["mux"]["estimated"]),
        (200, &json!(true)),
        "{}",
        joint.text()
    );
    assert_eq!(a.books().requests, 0, "nobody is called for an estimate");
    let own = count("@carried").send(gateway.address).await;
    assert_eq!(
        (own.status, own.header("content-type"), own.json()),
        (200, "application/json", json!({ "input_tokens": 7 }))
    );
    gateway.stop().await;
    assert!(home.records().iter().all(|r| !r.request.streaming));
}

#[tokio::test]
async fn an_answer_that_cannot_be_said_is_a_failure_and_the_next_target_serves() {
    let (a, b) = (ByHand::new().await, mock("b").await);
    let home = Home::new(&bundle(&[
        openai("a", a.address),
        openai("b", b.addr),
        only("alone", "a/m retry 0"),
        chain("both", &["a/m retry 0", "b/m"]),
    ]));
    let gateway = home.start().await;
    b.control().set_reply(Says::text("in a quiet harbour"));
    // A number as text: clients of chat completions read over it, and nobody can say it in another dialect.
    let odd = "{\"object\":\"chat.completion\",\"choices\":[{\"index\":\"0\",\"message\":{\"role\":\"assistant\",\"content\":\"lost\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}";
    // In this order: a target that has just failed might not be asked where there is another one.
    for model in ["@both", "@alone"] {
        let answer = async {
            let mut call = a.call().await;
            call.say(&format!("{}{odd}", by_hand::WHOLE)).await;
        };
        let body = message(model).to_string();
        let (reply, ()) = tokio::join!(ask(body).send(gateway.address), answer);
        if model == "@both" {
            reply.says("in a quiet harbour", said);
        } else {
            assert_eq!(reply.status, 502, "{}", reply.text());
            reply.names("no chat completion");
        }
    }
    gateway.stop().await;
    let mut records = home.records();
    records.sort_by_key(|record| record.attempts.len());
    let told = |n: usize| {
        let outcome = &records[n].outcome;
        let classes = records[n].attempts.iter().map(|a| a.class.as_str());
        (
            outcome.status,
            outcome.served.as_deref(),
            classes.collect::<Vec<_>>(),
        )
    };
    assert_eq!(told(0), (502, None, vec!["bad-response"]));
    assert_eq!(told(1), (200, Some("b/m"), vec!["bad-response", "ok"]));
    assert_eq!(
        records[0].attempts[0].usage.map(|u| (u.input, u.output)),
        Some((3, 1)),
        "it is paid for all the same"
    );
}

#[tokio::test]
async fn a_copy_that_nobody_hears_has_not_failed_because_nobody_says_it() {
    let (a, shadow) = (mock("a").await, mock("shadow").await);
    let policy = "policy @chat {
  when tokens >= 0 {
    shadow 100% shadow/m
    use a/m
  }
  else use a/m
}
";
    let home = Home::new(&bundle(&[
        openai("a", a.addr),
        openai("shadow", shadow.addr),
        policy.to_owned(),
    ]));
    let gateway = home.start().await;
    let reply = ask(message("@chat").to_string())
        .send(gateway.address)
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let done = |said: &super::process::Said| {
        let mut lines = said.err.iter();
        let copied = |line: &&String| line.contains("-copy1") && line.contains("\"request\"");
        lines.find(copied).map(|_| ())
    };
    gateway.process.says("the end of the copy", done).await;
    gateway.stop().await;
    for record in home.records() {
        assert_eq!(record.attempts[0].class, "ok", "{:?}", record.copy_of);
    }
}

#[tokio::test]
async fn an_answer_that_another_target_carries_on_is_one_message() {
    let (cut, good) = (failing("cut-after=2").await, mock("b").await);
    let policy = "policy @chat {
  else use fallback within 30s {
    continue once
    try a/m
    try b/m
  }
}
";
    let home = Home::new(&bundle(&[
        provider("a", "anthropic", cut.addr),
        openai("b", good.addr),
        policy.to_owned(),
    ]));
    let gateway = home.start().await;
    cut.control().set_reply(Says::text("in a quiet harbour"));
    good.control().set_reply(Says::text("and a bright morning"));
    let reply = ask(streamed("@chat").to_string())
        .send(gateway.address)
        .await;
    reply.says("in a and a bright morning", said);
    assert!(reply.whole);
    let events = reply.events();
    let of = |kind: &str| events.iter().filter(|e| e["type"] == kind).count();
    assert_eq!(
        (
            of("message_start"),
            of("content_block_start"),
            of("message_stop")
        ),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn sources_of_an_answer_are_citations_and_what_has_no_place_is_told() {
    let source = json!({ "type": "url_citation", "url_citation": { "url": "https://a.example/", "title": "A", "start_index": 0, "end_index": 4 } });
    let picture =
        json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,aGk=" } });
    let upstream = Endpoint::new(move |_| {
        let message = json!({ "role": "assistant", "content": "Yes.", "annotations": [source], "images": [picture] });
        Said::json(
            200,
            &json!({ "id": "c", "object": "chat.completion", "created": 1, "model": "m",
                "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }] }),
        )
    })
    .await;
    let home = Home::new(&bundle(&[
        openai("a", upstream.address),
        only("chat", "a/m"),
    ]));
    let gateway = home.start().await;
    let reply = ask(message("@chat").to_string())
        .send(gateway.address)
        .await;
    assert_eq!(
        (reply.status, reply.header("x-mux-dropped")),
        (200, "`images` of the answer")
    );
    let block = &reply.json()["content"][0];
    assert_eq!(
        (&block["text"], &block["citations"][0]["url"]),
        (&json!("Yes."), &json!("https://a.example/"))
    );
}
