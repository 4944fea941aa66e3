"""The list is about what is there; whether each is needed, `python -m tests.mutants` tells."""

import pytest

from tests.mutants.__main__ import ROOT
from tests.mutants.listed import MUTANTS
from tests.mutants.mutant import Mutant, table


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.fault)
def test_the_line_is_there_and_its_test_too(mutant: Mutant) -> None:
    compile(mutant.within(ROOT), mutant.file, "exec")
    file, _, name = mutant.place.partition("::")
    assert f"def {name}" in (ROOT / file).read_text()


def test_the_table_of_the_tests_is_up_to_date() -> None:
    assert table(MUTANTS) in (ROOT / "tests" / "README.md").read_text(), (
        "write it anew: python -m tests.mutants --table"
    )
