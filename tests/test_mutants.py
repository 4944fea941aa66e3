"""The list of lines without which a test fails is current; running it takes minutes."""

import pytest

from tests.mutants.listed import MUTANTS
from tests.mutants.mutant import Mutant
from tests.paths import ROOT


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.fault)
def test_each_line_occurs_once(mutant: Mutant) -> None:
    assert mutant.within(ROOT) != (ROOT / mutant.file).read_text()
