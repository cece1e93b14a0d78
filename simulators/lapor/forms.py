"""Reading what an integrator sends: JSON or multipart, loosely typed as PHP back ends take it; field by field."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request

from simulators.lapor.ledger import UploadedFile

_TRUE = {"1", "true", "on", "yes"}


class Refused(Exception):
    """The request is well-formed HTTP but LAPOR does not take it: `errors` by field, answered with 422."""

    def __init__(self, **errors: str) -> None:
        super().__init__(", ".join(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a request; absent, null and empty are the same."""

    values: Mapping[str, Any]

    def text(self, name: str, *, most: int = 3000, required: bool = False) -> str | None:
        """The field as text of at most `most` characters. Raises Refused."""
        value = self.values.get(name)
        if isinstance(value, dict | list):
            raise Refused(**{name: "harus berupa teks"})
        found = "" if value is None or value is False else str(value).strip()
        if not found:
            if required:
                raise Refused(**{name: "wajib diisi"})
            return None
        if not found.isprintable() and any("\ud800" <= char <= "\udfff" for char in found):
            raise Refused(**{name: "bukan teks"})
        if len(found) > most:
            raise Refused(**{name: f"maksimal {most} karakter"})
        return found

    def number(self, name: str, *, required: bool = False) -> int | None:
        """The field as a whole number of at most nine characters. Raises Refused."""
        found = self.text(name, required=required)
        if found is None:
            return None
        if not found.removeprefix("-").isdecimal() or len(found) > 9:
            raise Refused(**{name: "harus berupa angka"})
        return int(found)

    def flag(self, name: str) -> bool:
        """1, true, on, yes in any case: True."""
        return str(self.values.get(name, "")).strip().lower() in _TRUE

    def ids(self, name: str) -> tuple[int, ...]:
        """A list of ids written as a JSON string ("[1,2]"), or a list. Raises Refused."""
        value = self.values.get(name)
        if value in (None, ""):
            return ()
        try:
            found = json.loads(value) if isinstance(value, str) else value
            return tuple(int(str(each)[:18]) for each in found)
        except (ValueError, TypeError):
            raise Refused(**{name: 'harus berupa daftar id, misalnya "[1,2]"'}) from None


async def read_json(request: Request) -> Fields:
    """The JSON object in the body. Raises Refused."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise Refused(body="bukan JSON") from None
    if not isinstance(body, dict):
        raise Refused(body="harus berupa objek JSON")
    return Fields(body)


async def read_multipart(request: Request, files_named: str) -> tuple[Fields, list[UploadedFile]]:
    """The fields of a multipart body and its files under `files_named` (with or without `[]`). Raises Refused."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Refused(body="harus multipart/form-data")
    fields: dict[str, str] = {}
    files: list[UploadedFile] = []
    async with request.form(max_part_size=16 * 1024 * 1024) as form:
        for name, value in form.multi_items():
            if not isinstance(value, UploadFile):
                fields[name] = value
            elif name.removesuffix("[]") == files_named:
                kind = value.content_type or "application/octet-stream"
                files.append(UploadedFile(value.filename or "berkas", kind, await value.read()))
    return Fields(fields), files
