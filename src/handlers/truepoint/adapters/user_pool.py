"""The user pool of the portal's people: invitations, by the boto3 of the Lambda runtime."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from truepoint.adapters.environment import endpoint_url

LEADS, LABELERS = "leads", "labelers"
"""The groups of the user pool, as template.yaml names them."""


class InvitationError(Exception):
    """An invitation that the user pool refuses; the message is for the lead."""


class UserPool:
    """One user pool of Cognito."""

    def __init__(self, pool: str) -> None:
        self._pool = pool

    @cached_property
    def _client(self) -> Any:
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        limits = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})
        return boto3.client("cognito-idp", endpoint_url=endpoint_url(), config=limits)

    def invite(self, email: str, group: str) -> str:
        """Add somebody, or invite them once more, and return their subject. Can be repeated.

        Raises:
            InvitationError: Cognito does not take the address, or sends no more e-mails today.
        """
        errors = self._client.exceptions
        attributes = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
        asked: dict[str, Any] = {"UserPoolId": self._pool, "Username": email, "DesiredDeliveryMediums": ["EMAIL"]}
        try:
            try:
                user = self._client.admin_create_user(**asked, UserAttributes=attributes)["User"]
            except errors.UsernameExistsException:
                user = self._invited_again(asked)
        except errors.InvalidParameterException as error:
            raise InvitationError("This is no e-mail address that can be invited.") from error
        except (errors.CodeDeliveryFailureException, errors.LimitExceededException) as error:
            raise InvitationError("No more e-mails can be sent at present. Please try again tomorrow.") from error
        self._client.admin_add_user_to_group(UserPoolId=self._pool, Username=user["Username"], GroupName=group)
        found = {
            attribute["Name"]: attribute["Value"] for attribute in user.get("Attributes", user.get("UserAttributes"))
        }
        return str(found["sub"])

    def _invited_again(self, asked: dict[str, Any]) -> Any:
        try:
            return self._client.admin_create_user(**asked, MessageAction="RESEND")["User"]
        except self._client.exceptions.UnsupportedUserStateException:  # they have signed in already
            return self._client.admin_get_user(UserPoolId=self._pool, Username=asked["Username"])
