"""Each running service is asked whatever its own OpenAPI document allows, and worse: it answers as it says there."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.access.hub import Hub

pytestmark = pytest.mark.store

SEED = "20261124"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
"""Whether a key is asked for is tried cell by cell in test_matrix.py."""

OPERATIONS = "^/v1/operations"
ASKED = (
    ("intake", "sender", OPERATIONS),
    ("routing", "verifier", OPERATIONS),
    ("lapor_bridge", "admin", OPERATIONS),
    ("sla_monitor", "admin", "^nothing$"),
)
"""Which service, with whose key, but for which paths: /v1/operations is one code in all four, and asked at one."""


@pytest.mark.parametrize(("service", "who", "left_out"), ASKED, ids=[service for service, _, _ in ASKED])
async def test_a_service_answers_as_its_document_says(
    doors: Hub, tmp_path: Path, service: str, who: str, left_out: str
) -> None:
    known = await doors.case()
    letter = await doors.dead_letter(service)
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(
        f"""[dictionaries]
tickets = {{ values = ["{known.ticket}"] }}
letters = {{ values = [{letter}] }}
[parameters]
"path.ticket" = {{ dictionary = "tickets", probability = 0.7 }}
"path.letter" = {{ dictionary = "letters", probability = 0.7 }}
"""
    )
    options = {
        "--header": f"Authorization: Bearer {doors.keys[who]}",
        "--checks": ",".join(CHECKS),
        "--exclude-path-regex": left_out,
        "--phases": "fuzzing",
        "--max-examples": "8",
        "--seed": SEED,
        "--warnings": "off",
    }
    command = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"]
    command += ["--config-file", str(settings), "run", f"{doors.urls[service]}/openapi.json", "--no-color"]
    process = await asyncio.create_subprocess_exec(
        *command,
        *(word for option in options.items() for word in option),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(240):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, said.decode()
    assert "passed" in said.decode()
