"""What the official OpenAI client makes of a gateway: one JSON object on standard output."""

import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="sk-client", max_retries=3)
messages = [{"role": "user", "content": "hello there"}]
seen = {"package": openai.__version__}

whole = client.chat.completions.create(model="@chat", messages=messages)
seen["whole"] = {
    "text": whole.choices[0].message.content,
    "finish": whole.choices[0].finish_reason,
    "output": whole.usage.completion_tokens,
}

stream = client.chat.completions.create(
    model="@chat", messages=messages, stream=True, stream_options={"include_usage": True}
)
chunks = list(stream)
seen["streamed"] = {
    "text": "".join(c.choices[0].delta.content or "" for c in chunks if c.choices),
    "output": [c.usage.completion_tokens for c in chunks if c.usage],
}

seen["models"] = [model.id for model in client.models.list()]

raw = client.chat.completions.with_raw_response.create(model="@chat", messages=messages)
seen["target"] = raw.headers["x-mux-target"]


def failure(call):
    """The error a call ends with, as the client shows it."""
    try:
        call()
    except openai.APIStatusError as error:
        return {
            "class": type(error).__name__,
            "status": error.status_code,
            "code": error.code,
            "attempts": error.body["mux"]["attempts"],
        }
    except openai.APIError as error:
        return {"class": type(error).__name__, "code": error.code}
    return None


def create(model, **more):
    return client.chat.completions.create(model=model, messages=messages, **more)


seen["unknown"] = failure(lambda: create("@nobody"))
seen["down"] = failure(lambda: create("@down"))
seen["cut"] = failure(lambda: list(create("@cut", stream=True)))
print(json.dumps(seen))
