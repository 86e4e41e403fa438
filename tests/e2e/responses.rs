//! Clients of OpenAI's Responses, in front of every kind of provider.

use super::by_hand::{self, ByHand};
use super::home::{Home, failing, mock};
use super::http::{Ask, Reply};
use super::policy::{bundle, chain, only, openai, provider};
use hyper::Method;
use mux_mock::Reply as Says;
use serde_json::{Value, json};

fn ask(body: &Value) -> Ask {
    Ask::new(Method::POST, "/v1/responses", body.to_string())
}

fn hello(model: &str, stream: bool) -> Value {
    json!({ "model": model, "input": "hello there", "stream": stream })
}

fn said(reply: &Reply) -> String {
    if reply.header("content-type") == "application/json" {
        let text = &reply.json()["output"][0]["content"][0]["text"];
        return text.as_str().unwrap_or_default().to_owned();
    }
    let events = reply.events();
    let deltas = events
        .iter()
        .filter(|e| e["type"] == "response.output_text.delta");
    deltas.filter_map(|e| e["delta"].as_str()).collect()
}

#[tokio::test]
async fn an_exchange_with_openai_is_passed_on_byte_for_byte_but_for_the_model() {
    let provider = ByHand::new().await;
    let home = Home::before("openai", provider.address);
    let gateway = home.start().await;
    let body = "{ \"input\":\"h\\u0069\", \"previous_response_id\": \"resp_0\",\"store\":true, \"model\" :\"@chat\" }";
    let odd = "{ \"object\":\"response\",\"status\":\"completed\", \"output\" : [{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"caf\\u00e9\"}]}],\"usage\":{\"input_tokens\":9,\"input_tokens_details\":{\"cached_tokens\":4},\"output_tokens\":2} }\n";
    let answer = async {
        let mut call = provider.call().await;
        assert!(
            call.head.starts_with("POST /v1/responses "),
            "{}",
            call.head
        );
        assert_eq!(call.body, body.replace("@chat", "a-model"));
        call.say(&format!("{}{odd}", by_hand::WHOLE)).await;
    };
    let sent = Ask::new(Method::POST, "/openai/v1/responses", body);
    let (reply, ()) = tokio::join!(sent.send(gateway.address), answer);
    assert_eq!((reply.status, reply.text().as_str()), (200, odd));

    let body = body.replace("\"store\"", "\"stream\":true,\"store\"");
    let stream = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"output\":[]}  }\n\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n";
    let answer = async {
        let mut call = provider.call().await;
        call.say(&format!("{}{stream}", by_hand::STREAM)).await;
    };
    let sent = Ask::new(Method::POST, "/v1/responses", body);
    let (reply, ()) = tokio::join!(sent.send(gateway.address), answer);
    assert_eq!(
        (reply.status, reply.text().as_str(), reply.whole),
        (200, stream, true)
    );
    gateway.stop().await;
    assert_eq!(home.used(), [(9, 4, 2), (3, 0, 1)]);
}

#[tokio::test]
async fn clients_of_responses_get_text_tools_and_usage_from_either_kind_of_provider() {
    for kind in ["openai-compatible", "anthropic"] {
        let mock = mock("a").await;
        let home = Home::before(kind, mock.addr);
        let gateway = home.start().await;
        mock.control().set_reply(Says::text("in a quiet harbour"));
        let whole = ask(&hello("@chat", false)).send(gateway.address).await;
        whole.says("in a quiet harbour", said);
        let answer = whole.json();
        assert_eq!(
            (
                &answer["object"],
                &answer["status"],
                &answer["usage"]["output_tokens"]
            ),
            (&json!("response"), &json!("completed"), &json!(4)),
            "{kind}: {answer}"
        );
        let stream = ask(&hello("@chat", true)).send(gateway.address).await;
        stream.says("in a quiet harbour", said);
        let events = stream.events();
        assert_eq!(events[0]["type"], "response.created");
        let last = events.last().unwrap();
        assert_eq!(
            (
                &last["type"],
                &last["response"]["output"][0]["content"],
                &last["response"]["usage"]["output_tokens"]
            ),
            (
                &json!("response.completed"),
                &answer["output"][0]["content"],
                &json!(4)
            ),
            "{kind}"
        );
        assert!(stream.whole && !stream.text().contains("[DONE]"));

        mock.control().clear_reply();
        let tools = json!([{ "type": "function", "name": "weather", "parameters": {
            "type": "object", "required": ["city"], "properties": { "city": { "type": "string" } } } }]);
        let mut body = hello("@chat", false);
        body["input"] = json!("please call weather");
        body["tools"] = tools;
        let answer = ask(&body).send(gateway.address).await.json();
        let call = &answer["output"][0];
        assert_eq!(
            (&call["type"], &call["name"], &call["arguments"]),
            (
                &json!("function_call"),
                &json!("weather"),
                &json!("{\"city\":\"sample\"}")
            ),
            "{kind}: {answer}"
        );
        gateway.stop().await;
        assert!(
            home.records()
                .iter()
                .all(|r| r.request.dialect == "openai-responses")
        );
    }
}

#[tokio::test]
async fn what_fails_is_told_as_openais_clients_expect() {
    let (down, cut) = (failing("status=503").await, failing("cut-after=2").await);
    let good = mock("good").await;
    let home = Home::new(&bundle(&[
        openai("down", down.addr),
        openai("cut", cut.addr),
        provider("good", "anthropic", good.addr),
        chain("chat", &["down/m retry 0", "good/m"]),
        only("cut", "cut/m"),
    ]));
    let gateway = home.start().await;
    for stream in [false, true] {
        let reply = ask(&hello("@chat", stream)).send(gateway.address).await;
        assert_eq!(
            (reply.status, reply.header("x-mux-target")),
            (200, "good/m")
        );
        assert!(!said(&reply).is_empty());
    }
    let cut = ask(&hello("@cut", true)).send(gateway.address).await;
    let events = cut.events();
    let last = events.last().unwrap();
    assert_eq!(
        (&last["type"], &last["code"], cut.whole),
        (&json!("error"), &json!("mid_stream_failure"), false)
    );
    assert_eq!(last["sequence_number"], events.len() - 1);
    let mut kept = hello("@chat", false);
    kept["previous_response_id"] = json!("resp_1");
    let refused = ask(&kept).send(gateway.address).await;
    refused.refuses("previous_response_id");
}

#[tokio::test]
async fn a_client_of_either_new_dialect_goes_on_at_another_provider_than_it_began() {
    let (a, b) = (mock("a").await, mock("b").await);
    let home = Home::new(&bundle(&[
        provider("a", "anthropic", a.addr),
        openai("b", b.addr),
        only("one", "a/m"),
        only("two", "b/m"),
    ]));
    let gateway = home.start().await;
    let mut body = hello("@one", false);
    body["input"] = json!([{ "role": "user", "content": "please call weather" }]);
    body["tools"] =
        json!([{ "type": "function", "name": "weather", "parameters": { "type": "object" } }]);
    let answer = ask(&body).send(gateway.address).await.json();
    let call = answer["output"][0].clone();
    let result =
        json!({ "type": "function_call_output", "call_id": call["call_id"], "output": "sun" });
    body["model"] = json!("@two");
    let input = body["input"].as_array_mut().unwrap();
    input.extend([call.clone(), result]);
    let reply = ask(&body).send(gateway.address).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let sent: Value = serde_json::from_str(&b.books().last.unwrap().body).unwrap();
    assert_eq!(
        (
            &sent["messages"][1]["tool_calls"][0]["id"],
            &sent["messages"][2]["tool_call_id"]
        ),
        (&call["call_id"], &call["call_id"])
    );
}
