"""The channels a complaint may come by, as a table: what people call them, and who alone may use them."""

from dataclasses import dataclass

LAPOR = "lapor"
"""The bridge's source, and the channel of what it brings (CONTRACTS.md, intake.submissions)."""


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """`label` is what citizens read; `only_from` the one source that may use it, None for any."""

    label: str
    only_from: str | None = None


CHANNELS: dict[str, ChannelRule] = {
    "app": ChannelRule("Aplikasi SIKESAL"),
    "web": ChannelRule("Situs web"),
    "whatsapp": ChannelRule("WhatsApp"),
    "call_center_112": ChannelRule("Call Center 112"),
    "counter": ChannelRule("Loket layanan"),
    "letter": ChannelRule("Surat"),
    "mass_media": ChannelRule("Media massa"),
    "social_media": ChannelRule("Media sosial"),
    "sms": ChannelRule("SMS"),
    "email": ChannelRule("Surel"),
    LAPOR: ChannelRule("SP4N-LAPOR!", only_from=LAPOR),
}
