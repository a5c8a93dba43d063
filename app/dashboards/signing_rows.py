"""The row about signatures: which keys a worker knows, and what is refused for its signature."""

from app.dashboards.panels import Panel, Query, Row, of, per_second

SIGNING = Row(
    "Signatures",
    (
        Panel(
            "Signing keys active",
            "Keys whose signatures each worker believes; 0 where nothing has to be signed. A worker that "
            "stays apart has another file of keys: bring it there, then see Keys not readable. What requests "
            "are refused for their signature: Dead letters, code `bad_signature`.",
            "short",
            (Query(of("penstock_signing_keys"), "{{instance}}"),),
        ),
        Panel(
            "Keys not readable",
            "Times that a changed file of keys could not be used. The keys known before stay in force, so a "
            "new one is not believed and a revoked one still is. The log says what is wrong: mend the file.",
            "ops",
            (Query(per_second("penstock_signing_keys_read_failures_total"), "failures"),),
            steps=((0.001, "red"),),
        ),
        Panel(
            "Commands refused for their signature",
            "Commands that approve, reject, pause, resume or replay and bear no signature of a key that may. "
            "Each has an audit record `bad_signature`, and the log says why: somebody lacks a key, or "
            "somebody tries.",
            "ops",
            (Query(per_second("penstock_commands_distrusted_total"), "refused"),),
            steps=((0.001, "yellow"),),
        ),
    ),
)
