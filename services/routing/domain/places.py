"""Where a complaint is about: region codes read from its place, title and text, and never guessed."""

from dataclasses import dataclass

from services.routing.domain.city import City, Kecamatan, Kelurahan
from services.routing.domain.lexicon import Hit, Lexicon, Reading
from shared.events.parts import Place

_OF_KELURAHAN = frozenset({"kel", "kelurahan", "lurah"})
_OF_KECAMATAN = frozenset({"kec", "kecamatan", "camat"})


@dataclass(frozen=True, slots=True)
class Where:
    """What was told of the place: the place completed, or several kecamatan that it may be, or none of ours.

    `beyond` the city; `outside` is who answers there, where that is known.
    """

    place: Place | None
    line: str | None
    several: tuple[str, ...] = ()
    beyond: bool = False
    outside: str | None = None


def locate(place: Place | None, title: Reading, text: Reading, city: City, lexicon: Lexicon) -> Where:
    """The place with its region codes, from the codes given, else from the words: place, title, text.

    The first of these that names a region speaks. Names that several kecamatan share, or several kecamatan
    named together, are told as such and never picked from.
    """
    known = city.kecamatan_code(place)
    if known is not None and place is not None:
        return Where(
            place.model_copy(update={"kecamatan": known}), _place_line(place.kelurahan or known, city, "kode")
        )
    given = (place.kelurahan or place.kecamatan) if place else None
    if given is not None and not given.startswith(f"{city.code}."):
        return Where(place, "Kode lokasi menunjuk daerah lain.", beyond=True)
    outside: str | None = None
    address = lexicon.read(place.text) if place and place.text else Reading([], [])
    for source, reading in (("tempat", address), ("judul", title), ("isi", text)):
        hits = [hit for hit in reading.hits if hit.phrase.kind in ("region", "shared", "outside")]
        if not hits:
            continue
        kelurahan, kecamatan, several = _regions(hits, reading.words, city, source == "tempat")
        if kelurahan is not None or kecamatan is not None:
            told = (place or Place()).model_copy(update={"kelurahan": kelurahan, "kecamatan": kecamatan})
            return Where(told, _place_line(kelurahan or kecamatan or "", city, source))
        if several:
            names = ", ".join(region.name for code in several if (region := city.region(code)))
            return Where(place, f"Lokasi belum pasti: dapat berarti kecamatan {names}.", several)
        outside = outside or next((hit.phrase.target for hit in hits if hit.phrase.kind == "outside"), None)
    line = "Lokasi disebut di luar kota." if outside else None
    return Where(place, line, beyond=outside is not None, outside=outside)


def _place_line(code: str, city: City, source: str) -> str:
    region = city.region(code)
    above = city.region(code[:8])
    if region is None or above is None:
        return f"Lokasi: {code} (dari {source})."
    if region is above:
        return f"Lokasi: Kecamatan {above.name} (dari {source})."
    return f"Lokasi: Kelurahan {region.name}, Kecamatan {above.name} (dari {source})."


def _regions(
    hits: list[Hit], words: list[str], city: City, in_address: bool
) -> tuple[str | None, str | None, tuple[str, ...]]:
    """The kelurahan and kecamatan that one field names; or several kecamatan, where it is not told which."""
    kelurahan: dict[str, None] = {}
    kecamatan: dict[str, None] = {}
    bare: list[str] = []
    shared: dict[str, None] = {}
    at_both = _both_at(hits, city)
    for hit in hits:
        if hit.phrase.kind == "shared":
            shared.update(dict.fromkeys(city.shared_names[int(hit.phrase.target)].kecamatan))
        region = city.region(hit.phrase.target) if hit.phrase.kind == "region" else None
        if region is None:
            continue
        before = words[hit.at - 1] if hit.at else ""
        if isinstance(region, Kecamatan):
            # A name that is both means the kecamatan unless "kel." stands before it.
            if before not in _OF_KELURAHAN or hit.covers not in at_both:
                kecamatan[region.code] = None
        elif before in _OF_KELURAHAN or (region.match == "word" and before not in _OF_KECAMATAN):
            kelurahan[region.code] = None
        elif hit.covers not in at_both:
            bare.append(region.code)
    if in_address:
        kelurahan.update((code, None) for code in bare if code[:8] in kecamatan)
    inside = [code for code in kelurahan if code[:8] in kecamatan] if kecamatan else []
    one = inside or list(kelurahan)
    around = dict.fromkeys(code[:8] for code in one) or kecamatan
    if len(one) == 1:
        return one[0], one[0][:8], ()
    if len(around) == 1:
        return None, next(iter(around)), ()
    return None, None, tuple(around or shared)


def _both_at(hits: list[Hit], city: City) -> set[int]:
    """Where a name stands that a kecamatan and a kelurahan share."""
    seen: dict[int, set[type[Kelurahan]]] = {}
    for hit in hits:
        if hit.phrase.kind == "region" and (region := city.region(hit.phrase.target)):
            seen.setdefault(hit.covers, set()).add(type(region))
    return {covers for covers, kinds in seen.items() if len(kinds) > 1}
