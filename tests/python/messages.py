"""What the official Anthropic client makes of a gateway: one JSON object on standard output."""

import json
import sys

import anthropic

client = anthropic.Anthropic(base_url=sys.argv[1], api_key="sk-client", max_retries=3)
messages = [{"role": "user", "content": "hello there"}]
tools = [
    {
        "name": "weather",
        "description": "the weather somewhere",
        "input_schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    }
]
seen = {"package": anthropic.__version__}


def create(model, **more):
    more = {"messages": messages, "max_tokens": 100, **more}
    return client.messages.create(model=model, **more)


def shown(message):
    """A message as far as it is looked at."""
    return {
        "text": "".join(b.text for b in message.content if b.type == "text"),
        "calls": [[b.name, b.input] for b in message.content if b.type == "tool_use"],
        "stop": message.stop_reason,
        "input": message.usage.input_tokens > 0,
        "output": message.usage.output_tokens,
    }


def streamed(model, **more):
    more = {"messages": messages, "max_tokens": 100, **more}
    with client.messages.stream(model=model, **more) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    return {**shown(message), "streamed": text}


def failure(call):
    """The error a call ends with, as the client shows it."""
    try:
        call()
    except anthropic.APIStatusError as error:
        return {
            "class": type(error).__name__,
            "status": error.status_code,
            "type": error.body["error"]["type"],
            "code": error.body["error"]["code"],
            "attempts": len(error.body["error"]["mux"]["attempts"]),
        }
    except Exception as error:  # what a client does with a connection that breaks is its own affair
        return {"class": type(error).__name__}
    return None


for name in ["@chat", "@own"]:
    asked = [{"role": "user", "content": "please call weather"}]
    call = create(name, messages=asked, tools=tools)
    block = call.content[-1]
    result = {"type": "tool_result", "tool_use_id": block.id, "content": "sun"}
    after = [*asked, {"role": "assistant", "content": call.content}, {"role": "user", "content": [result]}]
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    seen[name] = {
        "whole": shown(create(name)),
        "streamed": streamed(name),
        "call": shown(call),
        "streamed_call": streamed(name, messages=asked, tools=tools),
        "after": shown(create(name, messages=after, tools=tools)),
        "picture": shown(create(name, messages=[{"role": "user", "content": [picture]}])),
        "counted": client.messages.count_tokens(model=name, messages=messages).input_tokens > 0,
    }

beta = client.beta.messages.create(model="@chat", max_tokens=100, messages=messages, betas=["x-1"])
seen["beta"] = shown(beta)
seen["models"] = [model.id for model in client.models.list()]
seen["unknown"] = failure(lambda: create("@nobody"))
seen["down"] = failure(lambda: create("@down"))
seen["cut"] = failure(lambda: streamed("@cut"))
seen["unsupported"] = failure(
    lambda: create("@chat", tools=[{"type": "web_search_20250305", "name": "web_search"}])
)
print(json.dumps(seen))
