"""Files of plans: what is taken, what is refused and how it is told; what is written reads the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.operators.plan_fields import Document, checked
from app.operators.plan_file import BadFile, Text, read_plan_file, read_plans_file, render

FULL: Document = {
    "tier": "pro",
    "weight": 2.5,
    "over_limit": "wait",
    "agents": ["support", "12:30", "null"],
    "limits": [{"what": "cost_usd", "per": "day", "limit": "25", "each_user": True}],
    "quota": {"tokens": 50_000_000, "cost_usd": "250", "time_zone": "Europe/Berlin", "overdraft": 0.1},
    "privacy": {"redaction": True},
    "secrets": {"crm": "vault:crm/acme", "08": "yes"},
}


def read(text: str) -> Any:
    return read_plans_file(Text("plans.yaml", text))


def refused(text: str) -> list[str]:
    with pytest.raises(BadFile) as caught:
        read(text)
    return list(caught.value.lines)


def plan(fields: str) -> str:
    return f"tenants:\n  acme: {fields}\n"


def test_a_file_is_read_by_tenant() -> None:
    text = "tenants:\n  acme:\n    tier: pro\n    quota: {cost_usd: 25, tokens: 10}\n  123: {}\n"

    assert read(text) == {"acme": {"tier": "pro", "quota": {"cost_usd": "25", "tokens": 10}}, "123": {}}


def test_what_is_written_reads_the_same() -> None:
    plans = {"acme": checked("acme", FULL), "1e3": {"tier": "1e3"}, "true": {"agents": None}}

    assert read(render(plans)) == plans


def test_plans_stand_by_id_and_a_limit_on_one_line() -> None:
    text = render({"globex": {}, "acme": checked("acme", FULL)})

    assert text.index("acme:") < text.index("globex:")
    assert "    - {what: cost_usd, per: day, limit: '25', each_user: true}\n" in text


@given(st.dictionaries(st.from_regex(r"[A-Za-z0-9._:-]{1,20}", fullmatch=True), st.text(max_size=20)))
def test_any_text_reads_as_it_was_written(secrets: dict[str, str]) -> None:
    plans = {tenant: checked(tenant, {"secrets": {"x": text}}) for tenant, text in secrets.items()}

    assert read(render(plans)) == plans


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "plans.yaml: is empty: write `tenants:`"),
        ("# nothing\n", "plans.yaml: is empty: write `tenants:`"),
        ("{}\n", "plans.yaml:1: is empty: write `tenants:`"),
        ("- acme\n", "plans.yaml:1: must be a map: write `tenants:`"),
        ("acme: {}\n", "plans.yaml:1: acme: does not belong here: write `tenants:`"),
        ("tenants:\n", "plans.yaml:1: tenants: must be a map by tenant's id ({} for no plans at all)"),
        ("tenants: [acme]\n", "plans.yaml:1: tenants: must be a map by tenant's id"),
        ("tenants:\n\tacme: {}\n", "plans.yaml:2: is no YAML: "),
        ("tenants: {\n", "plans.yaml:2: is no YAML: "),
        ("tenants: {}\n---\ntenants: {}\n", "plans.yaml:2: is no YAML: there is a second document"),
        ("tenants:\n  a b: {}\n", "plans.yaml:2: tenant a b: is no tenant's id"),
        ("tenants:\n  acme:\n", "plans.yaml:2: tenant acme: must be a map of a plan's fields"),
        (
            "tenants:\n  acme: {}\n  globex: {}\n  acme: {}\n",
            "plans.yaml:4: tenant acme: stands twice, first on line 2",
        ),
        (
            "tenants:\n  acme:\n    tier: a\n    tier: b\n",
            "plans.yaml:4: tenant acme: tier: stands twice, first on line 3",
        ),
        (plan("{tokens: 5}"), "tenant acme: tokens: is no field of a plan: did you mean quota.tokens?"),
        (plan("{teir: pro}"), "tenant acme: teir: is no field of a plan: did you mean tier?"),
        (plan("{quota: {zone: UTC}}"), "tenant acme: quota.zone: is no field of a plan"),
        (
            plan("{limits: [{what: tokens, per: day, limit: 5, user: x}]}"),
            "acme: limits.0.user: is no field of a plan",
        ),
        (plan("{tier: 5}"), "tenant acme: tier: must be a string (got 5): quote it"),
        (plan("{paused: yes}"), 'tenant acme: paused: must be true or false (got "yes")'),
        (plan("{quota: {runs: 1.0}}"), "tenant acme: quota.runs: must be a whole number"),
        (plan("{quota: {runs: 0777}}"), 'tenant acme: quota.runs: must be a whole number (got "0777")'),
        (plan("{quota: {runs: -1}}"), "tenant acme: quota.runs: must be at least 0 (got -1)"),
        (plan("{quota: {runs: 9223372036854775808}}"), "tenant acme: quota.runs: is too large"),
        (plan("{agents: support}"), 'tenant acme: agents: must be a list (got "support")'),
        (plan("{quota: 5}"), "tenant acme: quota: "),
        (plan("{limits: [{what: tokens, per: day}]}"), "tenant acme: limits.0.limit: is missing"),
        (
            plan("{limits: [{what: tokens, per: day, limit: 1.5}]}"),
            "tenant acme: limits.0.limit: a limit of tokens is a whole number",
        ),
        (plan("{limits: [{what: x, per: day, limit: 1}]}"), "tenant acme: limits.0.what: must be one of"),
        (plan("{quota: {cost_usd: 0.25}}"), "tenant acme: quota.cost_usd: money is no float: write it in"),
        (plan("{quota: {cost_usd: true}}"), "tenant acme: quota.cost_usd: must be a decimal string"),
        (plan("{quota: {cost_usd: -4}}"), "tenant acme: quota.cost_usd: must be a decimal string"),
        (
            plan("{limits: [{what: cost_usd, per: day, limit: 1e2}]}"),
            "tenant acme: limits.0.limit: money is no float",
        ),
        (plan("{quota: {time_zone: Mars/Base}}"), "quota.time_zone: must be an IANA time zone"),
        (plan("{tenant_id: globex}"), "acme: tenant_id: must be acme, or be left out (got globex)"),
        (plan("{tier: !!python/name:os.system x}"), "tenant acme: tier: has the tag !!python/name:os.system"),
        (plan("!plan {}"), "tenant acme: has the tag !plan"),
        (plan("{limits: &l [], agents: *l}"), "stands here and again by an alias"),
        (plan('{tier: "\\ud800"}'), "plans.yaml:2: "),  # as the parser is written in C or in Python
        (plan("{? [a] : b}"), "tenant acme: has a name that is no text"),
        (plan("[" * 5000 + "]" * 5000), "nested too deep"),
    ],
)
def test_what_cannot_be_is_told_with_line_tenant_and_field(text: str, said: str) -> None:
    lines = refused(text)

    assert len(lines) == 1, lines
    assert said in lines[0]
    assert lines[0].startswith("plans.yaml:")


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_the_file() -> None:
    text = "tenants:\n  a: {tier: 5}\n  b!: {}\n  c:\n    weight: 0\n    qouta: {}\n"

    assert [line.split(": ")[0] for line in refused(text)] == [f"plans.yaml:{line}" for line in (2, 3, 5, 6)]


@pytest.mark.parametrize(
    "word", ["yes", "no", "on", "off", "12:30", "2026-11-21", "0x1f", "1_000", ".inf", "<<"]
)
def test_words_that_yaml_would_make_something_else_of_stay_texts(word: str) -> None:
    assert read(plan(f"{{tier: {word}}}")) == {"acme": {"tier": word}}


def test_equal_amounts_and_weights_have_one_form() -> None:
    one = read(plan('{weight: 3.0, limits: [{what: cost_usd, per: day, limit: "2.50"}]}'))
    other = read(plan('{limits: [{what: cost_usd, per: day, limit: "2.5"}], weight: 3}'))

    assert one == other
    assert render(one) == render(other)


def test_one_plan_is_a_file_of_its_fields() -> None:
    assert read_plan_file(Text("plan.yaml", "tenant_id: acme\ntier: pro\n"), "acme") == {"tier": "pro"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tenants: {}\n", "plan.yaml:1: tenants: is of a file of many plans: use `penstock tenants import`"),
        ("pro\n", "plan.yaml:1: must be a map of a plan's fields"),
        ("", "plan.yaml: must be a map of a plan's fields"),
        ("tier: pro\nquota:\n  runs: x\n", "plan.yaml:3: quota.runs: must be a whole number"),
        ("tenant_id: globex\n", "plan.yaml:1: tenant_id: must be acme"),
    ],
)
def test_a_plan_that_cannot_be_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(BadFile) as caught:
        read_plan_file(Text("plan.yaml", text), "acme")

    assert [line[: len(said)] for line in caught.value.lines] == [said]
