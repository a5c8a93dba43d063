"""The two APIs side by side: how each is read, and how its answers are written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.simulator import chat_answers, chat_api, responses_answers, responses_api
from app.simulator.answers import Answer
from app.simulator.model_call import Api, ModelCall
from app.simulator.script import Script, Stamp


@dataclass(frozen=True, slots=True)
class Dialect:
    read: Callable[[Mapping[str, Any]], ModelCall]
    whole: Callable[[ModelCall, Answer, Stamp], bytes]
    script: Callable[[ModelCall, Answer, Stamp, int], Script]
    id_prefix: str
    input_field: str


DIALECTS: dict[Api, Dialect] = {
    "responses": Dialect(
        responses_api.read, responses_answers.whole, responses_answers.script, "resp_", "input"
    ),
    "chat": Dialect(chat_api.read, chat_answers.whole, chat_answers.script, "chatcmpl-", "messages"),
}
