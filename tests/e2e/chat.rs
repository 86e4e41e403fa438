//! One request to a provider and back: bytes, dialects, tools, headers.

use super::by_hand::{ByHand, WHOLE};
use super::home::{Home, mock};
use super::http::{Ask, chat, streamed};
use super::policy::{bundle, only, openai, provider};
use mux_mock::Reply;
use serde_json::{Value, json};

/// Bytes that no serialiser would write: whatever reads and writes them again changes them.
const ODD: &str = "{ \"choices\" : [ {\"index\":0, \"message\":{\"role\":\"assistant\",\"content\":\"caf\\u00e9 \\/ \u{1f980}\"},\n\t\"finish_reason\":\"stop\"}],\"x\":1.00,\"x\":2 }\n";

#[tokio::test]
async fn an_openai_exchange_is_passed_on_byte_for_byte_but_for_the_model() {
    let provider = ByHand::new().await;
    let home = Home::new(&bundle(&[
        openai("a", provider.address),
        only("chat", "a/m"),
    ]));
    let gateway = home.start().await;

    let body = "{ \"messages\":[{\"role\" : \"user\",\"content\":\"h\\u0069\"}],\n \"model\" :\"@chat\" , \"top_k\":1.0 }";
    let answer = async {
        let mut call = provider.call().await;
        assert!(
            call.head.starts_with("POST /v1/chat/completions "),
            "{}",
            call.head
        );
        assert_eq!(call.body, body.replace("@chat", "a-model"));
        call.say(&format!("{WHOLE}{ODD}")).await;
    };
    let (reply, ()) = tokio::join!(Ask::chat(body).send(gateway.address), answer);
    assert_eq!((reply.status, reply.text().as_str()), (200, ODD));

    let body = body.replace("\"top_k\"", "\"stream\":true, \"top_k\"");
    let stream = ": a comment\r\n\r\nevent: x\ndata:{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"h\\u0069\"}}] }\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let answer = async {
        let mut call = provider.call().await;
        assert_eq!(call.body, body.replace("@chat", "a-model"));
        call.say(&format!("{}{stream}", super::by_hand::STREAM))
            .await;
    };
    let (reply, ()) = tokio::join!(Ask::chat(body.clone()).send(gateway.address), answer);
    assert_eq!((reply.status, reply.text().as_str()), (200, stream));
    assert!(reply.whole && reply.header("content-type") == "text/event-stream");
}

fn weather(stream: bool) -> Value {
    json!({
        "model": "@chat", "stream": stream,
        "messages": [{ "role": "user", "content": "please call weather" }],
        "tools": [{ "type": "function", "function": { "name": "weather", "parameters": {
            "type": "object", "required": ["city"], "properties": { "city": { "type": "string" } },
        } } }],
    })
}

/// The name and the arguments of the one tool call of a stream, and why it ended.
fn called(events: &[Value]) -> (String, String, String) {
    let mut called = (String::new(), String::new(), String::new());
    for choice in events.iter().map(|event| &event["choices"][0]) {
        let call = &choice["delta"]["tool_calls"][0]["function"];
        called.0 += call["name"].as_str().unwrap_or_default();
        called.1 += call["arguments"].as_str().unwrap_or_default();
        called.2 += choice["finish_reason"].as_str().unwrap_or_default();
    }
    called
}

#[tokio::test]
async fn clients_of_either_kind_of_provider_see_openai_text_tools_and_usage() {
    let (a, b) = (mock("a").await, mock("b").await);
    let text = |kind: &str, mock: &mux_mock::Mock| {
        bundle(&[provider("a", kind, mock.addr), only("chat", "a/m")])
    };
    let home = Home::new(&text("openai-compatible", &a));
    let gateway = home.start().await;
    let first = gateway.version().await;
    for (kind, mock) in [("openai-compatible", &a), ("anthropic", &b)] {
        if kind == "anthropic" {
            home.save(&text(kind, mock));
            gateway.version_after(&first).await;
        }
        mock.control().set_reply(Reply::text("in a quiet harbour"));
        let whole = gateway.ask(&chat("@chat")).await;
        assert_eq!(
            (whole.status, whole.said().as_str()),
            (200, "in a quiet harbour"),
            "{kind}"
        );
        let usage = &whole.json()["usage"];
        assert_eq!(usage["completion_tokens"], 4, "{kind}: {usage}");
        assert!(
            usage["prompt_tokens"].as_u64().is_some_and(|n| n > 0),
            "{kind}: {usage}"
        );
        let stream = gateway.ask(&streamed("@chat")).await;
        assert_eq!(stream.said(), "in a quiet harbour", "{kind}");
        assert!(stream.whole && stream.done(), "{kind}: {}", stream.text());

        mock.control().clear_reply();
        let whole = gateway.ask(&weather(false)).await.json();
        let choice = &whole["choices"][0];
        let call = &choice["message"]["tool_calls"][0]["function"];
        let arguments: Value = call["arguments"]
            .as_str()
            .and_then(|a| serde_json::from_str(a).ok())
            .unwrap_or_default();
        assert_eq!(
            (&call["name"], &arguments),
            (&json!("weather"), &json!({ "city": "sample" })),
            "{kind}: {whole}"
        );
        assert_eq!(choice["finish_reason"], "tool_calls", "{kind}");
        let stream = gateway.ask(&weather(true)).await;
        let (name, arguments, finish) = called(&stream.events());
        let arguments: Value = serde_json::from_str(&arguments).unwrap();
        assert_eq!(
            (name.as_str(), arguments, finish.as_str()),
            ("weather", json!({ "city": "sample" }), "tool_calls"),
            "{kind}"
        );
        assert!(stream.done(), "{kind}: {}", stream.text());
    }
    assert_eq!(b.books().last.unwrap().path, "/v1/messages");
}

#[tokio::test]
async fn every_answer_says_which_version_route_and_target_served_it() {
    let (a, b) = (mock("a").await, mock("b").await);
    let plan =
        "plan safe {\n  fallback within 20s {\n    try a/m\n    try b/m\n  }\n}\n".to_owned();
    let policy = "policy @chat { else use plan safe }\n".to_owned();
    let home = Home::new(&bundle(&[
        openai("a", a.addr),
        openai("b", b.addr),
        plan,
        policy,
    ]));
    let gateway = home.start().await;
    let live = gateway.version().await;
    let mut ids = Vec::new();
    for body in [chat("@chat"), streamed("@chat"), chat("chat")] {
        let reply = gateway.ask(&body).await;
        assert_eq!(reply.status, 200);
        for (name, value) in [
            ("version", live.as_str()),
            ("route", "@chat safe"),
            ("target", "a/m"),
            ("attempts", "1"),
        ] {
            assert_eq!(reply.header(&format!("x-mux-{name}")), value, "{name}");
        }
        ids.push(reply.header("x-mux-request-id").to_owned());
    }
    ids.sort();
    ids.dedup();
    assert!(
        ids.len() == 3 && ids.iter().all(|id| id.starts_with("req_")),
        "{ids:?}"
    );

    let models = Ask::get("/v1/models").send(gateway.address).await.json();
    assert_eq!(models["object"], "list");
    let names: Vec<&Value> = models["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| &m["id"])
        .collect();
    assert_eq!(
        names,
        [&json!("@chat")],
        "deployments are not offered unless clients may name them"
    );
}
