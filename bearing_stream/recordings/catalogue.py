"""The catalogue of the 64 recordings of the CWRU bearing data center that this project knows.

Drive-end accelerometer, bearing SKF 6205-2RS, a motor of 2 hp at four loads: the 60 fault
recordings at 12 kHz and the four healthy baselines at 48 kHz. `catalogue.csv` holds the data
center's description of each, with the size and SHA-256 of the official file.

Case Western Reserve University Bearing Data Center,
https://engineering.case.edu/bearingdatacenter
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import cast

from bearing_stream.vocabulary import FaultLabel


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """The description of one recording, known without its file.

    Args:
        number: The file's own number: 105 for `105.mat`.
        label: The data center's name for it: `IR007_0`, `OR021@6_2`.
        fault: The bearing's state.
        fault_diameter: Inches, None for a healthy bearing.
        outer_race_position: O'clock, None for any fault but the outer race's.
        load: Horsepower, 0 to 3.
        nominal_rpm: Shaft speed that the data center gives for that load; a file may hold a
            measured one.
        sampling_rate: Hz, of the file: 12,000, or 48,000 for the healthy baselines.
        official_bytes: Size of the official file.
        official_sha256: Its SHA-256, 64 lower-case hex digits.
    """

    number: int
    label: str
    fault: FaultLabel
    fault_diameter: float | None
    outer_race_position: int | None
    load: float
    nominal_rpm: float
    sampling_rate: int
    official_bytes: int
    official_sha256: str

    @property
    def id(self) -> str:
        """The recording's id, `105`."""
        return str(self.number)

    @property
    def file_name(self) -> str:
        """The file's name, `105.mat`."""
        return f"{self.number}.mat"


@cache
def catalogue() -> tuple[CatalogueEntry, ...]:
    """Return the 64 recordings, healthy ones first, then by number."""
    with (files("bearing_stream.recordings") / "catalogue.csv").open(encoding="utf-8") as table:
        return tuple(_entry(row) for row in csv.DictReader(table))


def _entry(row: dict[str, str]) -> CatalogueEntry:
    diameter, position = row["fault_diameter_in"], row["outer_race_position"]
    return CatalogueEntry(
        number=int(row["file"].removesuffix(".mat")),
        label=row["label"],
        fault=cast("FaultLabel", row["fault"]),
        fault_diameter=float(diameter) if diameter else None,
        outer_race_position=int(position) if position else None,
        load=float(row["load_hp"]),
        nominal_rpm=float(row["nominal_rpm"]),
        sampling_rate=int(row["sampling_rate_hz"]),
        official_bytes=int(row["official_bytes"]),
        official_sha256=row["official_sha256"],
    )
