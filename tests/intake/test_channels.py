"""One name for each channel: intake's table, the city's exchange with LAPOR and the generator agree."""

from pathlib import Path

import yaml

from services.intake.domain.channels import CHANNELS, LAPOR
from simulators.complaints.live import CHANNELS as GENERATED

EXCHANGE = Path(__file__).parents[2] / "deploy" / "city" / "jambi" / "lapor.yaml"


def test_the_generator_speaks_by_channels_that_intake_takes() -> None:
    assert set(GENERATED) <= set(CHANNELS) - {LAPOR}


def test_the_city_says_of_every_channel_whether_it_goes_to_lapor_and_of_no_other() -> None:
    exchange = yaml.safe_load(EXCHANGE.read_text(encoding="utf-8"))
    decided = {channel for row in exchange["forward"] for channel in row.get("channels", ())}
    assert decided == set(CHANNELS) - {LAPOR}
    assert set(exchange["channels"]) == decided | {"default"}
