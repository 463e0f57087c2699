"""Pages in a real browser that are watched for what they should not do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page

__all__ = ["watched"]


def watched(page: Page) -> tuple[list[str], list[str]]:
    """Addresses that a page asks for, and what it complains about; both lists grow as it goes on.

    Dialogs are complaints, and are dismissed.
    """
    requests: list[str] = []
    troubles: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        troubles.append(dialog.message)
        dialog.dismiss()

    page.on("request", lambda request: requests.append(request.url))
    page.on("dialog", dismiss)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text))
    return requests, troubles
