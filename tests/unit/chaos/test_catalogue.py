"""The faults and mutants, as the command knows them."""

from pathlib import Path

from tests.chaos.__main__ import parser
from tests.chaos.matrix import Wishes, catalogue, rounds
from tests.chaos.mutants import MUTANTS
from tests.chaos.plan import LONG, SHORT


def test_every_mutant_names_faults_that_there_are() -> None:
    known = set(catalogue())

    assert [name for mutant in MUTANTS.values() for name in mutant.faults if name not in known] == []


def test_the_short_matrix_plans_fifty_faults_and_the_long_one_what_was_asked_for() -> None:
    short, long = (rounds(Wishes(1, big, Path()), catalogue()) for big in (False, True))

    assert sum(len(one.faults) for one in short) >= 50
    assert sum(len(one.faults) for one in long) >= 500
    assert sum(one.requests for one in long) >= 20_000
    assert SHORT.patience_s < LONG.patience_s


def test_every_fault_is_in_the_long_matrix() -> None:
    faults = catalogue()
    planned = {name for one in rounds(Wishes(1, True, Path()), faults) for name in one.faults}

    assert planned == set(faults)


def test_a_mutant_meets_the_faults_that_find_it_out() -> None:
    planned = rounds(Wishes(1, False, Path(), "no_fencing"), catalogue())

    assert {name for one in planned for name in one.faults} == set(MUTANTS["no_fencing"].faults)


def test_the_command_knows_its_flags() -> None:
    asked = parser().parse_args(["--seed", "7", "--long", "--fault", "kill -9"])

    assert (asked.seed, asked.long, asked.fault, asked.mutant) == (7, True, ["kill -9"], None)
