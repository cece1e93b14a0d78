"""The city's names, as far as citizens read them, and the numbers and addresses that its offices publish."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Self

from shared.contacts import Contact, contacts_of, published


@dataclass(frozen=True, slots=True)
class City:
    """Names by code. A code that the registry does not know is shown as it is."""

    opds: Mapping[str, str] = field(default_factory=dict)
    regions: Mapping[str, str] = field(default_factory=dict)
    contacts: tuple[Contact, ...] = ()

    @classmethod
    def from_documents(cls, documents: Mapping[str, Any]) -> Self:
        """From the city's documents `opds`, `regions` and `contacts`, as `./simpul city load` stores them."""
        regions: dict[str, str] = {}
        for kecamatan in documents.get("regions", {}).get("kecamatan", ()):
            regions[kecamatan["code"]] = kecamatan["name"]
            regions |= {kelurahan["code"]: kelurahan["name"] for kelurahan in kecamatan.get("kelurahan", ())}
        opds = {opd["code"]: opd["name"] for opd in documents.get("opds", {}).get("opds", ())}
        return cls(opds, regions, contacts_of(documents, [], strict=False))

    def opd(self, code: str | None) -> str:
        """The agency's name; where none is given, a word that fits every sentence."""
        return "instansi" if code is None else self.opds.get(code, code)

    def published(self, on: date) -> frozenset[str]:
        """What of the city's own may stand in an official's words on that local day."""
        return published(self.contacts, on)

    def area(self, kelurahan: str | None, kecamatan: str | None) -> str | None:
        """`Kelurahan X, Kecamatan Y` as far as the codes tell, else None."""
        kelurahan = kelurahan or ""
        kecamatan = kecamatan or kelurahan[:8]
        named = [
            f"{kind} {self.regions[code]}"
            for kind, code in (("Kelurahan", kelurahan), ("Kecamatan", kecamatan))
            if code in self.regions
        ]
        return ", ".join(named) or None
