"""The portal's settings: its own address, and the identity provider.

They are JSON in a parameter of Systems Manager. They cannot be environment variables of the function: the
portal's address is that of the CloudFront distribution, whose origin is the function's URL, and CloudFormation allows
no cycle.
"""

from __future__ import annotations

import re

import msgspec

from truepoint.json_text import JsonError, decode
from truepoint.web.identity import Provider

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")


class SettingsError(ValueError):
    """Settings that cannot be used."""


class PortalSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that template.yaml writes.

    Attributes:
        origin: the portal's own origin, such as `https://d111.cloudfront.net`.
        provider: the identity provider.
        user_pool: the id of the user pool to which leads invite people; "" if a company's own provider is used.
    """

    origin: str
    provider: Provider
    user_pool: str = ""

    @property
    def secure(self) -> bool:
        """Whether the portal is on https. Only the demo on a laptop uses http."""
        return self.origin.startswith("https://")


def parse_settings(text: str) -> PortalSettings:
    """Read the settings.

    Raises:
        SettingsError: the text does not hold valid settings.
    """
    try:
        settings = msgspec.convert(decode(text.encode()), PortalSettings)
    except (JsonError, msgspec.ValidationError) as error:
        raise SettingsError(f"expected the portal's settings in JSON, got something else: {error}") from error
    if not _ORIGIN.fullmatch(settings.origin):
        raise SettingsError(f"expected an origin such as https://example.com, got {settings.origin!r}")
    return settings
