"""The names by which files state units, time axes and sampling rates."""

import re
from typing import Final


def _words(text: str) -> list[str]:
    return text.split()


_UNITS: Final = {
    "g": "g gn g's gs g_n grav g(pk) gpk grms g(rms) g-rms",
    "mg": "mg",
    "m/s2": (
        "m/s2 m/s^2 m/s² m/(s^2) m/(s²) m/s/s m/s**2 m/sec2 m/sec^2 m/sec² ms-2 ms^-2 ms⁻² m·s⁻² "
        "m*s-2 m*s^-2 m.s-2 m.s^-2 m·s^-2 m·s-2 m/s?2 m/ss m/s\N{REPLACEMENT CHARACTER} mps2"
    ),
    "mm/s2": "mm/s2 mm/s^2 mm/s²",
    "mm/s": "mm/s mm/sec",
    "m/s": "m/s",
    "in/s": "in/s ips in/sec",
    "um": "um µm μm micron microns",
    "mm": "mm",
    "V": "v volt volts",
    "mV": "mv millivolt millivolts",
    "counts": "counts count cts lsb raw adc digits",
    "Pa": "pa",
    "N": "n",
    "Nm": "nm n·m",
    "A": "a amp amps ampere",
    "rpm": "rpm 1/min min-1 u/min r/min",
    "degC": "°c degc celsius",
    "deg": "deg ° degree degrees grad",
    "rad": "rad",
    "%": "%",
}
"""The unit as this project writes it → how files write it, in lower case without spaces."""

UNITS: Final = {written: unit for unit, forms in _UNITS.items() for written in _words(forms)}

TIME_UNITS: Final = {
    **dict.fromkeys(_words("s sec secs second seconds sek sekunde sekunden"), 1.0),
    **dict.fromkeys(_words("ms msec millisecond milliseconds millisekunden"), 1e-3),
    **dict.fromkeys(_words("us µs μs usec microsecond microseconds mikrosekunden"), 1e-6),
    **dict.fromkeys(_words("ns nsec nanosecond nanoseconds"), 1e-9),
    **dict.fromkeys(_words("min minute minutes"), 60.0),
    **dict.fromkeys(_words("h hr hour hours"), 3600.0),
    **dict.fromkeys(_words("d day days tage"), 86400.0),
}
"""Unit of time in lower case → seconds."""

_RATE_UNITS: Final = {
    **dict.fromkeys(("", "hz", "sa/s", "s/s", "sps", "samples/s", "1/s", "samples/sec"), 1.0),
    **dict.fromkeys(("khz", "ksa/s", "ks/s", "ksps"), 1e3),
    **dict.fromkeys(("mhz", "msa/s", "ms/s", "msps"), 1e6),
}

_RATES: Final = frozenset(
    _words(
        "fs sr fsamp fsample samplingrate samplerate samplingfrequency samplefrequency "
        "samplingfreq samplefreq sfreq scanrate samplespersecond abtastrate abtastfrequenz "
        "fsampling acquisitionrate wfsamplerate wfsamplingrate frequenceechantillonnage"
    )
)
"""Names of a sampling rate: lower case, letters only."""

_INTERVALS: Final = frozenset(
    _words(
        "dt deltat deltax ts sampleinterval samplinginterval sampleperiod samplingperiod timestep "
        "xincrement increment wfincrement horizontalresolution tsample abtastintervall abtastzeit "
        "samplingtime timeincrement xinc timeinterval"
    )
)
"""Names of the time between two samples."""

_TIME: Final = re.compile(
    r"(?:rel|relative|abs|absolute|elapsed|sample|sampling|measurement|time|date|local|utc|unix|"
    r"system|epoch|x)?"
    r"(?:t|time|times|timestamp|timestamps|timeaxis|timevector|datetime|zeit|uhrzeit|zeitstempel|"
    r"zeitachse|zeitvektor|temps|tiempo|tempo|tid|tijd|czas|clock|stamp|xvalue|seconds|sec|date|"
    r"datum)"
)
"""Names of a time axis: lower case, letters only."""

_COUNTERS: Final = frozenset(
    _words(
        "index sample samples sampleno samplenumber sampleindex nr no number n i idx row id "
        "unnamed point points punkt line record"
    )
)
"""Names of a column that numbers the samples."""

_PAIRS: Final = {"(": ")", "[": "]", "{": "}", "<": ">"}

_BRACKETS: Final = re.compile(r"^(?P<name>.*?)[\s_]*[\[({<](?P<unit>.+)[\])}>]\s*(?P<rest>[^()]*)$")
_SEPARATED: Final = re.compile(r"\s*[,;/]\s*|\s+in\s+|\s{1,}|_")


def plain(name: str) -> str:
    """`Sampling_Rate` → `samplingrate`: a name in lower case with only its letters."""
    return "".join(letter for letter in name.casefold() if letter.isalpha())


def name_and_unit(title: str) -> tuple[str, str]:
    """Divide a heading into its name and its unit as the file writes it.

    `Acceleration [m/s^2]`, `Time, s`, `a/g`, `Time (s)`, `X_g` have one, `Channel 1` has none.

    Returns:
        The name, and the unit in lower case without spaces, empty if no known unit is there.
    """
    title = title.strip()
    if match := _BRACKETS.match(title):
        unit = _tidy(match["unit"])
        if unit in UNITS or unit in TIME_UNITS or unit in _RATE_UNITS:
            return match["name"].strip(), unit
        # `Acceleration (X) [g]` matches from the first bracket on.
        inner = re.split(r"[\])}>]\s*[\[({<]", match["unit"])
        if _tidy(inner[-1]) in UNITS | TIME_UNITS:
            return match["name"].strip(), _tidy(inner[-1])
        return title, ""
    for separator in _SEPARATED.finditer(title):
        name, after = title[: separator.start()], title[separator.end() :]
        unit = _tidy(re.split(r"\s*[,;]\s*|\s", after, maxsplit=1)[0])
        if (
            name
            and (unit in UNITS or unit in TIME_UNITS)
            and not _is_letter_name(separator[0], unit)
        ):
            return name, unit
    return title, ""


def _is_letter_name(separator: str, unit: str) -> bool:
    """`Channel a`, `phase_n`, `id no` end in a name of one letter, not in a unit."""
    return (separator.isspace() or separator == "_") and unit in {"a", "n", "v", "d", "h", "no"}


def _tidy(unit: str) -> str:
    return re.sub(r"\s+", "", unit).casefold()


def unit_of(written: str) -> str:
    """The unit as this project writes it; empty if it is not known."""
    return UNITS.get(_tidy(written), "")


def bare_unit(written: str) -> str:
    """`(m/s²)` → `m/s²`: a unit in lower case, without spaces and the brackets around it."""
    unit = _tidy(written)
    while unit[:1] in _PAIRS and unit[-1:] == _PAIRS[unit[:1]]:
        unit = unit[1:-1]
    return unit


def is_unit(written: str) -> bool:
    """Whether a cell of a row of units holds one: `g`, `[s]`, `(m/s²)`."""
    unit = bare_unit(written)
    return unit in UNITS or unit in TIME_UNITS or unit in {"-", "1", "none"}


def is_time_name(title: str) -> bool:
    """Whether a heading is that of a time axis: by its name, unless its unit is another."""
    name, unit = name_and_unit(title)
    return bool(_TIME.fullmatch(plain(name))) and (not unit or unit in TIME_UNITS)


def is_counter_name(title: str) -> bool:
    """Whether a heading is that of a sample's number."""
    return plain(title) in _COUNTERS or title.strip() in {"", "#"}


def stated_rate(name: str, value: float, unit: str = "") -> float | None:
    """The sampling rate in Hz that a named number states; None if it states none.

    Args:
        name: `fs`, `Sampling rate [kHz]`, `Delta_X`.
        value: The number.
        unit: Its unit, if it stands elsewhere than in the name.
    """
    bare, own_unit = _rate_unit(name)
    unit = _tidy(unit) or own_unit
    if bare in _RATES and unit in _RATE_UNITS:
        return value * _RATE_UNITS[unit]
    seconds = TIME_UNITS.get(unit or "s")
    if bare in _INTERVALS and seconds is not None and value > 0:
        return 1 / (value * seconds)
    return None


def _rate_unit(name: str) -> tuple[str, str]:
    bracket = _BRACKETS.match(name.strip())
    if bracket:
        return plain(bracket["name"]), _tidy(bracket["unit"])
    bare = plain(name)
    for unit in ("khz", "mhz", "hz"):
        if bare.endswith(unit) and bare.removesuffix(unit) in _RATES:
            return bare.removesuffix(unit), unit
    return bare, ""
