"""What may name a thing that is handed in: nothing that a person is known by."""

import pytest

from shared.addresses import is_address, nobodys

NIK = "1571014599990001"


@pytest.mark.parametrize(
    "name",
    [
        "08000001234", "0800-000-1234", "+62 800-000-1234", "6280000012345", "wa:6280000012345", "tel-08000001234",
        "6280000012345@c.us", "warga.17@contoh.invalid", "mailto:warga.17@contoh.invalid", NIK, f"nik_{NIK}",
        f" {NIK} ", "+60123456789", "laporan 0800-000-1234", f"RT 05/{NIK}",
    ],
)  # fmt: skip
def test_a_persons_number_or_address_is_no_name(name: str) -> None:
    assert is_address(name)
    with pytest.raises(ValueError, match="leads to nobody") as refused:
        nobodys(name)
    assert name not in str(refused.value)


@pytest.mark.parametrize(
    "name",
    [
        "web-0017", "2026-000124", "7000001", "2026112410301299", "<20261124.1@surel.contoh.invalid>",
        "112/2026/000481",
        "wa:62800", "A-1", "0017", "wo-2026-0071", "6ebf7ebc-7a2d-50c8-a69f-1728d077dbca", "SURAT 470/12/2026",
    ],
)  # fmt: skip
def test_numbers_that_systems_give_are_names(name: str) -> None:
    assert nobodys(name) == name
