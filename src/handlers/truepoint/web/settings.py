"""The portal's settings: its own address, and the identity provider. Pure.

They are JSON in a parameter of Systems Manager. The function cannot have them in its environment: its own address is
the distribution's, the distribution's origin is the function's address, and CloudFormation allows no such cycle.
"""

from __future__ import annotations

import re

import msgspec

from truepoint.json_text import JsonError, decode
from truepoint.web.identity import Provider

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")


class SettingsError(ValueError):
    """Settings that cannot be used; says what was expected."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What template.yaml tells the portal.

    Attributes:
        origin: the portal's own origin, such as `https://d111.cloudfront.net`.
        provider: who signs people in.
        user_pool: the id of the user pool to which leads invite people; empty if a company's provider knows them.
    """

    origin: str
    provider: Provider
    user_pool: str = ""

    @property
    def secure(self) -> bool:
        """Whether the portal is on https. Only the demo on a laptop is not."""
        return self.origin.startswith("https://")


def parse_settings(text: str) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: they are not what template.yaml writes.
    """
    try:
        found = msgspec.convert(decode(text.encode()), Settings)
    except (JsonError, msgspec.ValidationError) as error:
        raise SettingsError(f"expected the portal's settings in JSON, got something else: {error}") from error
    if not _ORIGIN.fullmatch(found.origin):
        raise SettingsError(f"expected an origin such as https://example.com, got {found.origin!r}")
    return found
