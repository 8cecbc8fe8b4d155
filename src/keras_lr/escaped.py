"""Text from outside, such as the name of a file or a layer, as it may be shown."""

import html
import re

_COMMANDS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # what terminals obey: escape sequences begin with one of these
    "\u2028\u2029"  # ends of lines
    "\u202a-\u202e\u2066-\u2069"  # turn the words around them (Unicode, UAX 9)
    "\ud800-\udfff]"  # bytes of a file's name that are no text
)


def escaped(text: object) -> str:
    r"""Control characters as one writes them in Python; line ends and tabs stay.

    >>> print(escaped("ev\x1b[31mil\u202e.json"))
    ev\x1b[31mil\u202e.json
    """
    return _COMMANDS.sub(_written, str(text))


def in_json(text: str) -> str:
    """The same in a JSON document, which stays one."""
    return _COMMANDS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def as_html(text: object, *, quote: bool = True) -> str:
    r"""Text for a page: no element, no control character.

    >>> as_html("<b>\u202e")
    '&lt;b&gt;\\u202e'
    """
    return html.escape(escaped(text), quote=quote)


def _written(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
