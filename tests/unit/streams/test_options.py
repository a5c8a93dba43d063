"""What follows from several options at once."""

from streams.options import FlowOptions, KafkaOptions, StreamOptions


def test_outcomes_wait_for_company_only_where_they_share_a_transaction() -> None:
    flow = FlowOptions(commit_window_s=0.006)

    transactional = StreamOptions(KafkaOptions(delivery="transactional"), flow)
    plain = StreamOptions(KafkaOptions(delivery="plain"), flow)

    assert (transactional.commit_window_s, plain.commit_window_s) == (0.006, 0.0)
