"""The committed tables that the generator draws from: proportions, places, institutions, topics."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from simulators.complaints.model import Institution

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Spot:
    """A kelurahan with its kecamatan, the streets of that kecamatan, and ways citizens write its name."""

    kecamatan: str
    kecamatan_code: str
    kelurahan: str
    kelurahan_code: str
    lat: float
    lon: float
    streets: tuple[str, ...]
    written: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """A subject of complaints, with sentences about it and the category ids that fit or nearly fit."""

    name: str
    owner: str | None
    weight: int
    category: tuple[str, ...]
    near: tuple[str, ...]
    titles: tuple[str, ...]
    says: tuple[str, ...]
    adds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything the generator knows."""

    proportions: dict[str, Any]
    institutions: dict[str, Institution]
    categories: dict[str, str]
    spots: tuple[Spot, ...]
    topics: tuple[Topic, ...]

    def office(self, owner: str | None, spot: Spot) -> Institution | None:
        """The institution for an owner code of topics.yaml; `KECAMATAN` is the office of the spot."""
        if owner is None:
            return None
        if owner == "KECAMATAN":
            owner = "KEC-" + spot.kecamatan.upper().replace(" ", "-")
        return self.institutions[owner]


@cache
def tables() -> Tables:
    """The tables beside this module; a file that is not well-formed raises at the first use."""
    return Tables(
        proportions=json.loads((HERE / "proportions.json").read_text("utf-8")),
        institutions={
            row["code"]: Institution(row["id"], row["name"], row["code"], row["inside"])
            for row in _rows("institutions.yaml")
        },
        categories={row["id"]: row["name"] for row in _rows("categories.yaml")},
        spots=tuple(
            Spot(
                kecamatan=area["kecamatan"],
                kecamatan_code=area["code"],
                kelurahan=row["name"],
                kelurahan_code=row["code"],
                lat=row["lat"],
                lon=row["lon"],
                streets=tuple(area["streets"]),
                written=tuple(row["written"]),
            )
            for area in _rows("places.yaml")
            for row in area["kelurahan"]
        ),
        topics=tuple(
            Topic(
                name=row["topic"],
                owner=row["owner"],
                weight=row["weight"],
                category=tuple(row["category"]),
                near=tuple(row["near"]),
                titles=tuple(row["titles"]),
                says=tuple(row["says"]),
                adds=tuple(row["adds"]),
            )
            for row in _rows("topics.yaml")
        ),
    )


def _rows(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = yaml.safe_load((HERE / name).read_text("utf-8"))
    return rows
