"""The offline model answers requests that nobody foresaw, from the agent's own tools and data."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

import pytest
from agents import Agent, ModelSettings, WebSearchTool, function_tool
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from agents_defs.equipment import Equipment, equip
from agents_defs.offline.wording import TAG
from agents_defs.offline_model import OfflineModel
from agents_defs.registry import default_registry
from agents_defs.run_order import RunResult
from tests.doubles.recorded_runs import Recorder, order_for, plain_agent, run_agent, runner_on

OFFLINE = OfflineModel()


def calls_of(result: RunResult) -> list[str]:
    return [item["name"] for item in result.new_items if item.get("type") == "function_call"]


async def asked(name: str, request: str, **changes: Any) -> RunResult:
    spec = default_registry().resolve(name)
    return await runner_on(OFFLINE).run(order_for(spec, request, **changes), Recorder())


SUPPORT = [
    ("Where is my order 1042?", "support", "lookup_order", "1042"),
    ("order 7?", "support", "lookup_order", "status"),
    ("Has #1046 shipped yet", "support", "lookup_order", "1046"),
    ("what did we buy in orders 1041, 1042 and 1043", "support", "lookup_order", "1043"),
    ("order 99999 please", "support", "lookup_order", "no order 99999"),
    ("¿Dónde está mi pedido 1044?", "support", "lookup_order", "1044"),
    ("show my last 3 orders", "support", "list_orders", "1047"),
    ("list all delivered orders", "support", "list_orders", "delivered"),
    ("I was charged twice for order 1041, give me my money back", "billing", "refund_status", "184.90"),
    ("What is the status of the refund of order 1041?", "billing", "refund_status", "paid"),
    ("How long does a refund take?", "billing", "search_knowledge_base", "5 to 10 business days"),
    ("We need our VAT number on the invoice", "billing", "search_knowledge_base", "VAT"),
    ("which payment methods do you take?", "billing", "search_knowledge_base", "SEPA"),
    ("How do I cancel our subscription plan?", "billing", "search_knowledge_base", "end of the paid month"),
    ("My gateway shows a red light!", "technical", "search_knowledge_base", "Unplug"),
    ("readings of the flow meter jump", "technical", "search_knowledge_base", "air in the pipe"),
    ("how to calibrate a turbidity probe", "technical", "search_knowledge_base", "3 months"),
    ("the API answers with error 429", "technical", "search_knowledge_base", "600 times"),
    ("I forgot my password", "account", "reset_password_link", "console.millrace.example/reset"),
    ("I lost my phone and cannot pass two-factor authentication", "account", "", "recovery codes"),
    ("how can I invite a new member?", "account", "search_knowledge_base", "Members"),
    ("Hello there", "support", "", "Millrace"),
    ("thank you!", "support", "", "welcome"),
    ("what is 17 * (3 + 4)", "support", "", "119"),
    ("Can you write a haiku about rivers?", "support", "", "haiku"),
    ("🤖🤖🤖", "support", "", "🤖"),
    ("", "support", "", "Millrace"),
    ("Quelle heure est-il à Paris ?", "support", "", "paris"),
]


@pytest.mark.parametrize(
    ("request_", "agent", "tool", "cited"), SUPPORT, ids=[case[0][:40] for case in SUPPORT]
)
async def test_support_answers_from_its_data(request_: str, agent: str, tool: str, cited: str) -> None:
    result = await asked("support", request_)

    assert result.last_agent == agent
    assert not tool or tool in calls_of(result)
    assert cited.lower() in result.output.lower()
    assert result.output.endswith(TAG)


@pytest.mark.parametrize(
    ("request_", "tools"),
    [
        ("Was order 1030 refunded?", ["refund_status"]),
        ("Can I request a refund of order 1030?", ["search_knowledge_base"]),
        ("My refund of order 1030 has not come", ["refund_status"]),
        (
            "Please refund 20 EUR for order 1030, it was broken on arrival",
            ["refund_status", "request_refund"],
        ),
        ("Refund 20 EUR for order 1030", ["refund_status", "request_refund"]),
    ],
)
async def test_money_is_asked_for_only_where_somebody_says_so(request_: str, tools: list[str]) -> None:
    before = equip(Equipment())

    called = calls_of(await asked("support", request_))

    equip(before).close()
    assert ("request_refund" in called) == ("request_refund" in tools)
    assert set(called) & set(tools)


RESEARCH = [
    ("What is back-pressure and why does it matter?", "[backpressure]"),
    ("How do I stop a noisy tenant from delaying the others?", "[fairness]"),
    ("Compare Pelton and Kaplan turbines", "[turbines]"),
    ("How can prompt injection be limited?", "[prompt-injection]"),
    ("Why do retries at several layers multiply?", "[retries]"),
    ("what does a compacted topic keep", "[compaction]"),
    ("Explain error budgets", "[slo]"),
    ("What is the capital of France?", "No documents were found"),
]


@pytest.mark.parametrize(("request_", "cited"), RESEARCH, ids=[case[0][:40] for case in RESEARCH])
async def test_research_plans_searches_and_writes(request_: str, cited: str) -> None:
    result = await asked("research", request_)

    assert calls_of(result) == ["transfer_to_searcher", "search_documents", "transfer_to_writer"]
    assert result.last_agent == "writer"
    assert cited in result.output
    assert result.output.endswith(TAG)


@function_tool
async def get_weather(
    city: str, day: date | None = None, unit: Literal["celsius", "fahrenheit"] = "celsius"
) -> str:
    """Tells the weather forecast for a city."""
    return f'{{"city": "{city}", "day": "{day}", "temperature": 21, "unit": "{unit}"}}'


@function_tool
async def send_email(to: str, subject: str, urgent: bool = False) -> dict[str, Any]:
    """Sends an e-mail to an address."""
    return {"sent_to": to, "subject": subject, "urgent": urgent}


@function_tool
async def transfer_money(
    amount: Annotated[float, Field(description="The amount in euros.", gt=0)],
    iban: Annotated[str, Field(description="The account.", pattern=r"^[A-Z]{2}\d{8,}$")],
) -> str:
    """Transfers money to an account."""
    return f"{amount} to {iban}"


@function_tool
async def find_rooms(guests: Annotated[int, Field(ge=1)], nights: int = 1) -> list[dict[str, Any]]:
    """Finds free hotel rooms for a number of guests."""
    return [{"name": f"Room {number}", "beds": guests, "nights": nights} for number in range(1, 9)]


def assistant() -> Agent[Any]:
    return plain_agent(tools=[get_weather, send_email, transfer_money, find_rooms, WebSearchTool()])


UNFORESEEN = [
    ("What is the weather in Vienna on 2026-12-24?", "get_weather", ["Vienna", "2026-12-24", "21"]),
    ("weather for Reykjavik in fahrenheit", "get_weather", ["Reykjavik", "fahrenheit"]),
    (
        'Send an urgent email to bo@example.org with the subject "Leak in hall 4"',
        "send_email",
        ["Leak in hall 4"],
    ),
    ("Please transfer 250 euros to account AT12345678", "transfer_money", ["250", "AT12345678"]),
    ("rooms for 3 guests, 4 nights", "find_rooms", ["Room 1", "beds 3", "nights 4"]),
    ("I need a room for two guests", "find_rooms", ["beds 2"]),
]


@pytest.mark.parametrize(("request_", "tool", "cited"), UNFORESEEN, ids=[case[0][:40] for case in UNFORESEEN])
async def test_tools_that_the_model_never_saw_before_are_used(
    request_: str, tool: str, cited: list[str]
) -> None:
    result = await run_agent(assistant, OFFLINE, asked=request_)

    assert calls_of(result) == [tool]
    for value in cited:
        assert value in result.output
    assert result.output.endswith(TAG)


async def test_a_tool_that_lacks_an_argument_is_not_called() -> None:
    result = await run_agent(assistant, OFFLINE, asked="transfer some money")

    assert calls_of(result) == []
    assert result.output.endswith(TAG)


async def test_a_long_text_is_put_in_short() -> None:
    text = (
        "The river rose by two metres in the night. The gates of the weir were opened at four. "
        "The gates of the weir let the river pass. A dog barked. Nobody was hurt."
    )

    result = await run_agent(plain_agent, OFFLINE, asked=text)

    assert "weir" in result.output
    assert "dog" not in result.output


async def test_a_follow_up_uses_what_was_said_before() -> None:
    first = await asked("support", "Where is my order 1042?")

    second = await asked("support", "and what about its refund?", session_items=first.new_items)

    assert "refund_status" in calls_of(second)
    assert "1042" in second.output


@pytest.mark.parametrize("choice", ["none", "required", "find_rooms"])
async def test_the_tool_choice_is_kept(choice: str) -> None:
    def told() -> Agent[Any]:
        settings = ModelSettings(tool_choice=choice)
        return plain_agent(tools=[find_rooms, get_weather], model_settings=settings)

    result = await run_agent(told, OFFLINE, asked="what is the weather in Graz for 2 people?")

    expected = {"none": [], "required": ["get_weather"], "find_rooms": ["find_rooms"]}
    assert calls_of(result) == expected[choice]


async def test_agents_that_hand_off_to_each_other_come_to_an_end() -> None:
    def circle() -> Agent[Any]:
        one, other = Agent[Any](name="rivers"), Agent[Any](name="lakes")
        one.handoffs.append(other)
        other.handoffs.append(one)
        return one

    result = await run_agent(circle, OFFLINE, asked="tell me about lakes and rivers and lakes")

    assert len(calls_of(result)) <= 2
    assert result.output.endswith(TAG)


async def test_an_agent_used_as_a_tool_is_asked() -> None:
    def asking() -> Agent[Any]:
        expert = Agent[Any](name="turbine expert", instructions="You are an expert for turbines.")
        tool = expert.as_tool("ask_turbine_expert", "Answers questions about turbines.")
        return plain_agent(tools=[tool])

    result = await run_agent(asking, OFFLINE, asked="Which turbine suits a head of 300 metres?")

    assert calls_of(result) == ["ask_turbine_expert"]
    assert "expert for turbines" in result.output


async def test_the_same_request_is_answered_the_same() -> None:
    one, other = [await asked("support", "Where is my order 1042?") for _ in range(2)]

    assert one.new_items == other.new_items


async def test_tokens_are_estimated_from_the_text() -> None:
    short, long = [await run_agent(plain_agent, OFFLINE, asked="why? " * count) for count in (1, 200)]

    assert 0 < short.calls[0].input_tokens < long.calls[0].input_tokens
    assert short.calls[0].output_tokens > 0
    assert (short.calls[0].cost_text, short.calls[0].price_source) == ("0", "offline")


class Contact(BaseModel):
    email: Annotated[str, Field(json_schema_extra={"format": "email"})]
    phone: Annotated[str, Field(pattern=r"^\+\d{6,}$")]


class Ticket(BaseModel):
    """A request, taken apart."""

    title: Annotated[str, Field(max_length=40)]
    kind: Literal["question", "complaint", "order"]
    priority: Annotated[int, Field(ge=1, le=5)]
    urgent: bool
    order: int | None
    due: date | None
    tags: list[str]
    contact: Contact
    summary: str


def filing() -> Agent[Any]:
    return plain_agent(output_type=Ticket)


async def test_an_output_type_is_filled_from_the_input() -> None:
    text = (
        "This is a complaint and it is urgent: order 1042 arrived broken. Priority 4. Reply until 2026-12-01 "
        "to +43123456789 or kim@example.org."
    )

    output = (await run_agent(filing, OFFLINE, asked=text)).output

    assert (output["kind"], output["priority"], output["urgent"]) == ("complaint", 4, True)
    assert (output["order"], output["due"]) == (1042, "2026-12-01")
    assert output["contact"] == {"email": "kim@example.org", "phone": "+43123456789"}
    assert TAG in output["summary"] or TAG in output["title"]


@given(st.text(max_size=300))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
async def test_an_output_type_is_valid_whatever_was_asked(text: str) -> None:
    output = (await run_agent(filing, OFFLINE, asked=text)).output

    Ticket.model_validate(output)


@given(st.text(max_size=300))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
async def test_any_request_has_an_answer(text: str) -> None:
    result = await asked("support", text)

    assert result.output.endswith(TAG)
    assert len(result.output) > len(TAG) + 5
    assert result.turns <= 6
