"""What `from bearing_stream import …` offers, and what importing it does not load."""

import subprocess
import sys
import textwrap

import pytest

import bearing_stream
from bearing_stream import Diagnosis, Window, decode_diagnosis, encode_window, vocabulary, wire


@pytest.mark.parametrize("name", bearing_stream.__all__)
def test_a_public_name_is_that_of_its_module(name: str) -> None:
    home = vocabulary if hasattr(vocabulary, name) else wire
    assert getattr(bearing_stream, name) is getattr(home, name)


def test_the_public_names_can_be_used_like_any_others() -> None:
    assert (Diagnosis, Window) == (wire.Diagnosis, wire.Window)
    assert (decode_diagnosis, encode_window) == (wire.decode_diagnosis, wire.encode_window)


def test_the_public_names_are_listed_before_their_first_use() -> None:
    assert loaded("names = dir(bearing_stream)", "set(bearing_stream.__all__) <= set(names)")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Unknown'"):
        bearing_stream.__getattr__("Unknown")
    with pytest.raises(ImportError, match="cannot import name 'Unknown'"):
        exec("from bearing_stream import Unknown")


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded("", "not {'numpy', 'pydantic', 'torch', 'confluent_kafka'} & sys.modules.keys()")


def test_using_every_public_name_loads_neither_torch_nor_a_kafka_client() -> None:
    assert loaded(
        "from bearing_stream import *", "not {'torch', 'confluent_kafka'} & sys.modules.keys()"
    )


def test_the_example_is_python() -> None:
    example = (bearing_stream.__doc__ or "").partition("already has:\n")[2].partition("\nImport")[0]
    assert "decode_diagnosis(" in example
    compile(textwrap.dedent(example), "example", "exec")


def loaded(statement: str, condition: str) -> bool:
    """Whether a condition holds in a new interpreter that imported the package."""
    program = f"import sys, bearing_stream\n{statement}\nprint({condition})"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return ran.stdout == "True\n"
