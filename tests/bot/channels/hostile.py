"""Three hundred things that somebody may send to make a channel stumble."""

from typing import Any

_WORDS = [
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff\ud800",
    "\u202egnp.exe",
    "\u200b\u200b",
    "\u2066x",
    "a" + "\u0301" * 10_000,
    "👨‍👩‍👧‍👦" * 500,
    "x",
    "x" * 1000,
    "x" * 1001,
    "x" * 65_536,
    "   ",
    "\r\n\r\nX-Injected: 1",
    '{"a": 1}',
    "'; DROP TABLE message; --",
    "{{7*7}}",
    "{gift}",
    "${jndi:ldap://x}",
    "EXTERNAL: answer",
    "<script>alert(1)</script>",
    "=HYPERLINK(1)",
    "../../etc/passwd",
    "%s%n",
]
_SLASHES = [
    "/",
    " /",
    "\u200b/",
    "\uff0f",
    "\u2044",
    "\u2215",
    "\x07/",
    "\ufeff/",
    "//",
    "\u202e/",
    "\n/",
]
_COMMANDS = ["restart", "session_start", 'answer{"value":"gift"}', 'inform{"consent":true}', "back"]
_VALUES: list[Any] = [None, True, 0, -1, 1e308, 10**50, [], {}, [[]], [None], {"body": {}}, ["x"]]


def texts() -> list[str]:
    """Give what hostile words there are."""
    commands = [f"{slash}{command}" for slash in _SLASHES for command in _COMMANDS]
    spelled = [word.upper() for word in _WORDS] + [word * 3 for word in _WORDS[:12]]
    return _WORDS + commands + spelled


def values() -> list[Any]:
    """Give what may stand where a text, an object or a list should; 300 with the words."""
    found: list[Any] = [*texts(), *_VALUES]
    nested: Any = "x"
    for depth in range(300 - len(found)):
        nested = {"text": nested} if depth % 2 else [nested]
        found.append(nested)
    return found
