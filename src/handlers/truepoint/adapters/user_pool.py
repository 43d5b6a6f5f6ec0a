"""Invitations to the portal's Cognito user pool, with the boto3 of the Lambda runtime."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from truepoint.adapters.environment import endpoint_url

LEADS, LABELERS = "leads", "labelers"
"""Names of the user pool's groups, the same as in template.yaml."""


class InvitationError(Exception):
    """An invitation that the user pool refuses, with a code and a message for the lead."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class UserPool:
    """A Cognito user pool."""

    def __init__(self, pool: str) -> None:
        self._pool = pool

    @cached_property
    def _client(self) -> Any:
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        limits = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})
        return boto3.client("cognito-idp", endpoint_url=endpoint_url(), config=limits)

    def invite(self, email: str, group: str) -> str:
        """Add a person to the pool and to a group, or invite them again. The call is idempotent.

        Returns:
            The person's subject (`sub`), which identifies them in id tokens.

        Raises:
            InvitationError: Cognito refuses the address, or its daily limit of e-mails is reached.
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
            raise InvitationError("bad-email", "This is no e-mail address that can be invited.") from error
        except (errors.CodeDeliveryFailureException, errors.LimitExceededException) as error:
            raise InvitationError(
                "no-more-mail", "No more e-mails can be sent at present. Please try again tomorrow."
            ) from error
        self._client.admin_add_user_to_group(UserPoolId=self._pool, Username=user["Username"], GroupName=group)
        values = {
            attribute["Name"]: attribute["Value"] for attribute in user.get("Attributes", user.get("UserAttributes"))
        }
        return str(values["sub"])

    def _invited_again(self, asked: dict[str, Any]) -> Any:
        try:
            return self._client.admin_create_user(**asked, MessageAction="RESEND")["User"]
        except self._client.exceptions.UnsupportedUserStateException:  # they have signed in already
            return self._client.admin_get_user(UserPoolId=self._pool, Username=asked["Username"])
