"""Real clients, each asked for a streamed answer inside an attempt; asynchronous ones in an event loop of their own."""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import anthropic
import anyio
import httpx2
import openai
import requests
from google import genai
from google.genai import types

from pi_fallback.failover import Attempt, Failover, Phase

QUIET_S = 1.0  # the read timeout of the clients: long enough for a busy machine, short enough to wait for
KEY = "sk-canary-0123456789"
Ask = Callable[[Failover, str], str]
"""Asks the server at that origin for an answer: its text."""


def _question(attempt: Attempt) -> dict[str, object]:
    return {"model": attempt.route.model, "stream": True, "messages": [{"role": "user", "content": "hi"}]}


def _read(attempt: Attempt, lines: Iterable[str]) -> str:
    """An answer in server-sent events, as a careful user of a bare HTTP client reads it."""
    pieces: list[str] = []
    reason = None
    for line in lines:
        if line.startswith("data: ") and line != "data: [DONE]":
            event = json.loads(line[6:])
            if "error" in event:
                attempt.failed(event["error"]["message"])
            for choice in event["choices"]:
                if text := choice["delta"].get("content"):
                    attempt.emitted()
                    pieces.append(text)
                reason = choice.get("finish_reason") or reason
    attempt.complete(reason)
    return "".join(pieces)


def by_openai(failover: Failover, origin: str) -> str:
    answer = ""
    with openai.OpenAI(base_url=f"{origin}/v1", api_key=KEY, max_retries=0, timeout=QUIET_S) as client:
        for attempt in failover.attempts():
            with attempt:
                answer, reason = "", None
                messages: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]
                with client.chat.completions.create(
                    model=attempt.route.model, messages=messages, stream=True
                ) as stream:
                    for chunk in stream:
                        for choice in chunk.choices:
                            if choice.delta.content:
                                attempt.emitted()
                                answer += choice.delta.content
                            reason = choice.finish_reason or reason
                attempt.complete(reason)
    return answer


async def _by_async_openai(failover: Failover, origin: str) -> str:
    answer = ""
    async with openai.AsyncOpenAI(base_url=f"{origin}/v1", api_key=KEY, max_retries=0, timeout=QUIET_S) as client:
        async for attempt in failover.attempts():
            with attempt:
                answer, reason = "", None
                stream = await client.chat.completions.create(
                    model=attempt.route.model, messages=[{"role": "user", "content": "hi"}], stream=True
                )
                async with stream:
                    async for chunk in stream:
                        for choice in chunk.choices:
                            if choice.delta.content:
                                attempt.emitted()
                                answer += choice.delta.content
                            reason = choice.finish_reason or reason
                attempt.complete(reason)
    return answer


def by_anthropic(failover: Failover, origin: str) -> str:
    answer = ""
    with anthropic.Anthropic(base_url=origin, api_key=KEY, max_retries=0, timeout=QUIET_S) as client:
        for attempt in failover.attempts():
            with attempt:
                answer, reason = "", None
                with client.messages.create(
                    model=attempt.route.model,
                    max_tokens=100,
                    messages=[{"role": "user", "content": "hi"}],
                    stream=True,
                ) as stream:
                    for event in stream:
                        if event.type == "content_block_delta" and event.delta.type == "text_delta":
                            attempt.emitted(Phase.TEXT)
                            answer += event.delta.text
                        elif event.type == "message_delta":
                            reason = event.delta.stop_reason
                attempt.complete(reason)
    return answer


async def _by_async_anthropic(failover: Failover, origin: str) -> str:
    answer = ""
    async with anthropic.AsyncAnthropic(base_url=origin, api_key=KEY, max_retries=0, timeout=QUIET_S) as client:
        async for attempt in failover.attempts():
            with attempt:
                answer, reason = "", None
                stream = await client.messages.create(
                    model=attempt.route.model,
                    max_tokens=100,
                    messages=[{"role": "user", "content": "hi"}],
                    stream=True,
                )
                async with stream:
                    async for event in stream:
                        if event.type == "content_block_delta" and event.delta.type == "text_delta":
                            attempt.emitted(Phase.TEXT)
                            answer += event.delta.text
                        elif event.type == "message_delta":
                            reason = event.delta.stop_reason
                attempt.complete(reason)
    return answer


def by_openai_responses(failover: Failover, origin: str) -> str:
    answer = ""
    with openai.OpenAI(base_url=f"{origin}/v1", api_key=KEY, max_retries=0, timeout=QUIET_S) as client:
        for attempt in failover.attempts():
            with attempt:
                answer, reason = "", None
                with client.responses.create(model=attempt.route.model, input="hi", store=False, stream=True) as stream:
                    for event in stream:
                        if event.type == "response.output_text.delta":
                            attempt.emitted()
                            answer += event.delta
                        elif event.type == "response.completed":
                            reason = event.response.status
                        elif event.type == "response.failed" and event.response.error:
                            attempt.failed(event.response.error.message)
                attempt.complete(reason)
    return answer


def by_google(failover: Failover, origin: str) -> str:
    answer = ""
    options = types.HttpOptions(
        base_url=origin,
        timeout=int(QUIET_S * 1000),
        retry_options=types.HttpRetryOptions(attempts=1),
    )
    with genai.Client(api_key=KEY, http_options=options) as client:
        for attempt in failover.attempts():
            with attempt:
                answer, reason = "", None
                for chunk in client.models.generate_content_stream(model=attempt.route.model, contents="hi"):
                    if chunk.text:
                        attempt.emitted()
                        answer += chunk.text
                    for candidate in chunk.candidates or ():
                        reason = candidate.finish_reason or reason
                attempt.complete(reason)
    return answer


def by_httpx(failover: Failover, origin: str) -> str:
    answer = ""
    headers = {"authorization": f"Bearer {KEY}"}
    with httpx2.Client(base_url=f"{origin}/v1", headers=headers, trust_env=False, timeout=QUIET_S) as client:
        for attempt in failover.attempts():
            with (
                attempt,
                client.stream("POST", "chat/completions", json=_question(attempt)) as response,
            ):
                if response.is_error:
                    response.read()
                response.raise_for_status()
                answer = _read(attempt, response.iter_lines())
    return answer


def by_requests(failover: Failover, origin: str) -> str:
    answer = ""
    with requests.Session() as session:
        session.trust_env = False
        session.headers["authorization"] = f"Bearer {KEY}"
        for attempt in failover.attempts():
            with (
                attempt,
                session.post(
                    f"{origin}/v1/chat/completions", json=_question(attempt), stream=True, timeout=QUIET_S
                ) as response,
            ):
                if not response.ok:
                    _ = response.content
                response.raise_for_status()
                response.encoding = "utf-8"
                answer = _read(attempt, response.iter_lines(decode_unicode=True))
    return answer


def _run(ask: Callable[..., object], failover: Failover, origin: str) -> str:
    return str(anyio.run(ask, failover, origin))


CLIENTS: Mapping[str, Ask] = {
    "openai": by_openai,
    "openai, async": partial(_run, _by_async_openai),
    "openai, responses": by_openai_responses,
    "anthropic": by_anthropic,
    "anthropic, async": partial(_run, _by_async_anthropic),
    "google-genai": by_google,
    "httpx": by_httpx,
    "requests": by_requests,
}
