"""The tables as data."""

from streams.tables import TABLES, WINDOWS, books_app_id
from streams.topics import TOPICS


def test_every_changelog_is_among_the_topics_that_are_created() -> None:
    assert {table.changelog for table in TABLES} <= set(TOPICS)


def test_every_changelog_is_compacted_and_has_the_name_that_faust_gives_it() -> None:
    for table in TABLES:
        faust_name = f"{books_app_id('penstock')}-{table.name}-changelog"

        assert table.changelog.compacted
        assert table.changelog.full_name("agent.", "penstock") == faust_name


def test_a_value_outlives_compaction_for_as_long_as_its_windows_are_open() -> None:
    lag_s = int(WINDOWS.changelog.config()["min.compaction.lag.ms"]) / 1000

    assert lag_s > 2 * (WINDOWS.window_s + WINDOWS.grace_s)
