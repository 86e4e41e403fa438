//! Where an answer comes from, as clients of other dialects are told.

use crate::chat::stream;
use crate::heard::{message, response, speaker, told, whole};
use bytes::Bytes;
use mux_wire::Dialect::{Messages, Responses};
use mux_wire::chat::Audience;
use mux_wire::{messages, voice};
use serde_json::{Value, json};

fn web(url: &str, start: u64, end: u64) -> Value {
    json!({ "type": "url_citation", "url_citation": { "url": url, "title": "A", "start_index": start, "end_index": end, "content": "It is so." } })
}

fn document(start: u64, end: u64) -> Value {
    json!({ "type": "file_citation", "file_citation": { "file_id": "doc:0", "filename": "facts.txt", "start_index": start, "end_index": end } })
}

fn answer(content: &str, annotations: &Value) -> Value {
    json!({ "model": "served", "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": content, "annotations": annotations } }] })
}

fn foreign(url: &str) -> Value {
    json!({ "type": "web_search_result_location", "url": url, "title": "A", "cited_text": "It is so.", "encrypted_index": "mux1." })
}

#[test]
fn a_whole_text_is_cut_where_what_a_source_stands_for_ends() {
    let annotations = json!([
        web("https://a/", 5, 8),
        document(5, 8),
        web("https://b/", 9, 10)
    ]);
    let said = whole(Messages, &answer("Yes: só. Ok", &annotations));
    assert_eq!(
        said["content"],
        json!([
            { "type": "text", "text": "Yes: " },
            { "type": "text", "text": "só.", "citations": [
                foreign("https://a/"),
                { "type": "char_location", "cited_text": "", "document_index": 0, "document_title": "facts.txt", "start_char_index": 0, "end_char_index": 0, "file_id": "mux1.doc:0" },
            ] },
            { "type": "text", "text": " " },
            { "type": "text", "text": "O", "citations": [foreign("https://b/")] },
            { "type": "text", "text": "k" },
        ])
    );
}

#[test]
fn a_source_without_a_place_stands_with_the_last_text() {
    let annotation = json!({ "type": "url_citation", "url_citation": { "url": "https://a/", "title": "A", "content": "It is so.", "start_index": 0, "end_index": 0 } });
    let said = whole(Messages, &answer("Yes.", &json!([annotation])));
    assert_eq!(
        said["content"],
        json!([{ "type": "text", "text": "Yes.", "citations": [foreign("https://a/")] }])
    );
    let said = whole(Responses, &answer("Yes.", &json!([annotation])));
    assert_eq!(
        said["output"][0]["content"][0]["annotations"],
        json!([{ "type": "url_citation", "url": "https://a/", "title": "A", "start_index": 0, "end_index": 4 }])
    );
}

#[test]
fn a_streamed_source_stands_in_the_block_it_came_with_and_the_next_text_in_another() {
    let deltas = [
        json!({ "role": "assistant", "content": "" }),
        json!({ "content": "Yes." }),
        json!({ "annotations": [web("https://a/", 0, 4)] }),
        json!({ "annotations": [web("https://b/", 0, 4)] }),
        json!({ "content": " No." }),
    ];
    let said = message(&told(Messages, &[stream(&deltas, "stop")]));
    assert_eq!(
        said["content"],
        json!([
            { "type": "text", "text": "Yes.", "citations": [foreign("https://a/"), foreign("https://b/")] },
            { "type": "text", "text": " No." },
        ])
    );
}

#[test]
fn a_response_counts_from_the_beginning_of_each_of_its_texts() {
    let deltas = [
        json!({ "content": "Yés." }),
        json!({ "annotations": [web("https://a/", 0, 3)] }),
        json!({ "tool_calls": [{ "index": 0, "id": "c", "function": { "name": "f", "arguments": "{}" } }] }),
        json!({ "content": " No." }),
        json!({ "annotations": [web("https://b/", 5, 7), document(4, 8)] }),
    ];
    let said = response(&told(Responses, &[stream(&deltas, "stop")]));
    let told = |at: usize| said["output"][at]["content"][0]["annotations"].clone();
    let url = |url: &str, start: u64, end: u64| json!({ "type": "url_citation", "url": url, "title": "A", "start_index": start, "end_index": end });
    assert_eq!(told(0), json!([url("https://a/", 0, 3)]));
    assert_eq!(
        told(2),
        json!([url("https://b/", 1, 3), { "type": "file_citation", "file_id": "doc:0", "filename": "facts.txt", "index": 4 }])
    );
}

#[test]
fn what_belongs_to_a_text_stays_with_it_where_calls_and_pictures_come_in_the_same_answer() {
    let mut both = answer("Yes.", &json!([web("https://a/", 0, 4)]));
    let odds = json!([{ "token": "Yes.", "logprob": -0.5, "bytes": null, "top_logprobs": [] }]);
    both["choices"][0]["logprobs"] = json!({ "content": odds });
    both["choices"][0]["message"]["images"] =
        json!([{ "image_url": { "url": "data:image/png;base64,AA==" } }]);
    both["choices"][0]["message"]["tool_calls"] =
        json!([{ "id": "c", "function": { "name": "f", "arguments": "{}" } }]);
    let said = whole(Responses, &both);
    let kinds: Vec<&Value> = said["output"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| &item["type"])
        .collect();
    assert_eq!(kinds, ["message", "image_generation_call", "function_call"]);
    let text = &said["output"][0]["content"][0];
    assert_eq!(text["annotations"][0]["url"], "https://a/");
    assert_eq!(text["logprobs"], odds);
}

#[test]
fn a_source_that_comes_before_its_text_waits_for_it() {
    let deltas = [
        json!({ "annotations": [web("https://a/", 0, 4)] }),
        json!({ "content": "Yes." }),
        json!({ "tool_calls": [{ "index": 0, "id": "c", "function": { "name": "f", "arguments": "{}" } }] }),
    ];
    let said = message(&told(Messages, &[stream(&deltas, "tool_calls")]));
    assert_eq!(
        said["content"][0],
        json!({ "type": "text", "text": "Yes.", "citations": [foreign("https://a/")] })
    );
    let said = response(&told(Responses, &[stream(&deltas, "tool_calls")]));
    let cited = &said["output"][0]["content"][0]["annotations"][0];
    assert_eq!(
        (&cited["url"], &cited["end_index"]),
        (&json!("https://a/"), &json!(4))
    );
}

#[test]
fn sources_of_an_answer_without_text_are_named_as_lost() {
    let call = json!({ "id": "c", "function": { "name": "f", "arguments": "{}" } });
    let answer = json!({ "model": "sonar", "citations": ["https://a/"], "choices": [{ "index": 0, "finish_reason": "tool_calls",
        "message": { "role": "assistant", "content": null, "tool_calls": [call] } }] });
    let said = whole(Messages, &answer);
    assert_eq!(said["content"].as_array().map(Vec::len), Some(1));
    assert_eq!(said["content"][0]["type"], "tool_use");
    let said = whole(Responses, &answer);
    assert_eq!(said["output"].as_array().map(Vec::len), Some(1));
    for dialect in [Messages, Responses] {
        let said = voice::whole(dialect, &speaker(), answer.to_string().as_bytes());
        assert_eq!(said.expect("an answer").lost, ["citations"]);
    }
}

#[test]
fn what_a_stream_could_not_say_is_named_before_its_end() {
    let call = json!({ "tool_calls": [{ "index": 0, "id": "c", "function": { "name": "f", "arguments": "{}" } }] });
    let deltas = [json!({ "annotations": [web("https://a/", 0, 4)] }), call];
    let good = stream(&deltas, "tool_calls");
    let bad = Bytes::from("data: {\"choices\": 7}\n\n");
    for dialect in [Messages, Responses] {
        let said = told(dialect, &[bad.clone(), good.clone()]);
        let said = String::from_utf8(said.to_vec()).expect("text");
        let named = ": x-mux-dropped: `chunks` of the answer; `citations` of the answer\n\n";
        let at = said.find(named).expect("it is named");
        let end = said.rfind("event: ").expect("an end");
        assert!(at < end, "before the end");
    }
}

#[test]
fn anthropics_own_citation_is_what_anthropics_client_gets() {
    let own = json!({ "type": "page_location", "cited_text": "So.", "document_index": 2, "document_title": null, "start_page_number": 1, "end_page_number": 2 });
    let mut annotation = document(0, 4);
    annotation["extra_content"] = json!({ "anthropic": own });
    let said = whole(Messages, &answer("Yes.", &json!([annotation])));
    assert_eq!(said["content"][0]["citations"], json!([own]));
}

#[test]
fn sources_listed_beside_an_answer_are_told_once_however_often_they_are_repeated() {
    let results = json!([{ "url": "https://a/", "title": "A", "snippet": "It is so." }]);
    let chunk = |delta: Value, finish: Value| {
        let chunk = json!({ "object": "chat.completion.chunk", "model": "sonar", "citations": ["https://a/"], "search_results": results,
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] });
        format!("data: {chunk}\n\n")
    };
    let said = chunk(json!({ "content": "Yes" }), Value::Null)
        + &chunk(json!({ "content": "[1]." }), json!("stop"));
    let heard = message(&told(Messages, &[Bytes::from(said.clone())]));
    assert_eq!(
        heard["content"],
        json!([{ "type": "text", "text": "Yes[1].", "citations": [foreign("https://a/")] }])
    );
    let heard = response(&told(Responses, &[Bytes::from(said)]));
    let annotations = &heard["output"][0]["content"][0]["annotations"];
    assert_eq!(annotations.as_array().map(Vec::len), Some(1));
    let mut whole_answer = answer("Yes[1].", &json!([]));
    whole_answer["citations"] = json!(["https://a/", "https://b/"]);
    let heard = whole(Responses, &whole_answer);
    let annotations = &heard["output"][0]["content"][0]["annotations"];
    assert_eq!(annotations[1]["url"], "https://b/");
}

#[test]
fn citations_that_were_never_anthropics_do_not_go_back_there() {
    let own = json!({ "type": "web_search_result_location", "url": "https://c/", "title": "C", "cited_text": "c", "encrypted_index": "EqQB" });
    let block =
        |citations: Value| json!({ "type": "text", "text": "Yes.", "citations": citations });
    let body = |content: Value| {
        let body = json!({ "model": "m", "max_tokens": 9, "messages": [{ "role": "assistant", "content": [content] }, { "role": "user", "content": "Why?" }] });
        Bytes::from(body.to_string())
    };
    let sent =
        messages::without_foreign_thoughts(&body(block(json!([foreign("https://a/"), own]))))
            .expect("a change");
    let sent: Value = serde_json::from_slice(&sent).unwrap();
    assert_eq!(sent["messages"][0]["content"], json!([block(json!([own]))]));
    let sent = messages::without_foreign_thoughts(&body(block(json!([foreign("https://a/")]))))
        .expect("a change");
    let sent: Value = serde_json::from_slice(&sent).unwrap();
    assert_eq!(
        sent["messages"][0]["content"],
        json!([{ "type": "text", "text": "Yes." }])
    );
    assert_eq!(
        messages::without_foreign_thoughts(&body(block(json!([own])))),
        None
    );
}

#[test]
fn earlier_citations_that_go_nowhere_are_named() {
    let asked = json!({ "model": "m", "max_tokens": 9, "messages": [
        { "role": "assistant", "content": [{ "type": "text", "text": "Yes.", "citations": [foreign("https://a/")] }] },
        { "role": "user", "content": "Why?" },
    ] });
    let made = messages::to_chat(&Bytes::from(asked.to_string()), Audience::Adapter).unwrap();
    let dropped = made.dropped.join(", ");
    assert!(
        dropped.contains("`citations` of earlier answers"),
        "{dropped}"
    );
}

#[test]
fn a_picture_is_an_item_of_a_response() {
    let picture =
        json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,aGk=" } });
    let deltas = [
        json!({ "content": "Here:" }),
        json!({ "images": [picture] }),
    ];
    let said = response(&told(Responses, &[stream(&deltas, "stop")]));
    let item = &said["output"][1];
    assert_eq!(
        (&item["type"], &item["result"]),
        (&json!("image_generation_call"), &json!("aGk="))
    );
}

#[test]
fn what_has_no_place_in_an_answer_is_named_and_not_lost_in_silence() {
    let picture =
        json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,aGk=" } });
    let extra = json!({ "google": { "grounding_metadata": { "webSearchQueries": ["why"] } } });
    let said = json!({ "role": "assistant", "content": "So.", "images": [picture], "extra_content": extra });
    let chat = json!({ "model": "m", "choices": [{ "index": 0, "finish_reason": "stop", "message": said }] });
    let lost = |dialect| {
        let answer = voice::whole(dialect, &speaker(), chat.to_string().as_bytes()).unwrap();
        voice::left_out(&answer.lost)
    };
    assert_eq!(
        lost(Messages),
        ["`extra_content` of the answer", "`images` of the answer"]
    );
    assert_eq!(lost(Responses), ["`extra_content` of the answer"]);

    // The headers of a stream are gone: there it is a comment, which clients skip.
    let deltas = [json!({ "content": "So." }), json!({ "images": [picture] })];
    let heard = told(Messages, &[stream(&deltas, "stop")]);
    let text = String::from_utf8(heard.to_vec()).unwrap();
    assert!(
        text.contains("\n: x-mux-dropped: `images` of the answer\n"),
        "{text}"
    );
    assert_eq!(message_text(&heard), "So.");
    let heard = told(Responses, &[stream(&[json!({ "content": "So." })], "stop")]);
    assert!(
        !String::from_utf8(heard.to_vec())
            .unwrap()
            .contains("x-mux-dropped")
    );
}

fn message_text(heard: &Bytes) -> String {
    message(heard)["content"][0]["text"]
        .as_str()
        .unwrap()
        .to_owned()
}
