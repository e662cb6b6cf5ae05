"""C expressions of print formats, as trees.

A node is a tuple: ("number", value, is_unsigned), ("text", value), ("name", word), ("field", name), ("unary", op, node),
("binary", op, left, right), ("ternary", test, yes, no), ("cast", type, node), ("index", node, node), ("call", name, nodes),
("list", nodes), ("sizeof", type).
"""

from __future__ import annotations

import re
from typing import Any

from kinfo.trace_events.formats import bytes_of

Node = tuple[Any, ...]


class ExprError(ValueError):
    """An expression that is not understood; the message says what of it."""


_TOKEN = re.compile(
    r"""\s*(?:(?P<number>0[xX][0-9a-fA-F]+|[0-9]+)(?P<suffix>[uUlL]*)|(?P<word>[A-Za-z_]\w*)|(?P<text>"(?:[^"\\]|\\.)*")"""
    r"""|(?P<char>'(?:[^'\\]|\\.)[^']{0,3}')|(?P<op>->|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^~!<>?:(),{}\[\].]))""",
    re.DOTALL,
)
_LEVELS = (
    ("||",),
    ("&&",),
    ("|",),
    ("^",),
    ("&",),
    ("==", "!="),
    ("<", ">", "<=", ">="),
    ("<<", ">>"),
    ("+", "-"),
    ("*", "/", "%"),
)
_BINDS = {op: level for level, ops in enumerate(_LEVELS) for op in ops}
_DEEPEST = 60
_MOST_TOKENS = 60_000
_TYPE_WORDS = frozenset(("unsigned", "signed", "const", "struct", "enum", "union", "void", "volatile", "__force", "__user"))
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", '"': '"', "'": "'", "r": "\r", "a": "\a", "0": "\0"}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", re.DOTALL)


def arguments(text: str) -> list[Node]:
    """The expressions of a print format, its format string first. Raises ExprError."""
    parser = _Parser(_tokens(text))
    found = parser.list_until("")
    if not found or found[0][0] != "text":
        raise ExprError("it begins with no format string")
    return found


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at, text = 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or len(found) == _MOST_TOKENS:
            raise ExprError(f"{text[at : at + 20]!r}")
        kind = match.lastgroup or ""
        if kind == "suffix":
            found.append(("number", match["number"] + match["suffix"].lower()))
        else:
            found.append((kind, match[kind]))
        at = match.end()
    return found


def _unescaped(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        word = found[1]
        if word[0] == "x":
            return chr(int(word[1:], 16))
        return chr(int(word, 8) & 0xFF) if word[0] in "01234567" else _ESCAPES.get(word, word)

    return _ESCAPE.sub(one, text)


def _number(word: str) -> Node:
    digits = word.rstrip("ul")
    try:
        number = int(digits, 8 if len(digits) > 1 and digits.isdigit() and digits[0] == "0" else 0)
    except ValueError:  # 09, or more digits than Python reads
        raise ExprError(f"{word[:20]!r}") from None
    return ("number", number & (1 << 64) - 1, "u" in word[len(digits) :], "l" in word[len(digits) :])


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens, self._at, self._depth = tokens, 0, 0

    def _peek(self, ahead: int = 0) -> tuple[str, str]:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else ("", "")

    def _take(self, word: str = "") -> tuple[str, str]:
        token = self._peek()
        if word and (token[0] != "op" or token[1] != word):
            raise ExprError(f"{token[1]!r} where {word!r} should stand")
        self._at += 1
        return token

    def _is(self, word: str, ahead: int = 0) -> bool:
        return self._peek(ahead) == ("op", word)

    def list_until(self, end: str) -> list[Node]:
        """Expressions up to a closing sign, or to the end."""
        found: list[Node] = []
        while self._peek()[0] and not (end and self._is(end)):
            found.append(self._expression())
            if not self._is(","):
                break
            self._take()
        if end:
            self._take(end)
        elif self._peek()[0]:
            raise ExprError(f"{self._peek()[1]!r} behind the last of them")
        return found

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ExprError(f"more than {_DEEPEST} expressions within one another")
        test = self._binary(0)
        if self._is("?"):
            self._take()
            yes = self._expression()
            self._take(":")
            test = ("ternary", test, yes, self._expression())
        self._depth -= 1
        return test

    def _binary(self, least: int) -> Node:
        """An expression of signs that bind at least as strongly as those of a level."""
        left = self._unary()
        while self._peek()[0] == "op" and _BINDS.get(self._peek()[1], -1) >= least:
            op = self._take()[1]
            left = ("binary", op, left, self._binary(_BINDS[op] + 1))
        return left

    def _unary(self) -> Node:
        kind, word = self._peek()
        if kind == "op" and word in ("-", "+", "~", "!", "&", "*"):
            self._take()
            self._depth += 1
            if self._depth > _DEEPEST:
                raise ExprError("too many signs in front of one another")
            node = ("unary", word, self._unary())
            self._depth -= 1
            return node
        if self._is("(") and (name := self._type()):
            return ("cast", name, self._unary())
        return self._postfix(self._primary())

    def _type(self) -> str:
        """The type of a cast that begins here, which is passed over; "" where none does."""
        end = self._at + 1
        words: list[str] = []
        while end < len(self._tokens) and (self._tokens[end][0] == "word" or self._tokens[end] == ("op", "*")):
            words.append(self._tokens[end][1])
            end += 1
        closes = end < len(self._tokens) and self._tokens[end] == ("op", ")")
        if not words or not closes or words[0] == "REC" or not self._is_type(words):
            return ""
        self._at = end + 1
        return " ".join(words)

    @staticmethod
    def _is_type(words: list[str]) -> bool:
        return words[0] in _TYPE_WORDS or words[-1] == "*" or bytes_of(words[0]) > 0 or words[0].endswith("_t")

    def _primary(self) -> Node:
        kind, word = self._take()
        if kind == "number":
            return _number(word)
        if kind == "text":
            text = _unescaped(word[1:-1])
            while self._peek()[0] == "text":
                text += _unescaped(self._take()[1][1:-1])
            return ("text", text)
        if kind == "char":
            return ("number", ord(_unescaped(word[1:-1])[:1] or "\0"), False, False)
        if kind == "word":
            return self._named(word)
        if word == "(":
            node = self._expression()
            self._take(")")
            return node
        if word == "{":
            return ("list", self.list_until("}"))
        raise ExprError(f"{word!r}" if word else "it ends too early")

    def _named(self, word: str) -> Node:
        if word == "REC" and self._is("->"):
            self._take()
            return ("field", self._take()[1])
        if word == "sizeof" and self._is("(") and (name := self._type()):
            return ("sizeof", name)
        if self._is("("):
            self._take()
            return ("call", word, self.list_until(")"))
        return ("name", word)

    def _postfix(self, node: Node) -> Node:
        while self._is("["):
            self._take()
            node = ("index", node, self._expression())
            self._take("]")
        if self._is("->") or self._is("."):
            raise ExprError("a member of what the record only points at")
        return node
