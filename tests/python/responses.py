"""What the official OpenAI client makes of responses and embeddings: one JSON object on standard output."""

import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="sk-client", max_retries=3)
tools = [
    {
        "type": "function",
        "name": "weather",
        "strict": False,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    }
]
seen = {"package": openai.__version__}


def shown(response):
    """A response as far as it is looked at."""
    return {
        "text": response.output_text,
        "calls": [[i.name, json.loads(i.arguments)] for i in response.output if i.type == "function_call"],
        "status": response.status,
        "output": response.usage.output_tokens,
    }


def create(model, **more):
    return client.responses.create(model=model, **{"input": "hello there", **more})


def streamed(model, **more):
    with client.responses.stream(model=model, **{"input": "hello there", **more}) as stream:
        deltas = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
        return {**shown(stream.get_final_response()), "streamed": deltas}


def failure(call):
    """The error a call ends with, as the client shows it."""
    try:
        call()
    except openai.APIStatusError as error:
        return {"class": type(error).__name__, "status": error.status_code, "code": error.code}
    except openai.APIError as error:
        return {"class": type(error).__name__, "code": error.code}
    return None


for name in ["@chat", "@other"]:
    asked = [{"role": "user", "content": "please call weather"}]
    call = create(name, input=asked, tools=tools)
    made = call.output[-1]
    result = {"type": "function_call_output", "call_id": made.call_id, "output": "sun"}
    seen[name] = {
        "whole": shown(create(name)),
        "streamed": streamed(name),
        "call": shown(call),
        "streamed_call": streamed(name, input=asked, tools=tools),
        "after": shown(create(name, input=[*asked, *call.output, result], tools=tools)),
    }

seen["stored"] = failure(lambda: create("@chat", previous_response_id="resp_1"))
seen["down"] = failure(lambda: create("@down"))
seen["cut"] = failure(lambda: list(create("@cut", stream=True)))

packed = client.embeddings.create(model="@chat", input=["a", "b"], dimensions=4)
plain = client.embeddings.create(model="@chat", input="a", encoding_format="float", dimensions=4)
seen["embeddings"] = {
    "count": len(packed.data),
    "same": packed.data[0].embedding == plain.data[0].embedding,
    "length": len(plain.data[0].embedding),
    "input": packed.usage.prompt_tokens > 0,
}
seen["no_embeddings"] = failure(lambda: client.embeddings.create(model="@other", input="a"))
print(json.dumps(seen))
