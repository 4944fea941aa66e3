"""Checks the variables `OTEL_*` before the SDK of OpenTelemetry reads them.

The SDK logs a value that it cannot use, the secrets of headers included, and goes on with a
default: then nothing is pushed, or with other settings than the operator's.
"""

import re
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from math import inf, nan
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

Rule = Callable[[str], bool]

_NAME: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_HEADER: Final = re.compile(rf"\s*{_NAME}\s*=[\x20\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")
"""A name and a value, in which quotes, commas, semicolons and backslashes are URL-encoded:
https://www.w3.org/TR/baggage/#baggage-http-header-format."""

_SAMPLERS: Final = ("always_on", "always_off", "traceidratio")
_SAMPLER_PLUGINS: Final = "opentelemetry_traces_sampler"


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _are_headers(text: str) -> bool:
    return all(_HEADER.fullmatch(pair) for pair in text.split(",") if pair.strip())


def _are_attributes(text: str) -> bool:
    return all(pair.partition("=")[0].strip() and "=" in pair for pair in text.split(","))


def _number(text: str) -> float:
    """Return the number that a text is; NaN, which is within no bounds, if it is none."""
    try:
        return float(text)
    except ValueError:
        return nan


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) > 0


def _is_file(text: str) -> bool:
    try:
        Path(text).open("rb").close()
    except (OSError, ValueError):
        return False
    return True


def _is_sampler(text: str) -> bool:
    name = text.strip().lower()
    if name.removeprefix("parentbased_") in _SAMPLERS:
        return True
    return any(plugin.name == name for plugin in entry_points(group=_SAMPLER_PLUGINS))


_OF_EXPORTERS: Final[Mapping[str, tuple[Rule, str]]] = {
    "ENDPOINT": (_is_address, "an address such as http://collector:4318"),
    "HEADERS": (_are_headers, "name=value, URL-encoded, several of them separated by commas"),
    "TIMEOUT": (lambda text: 0 < _number(text) < inf, "seconds above 0"),
    "COMPRESSION": (lambda text: text in ("none", "gzip", "deflate"), "none, gzip or deflate"),
    "CERTIFICATE": (_is_file, "a file that can be read"),
    "CLIENT_KEY": (_is_file, "a file that can be read"),
    "CLIENT_CERTIFICATE": (_is_file, "a file that can be read"),
}
"""What follows `OTEL_EXPORTER_OTLP_`, or that and the name of a signal → its rule, and the rule in
words."""

_RULES: Final[Mapping[str, tuple[Rule, str]]] = {
    **{
        f"OTEL_EXPORTER_OTLP_{signal}{name}": rule
        for name, rule in _OF_EXPORTERS.items()
        for signal in ("", "METRICS_", "TRACES_")
    },
    **{
        f"OTEL_BSP_{name}": (_is_count, "a whole number above 0")
        for name in (
            "MAX_QUEUE_SIZE",
            "MAX_EXPORT_BATCH_SIZE",
            "SCHEDULE_DELAY",
            "EXPORT_TIMEOUT",
        )
    },
    "OTEL_METRIC_EXPORT_INTERVAL": (_is_count, "milliseconds, at least 1"),
    "OTEL_METRIC_EXPORT_TIMEOUT": (_is_count, "milliseconds, at least 1"),
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": (
        lambda text: text.lower() == "cumulative",
        "cumulative, the only one there is here",
    ),
    "OTEL_TRACES_SAMPLER": (
        _is_sampler,
        f"{', '.join(_SAMPLERS)}, or one of these after parentbased_",
    ),
    "OTEL_TRACES_SAMPLER_ARG": (lambda text: 0 <= _number(text) <= 1, "a share from 0 to 1"),
    "OTEL_RESOURCE_ATTRIBUTES": (_are_attributes, "key=value, several of them separated by commas"),
}


def check(environment: Mapping[str, str]) -> None:
    """Check the variables; one that is empty counts as absent.

    Raises:
        ValueError: One has a value that cannot be used; the message names it, without the value of
            headers.
    """
    for variable, (is_valid, expected) in _RULES.items():
        text = environment.get(variable, "")
        if text and not is_valid(text):
            got = "another form" if variable.endswith("_HEADERS") else repr(text)
            raise ValueError(f"{variable}: expected {expected}, got {got}")
    batch, queue = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_MAX_QUEUE_SIZE"
    most = int(environment.get(queue) or 2048)
    if int(environment.get(batch) or 512) > most:
        raise ValueError(f"{batch}: expected at most {most}, which is {queue}")
