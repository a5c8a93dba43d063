"""The client of one OpenAI-compatible endpoint: its connections, its models, and whether it answers.

The client talks through aiohttp. Its own default looks through all open connections for each request: with
500 calls in flight that costs 4.8 ms of CPU a call, through aiohttp 1.0 ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
import openai
from agents import Model, OpenAIChatCompletionsModel, OpenAIResponsesModel
from openai import AsyncAzureOpenAI, AsyncOpenAI, DefaultAioHttpClient

if TYPE_CHECKING:
    from agents_defs.endpoints import EndpointOptions

NO_KEY = "none"
"""Compatible servers without keys still want the header; the client refuses to start without one."""
KEEP_ALIVE_S = 30.0
"""Less than the idle timeout of the load balancers that providers use."""
DESCRIBED_WITHIN_S = 5.0
ANSWERED_WITHIN_S = 20.0
TINY_TOKENS = 16  # the fewest that the Responses API takes
KEY_REFUSED = frozenset({401, 403})
NOT_NOW = frozenset({408, 429})
SERVERS_FAULT = 500
NOT_IMPLEMENTED = 501  # of the description: there is none


class ProviderClient:
    """It retries nothing. How long an answer may take agents say: there is a limit only for connecting."""

    def __init__(self, options: EndpointOptions, connections: int, connect_timeout_s: float) -> None:
        self._options = options
        self.sdk = _sdk_client(options, connections, connect_timeout_s)

    @property
    def host(self) -> str:
        """Where it answers."""
        return self.sdk.base_url.host

    def model(self, name: str, key: str | None = None) -> Model:
        """The model that we call so, asked with this key; None: with the endpoint's own."""
        client = self.sdk if key is None else self.sdk.with_options(api_key=key)
        if self._options.api == "chat_completions":
            return OpenAIChatCompletionsModel(model=self._called(name), openai_client=client)
        return OpenAIResponsesModel(model=self._called(name), openai_client=client)

    async def asked(self, name: str) -> None:
        """Raises what is wrong with the model: it has to be there, and our key has to do for it.

        Its description is free. Where there is none, or the key may not read it, a tiny answer decides.
        """
        try:
            await self._described(name)
        except openai.APIStatusError as error:
            if not _says_little(error):
                raise
            await self._tiny_answer(name)

    async def is_well(self, name: str, *, hung: bool) -> bool:
        """Whether calls may go there again. `hung`: they got no answer, though descriptions may."""
        try:
            await (self._tiny_answer(name) if hung else self._described(name))
        except openai.APIStatusError as error:
            if error.status_code not in KEY_REFUSED:
                return _is_answer(error.status_code, described=not hung)
            if self._options.api_key is None:
                return True  # the keys are its tenants', and none of them is ours to try
            return not hung and await self.is_well(name, hung=True)  # it may be for answers only
        except Exception:  # noqa: BLE001  whatever came between, nobody answered
            return False
        return True

    async def _described(self, name: str) -> None:
        await self.sdk.models.retrieve(self._called(name), timeout=DESCRIBED_WITHIN_S)

    async def _tiny_answer(self, name: str) -> None:
        model, within_s = self._called(name), ANSWERED_WITHIN_S
        if self._options.api == "chat_completions":
            await self.sdk.chat.completions.create(
                model=model,
                messages=[{"role": "user", "content": "ping"}],
                max_completion_tokens=TINY_TOKENS,
                timeout=within_s,
            )
        else:
            await self.sdk.responses.create(
                model=model, input="ping", max_output_tokens=TINY_TOKENS, timeout=within_s
            )

    def _called(self, name: str) -> str:
        return self._options.names.get(name, name)

    async def close(self) -> None:
        """No more connections."""
        await self.sdk.close()


def refuses_key(error: Exception) -> bool:
    """Whether somebody answered, and the key does not do."""
    return isinstance(error, openai.APIStatusError) and error.status_code in KEY_REFUSED


def _says_little(refusal: openai.APIStatusError) -> bool:
    """Whether a description that was refused leaves open if the model can be asked."""
    status = refusal.status_code
    if status in NOT_NOW or refusal.code == "model_not_found":
        return False
    return status < SERVERS_FAULT or status == NOT_IMPLEMENTED


def _is_answer(status: int, *, described: bool) -> bool:
    """Whether a server that says this works, whatever it thinks of the question."""
    if status == NOT_IMPLEMENTED:
        return described
    return status < SERVERS_FAULT and status not in NOT_NOW


def _sdk_client(options: EndpointOptions, connections: int, connect_timeout_s: float) -> AsyncOpenAI:
    limits = httpx2.Limits(
        max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEP_ALIVE_S
    )
    # A call that finds no free connection waits for one within its limit.
    timeout = httpx2.Timeout(None, connect=connect_timeout_s)
    shared: dict[str, Any] = {
        "api_key": options.api_key or NO_KEY,
        "max_retries": 0,
        "timeout": timeout,
        "http_client": DefaultAioHttpClient(limits=limits, timeout=timeout),
    }
    if options.provider == "azure":
        address = options.base_url or ""
        return AsyncAzureOpenAI(azure_endpoint=address, api_version=options.api_version, **shared)
    return AsyncOpenAI(base_url=options.base_url, **shared)
