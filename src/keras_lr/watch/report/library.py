"""Where a page has its chart library: in itself, or on plotly's server."""

from typing import Any, Literal

from keras_lr.errors import InvalidInput

Library = Literal["inline", "cdn"]
"""In the page (about 5 MB, opens offline), or loaded from the network (a small file)."""


def checked_library(given: Any) -> Library:
    """What somebody passed as `js`, if it says where.

    Raises:
        InvalidInput: It is something else.
    """
    if given not in ("inline", "cdn"):
        raise InvalidInput(
            f'Write js="inline" (opens offline) or js="cdn". Received: js={given!r}.'
        )
    return given
