"""Sees to it that a test asks no real model: whatever a provider's client would send beyond this machine."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import openai

ADVICE = (
    "give the agent a model that is none (stream_test, scripted_model, recorded_model, answer_of), "
    "or mark the test `live`"
)


class RealModel(Exception):
    """A test would have asked a real model."""


@dataclass
class ModelGuard:
    """As long as it stands on guard, it notes and refuses what would be sent elsewhere."""

    reached: list[str] = field(default_factory=list)
    _undo: list[tuple[Any, str, Any]] = field(default_factory=list)

    @property
    def complaint(self) -> str | None:
        """What the test did, in a line."""
        if not self.reached:
            return None
        return f"the test would have asked a real model at {self.reached[0]}: {ADVICE}"

    def stand(self) -> None:
        """From now on, whoever made the client and whenever."""
        self._replace(openai.AsyncOpenAI, "request", self._of_client)
        self._replace(openai.OpenAI, "request", self._of_client)
        litellm = sys.modules.get("litellm")
        if litellm is not None:  # it brings connections of its own
            self._replace(litellm, "acompletion", self._of_litellm)

    def leave(self) -> None:
        """All is as it was."""
        while self._undo:
            owner, name, before = self._undo.pop()
            if before is None:
                delattr(owner, name)
            else:
                setattr(owner, name, before)

    def _replace(self, owner: Any, name: str, guarded: Callable[[Any], Any]) -> None:
        self._undo.append((owner, name, vars(owner).get(name)))
        setattr(owner, name, guarded(getattr(owner, name)))

    def _of_client(self, call: Any) -> Any:
        def request(client: Any, *given: Any, **named: Any) -> Any:
            self._heed(str(client.base_url), client.base_url.host)
            return call(client, *given, **named)

        return request

    def _of_litellm(self, call: Any) -> Any:
        def acompletion(*given: Any, **named: Any) -> Any:
            address = str(named.get("base_url") or "LiteLLM's providers")
            self._heed(address, address.partition("://")[2].partition("/")[0].partition(":")[0])
            return call(*given, **named)

        return acompletion

    def _heed(self, address: str, host: str) -> None:
        if _is_here(host):
            return
        self.reached.append(address)
        raise RealModel(f"tests ask no real model, and this one would at {address}: {ADVICE}")


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
