"""Regular expressions and string formats of JSON schema, as grammar terminals.

The common core of ECMA 262: literals, classes, groups, alternation, quantifiers, anchors at the ends.
What a class may match is cut to printable ASCII that needs no escape inside a JSON string.
"""

_PRINTABLE = frozenset(map(chr, range(0x20, 0x7F))) - {'"', "\\"}
_DIGIT = frozenset("0123456789")
_WORD = frozenset(c for c in _PRINTABLE if c.isalnum() or c == "_")
_CLASSES = {
    "d": _DIGIT,
    "D": _PRINTABLE - _DIGIT,
    "w": _WORD,
    "W": _PRINTABLE - _WORD,
    "s": frozenset(" "),
    "S": _PRINTABLE - frozenset(" "),
}
_META = frozenset("\\^$.|?*+()[]{}")
_LONGEST = 1000

_DATE = r'[1-2] [0-9] [0-9] [0-9] "-" ("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | "1" [0-9] | "2" [0-8])'
_TIME = r'("0" [0-9] | "1" [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] "Z"'
_HOST = r'[a-z] [a-z0-9]{0,30} ("." [a-z] [a-z0-9]{1,20}){1,3}'
_OCTET = r'("25" [0-5] | "2" [0-4] [0-9] | "1" [0-9] [0-9] | [1-9] [0-9] | [0-9])'
_HEX = "[0-9a-f]"

FORMATS = {
    "date": _DATE,
    "time": _TIME,
    "date-time": f'{_DATE} "T" {_TIME}',
    "email": f'[a-zA-Z0-9] [a-zA-Z0-9._+-]{{0,30}} "@" {_HOST}',
    "hostname": _HOST,
    "ipv4": f'{_OCTET} "." {_OCTET} "." {_OCTET} "." {_OCTET}',
    "uuid": f'{_HEX}{{8}} "-" {_HEX}{{4}} "-" "4" {_HEX}{{3}} "-" [89ab] {_HEX}{{3}} "-" {_HEX}{{12}}',
    "uri": f'"http" "s"? "://" {_HOST} ("/" [a-zA-Z0-9._~-]{{1,40}}){{0,6}}',
    "duration": '"P" ([0-9]{1,3} "D" | "T" [0-9]{1,3} [HMS])',
}


class PatternRefused(ValueError):
    """The pattern uses something outside the core."""


def pattern_terminal(pattern: str) -> str:
    """Return what `pattern` matches anywhere in a string. Raises `PatternRefused`."""
    start = pattern.startswith("^")
    end = pattern.endswith("$") and (len(pattern) - len(pattern.rstrip("\\$")) != 2 or pattern[-2] != "\\")
    body = pattern[1 if start else 0 : len(pattern) - 1 if end else len(pattern)]
    inner = _Reader(body).whole()
    if start and end and "|" in body and _top_level_bar(body):
        raise PatternRefused("anchors beside a top-level alternation")
    return f"{'' if start else 'char* '}({inner}){'' if end else ' char*'}"


def _top_level_bar(body: str) -> bool:
    depth, skip, klass = 0, False, False
    for c in body:
        if skip:
            skip = False
        elif c == "\\":
            skip = True
        elif klass:
            klass = c != "]"
        elif c == "[":
            klass = True
        elif c == "|" and depth == 0:
            return True
        depth += (c == "(") - (c == ")")
    return False


class _Reader:
    """Recursive descent over one pattern."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def whole(self) -> str:
        body = self._alternation()
        if self._at < len(self._pattern):
            raise PatternRefused("unbalanced ')'")
        return body

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self) -> str:
        if self._at >= len(self._pattern):
            raise PatternRefused("the pattern ends too early")
        self._at += 1
        return self._pattern[self._at - 1]

    def _alternation(self) -> str:
        branches = [self._sequence()]
        while self._peek() == "|":
            self._take()
            branches.append(self._sequence())
        return " | ".join(branches)

    def _sequence(self) -> str:
        parts: list[str] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._atom() + self._quantifier())
        return " ".join(parts) or '""'

    def _atom(self) -> str:
        c = self._take()
        match c:
            case "(":
                return self._group()
            case "[":
                return _terminal(self._class())
            case ".":
                return _terminal(_PRINTABLE)
            case "\\":
                return _terminal(self._escape())
            case "^" | "$" | "*" | "+" | "?" | "{":
                raise PatternRefused(f"'{c}' at this place")
            case _:
                return _terminal(frozenset(c))

    def _group(self) -> str:
        if self._peek() == "?":
            if self._pattern[self._at : self._at + 2] != "?:":
                raise PatternRefused("look-around and named groups")
            self._at += 2
        body = self._alternation()
        if self._take() != ")":
            raise PatternRefused("unbalanced '('")
        return f"({body})"

    def _escape(self) -> frozenset[str]:
        c = self._take()
        if c in _CLASSES:
            return _CLASSES[c]
        if c in _META or c in "/-\"'@#&%!:;=,<>~` ":
            return frozenset(c)
        raise PatternRefused(f"'\\{c}'")

    def _class(self) -> frozenset[str]:
        negated = self._peek() == "^"
        if negated:
            self._take()
        members: set[str] = set()
        while self._peek() != "]":
            first = self._member()
            if self._peek() == "-" and self._pattern[self._at + 1 : self._at + 2] not in ("", "]"):
                self._take()
                last = self._member()
                if len(first) != 1 or len(last) != 1:
                    raise PatternRefused("a range between classes")
                members |= {chr(i) for i in range(ord(min(first)), min(ord(min(last)), 0x7E) + 1)}
            else:
                members |= first
        self._take()
        return frozenset(_PRINTABLE - members if negated else members)

    def _member(self) -> frozenset[str]:
        c = self._take()
        return self._escape() if c == "\\" else frozenset(c)

    def _quantifier(self) -> str:
        c = self._peek()
        if c not in ("*", "+", "?", "{") or not c:
            return ""
        self._take()
        mark = c
        if c == "{":
            end = self._pattern.find("}", self._at)
            bounds = self._pattern[self._at : end].split(",") if end >= 0 else [""]
            self._at = end + 1
            if len(bounds) > 2 or not bounds[0].isdigit() or not (bounds[-1].isdigit() or bounds[-1] == ""):
                raise PatternRefused("a malformed quantifier")
            if any(bound and int(bound) > _LONGEST for bound in bounds):
                raise PatternRefused(f"a quantifier over {_LONGEST}")
            mark = "{" + ",".join(bounds) + "}"
        if self._peek() == "?":  # lazy or greedy: the same set of strings
            self._take()
        return mark


def _terminal(members: frozenset[str]) -> str:
    allowed = sorted(members & _PRINTABLE)
    if not allowed:
        raise PatternRefused("a class without a character that JSON writes plainly")
    if len(allowed) == 1:
        return f'"{allowed[0]}"'
    spans: list[list[str]] = []
    for c in allowed:
        if spans and ord(c) == ord(spans[-1][1]) + 1:
            spans[-1][1] = c
        else:
            spans.append([c, c])
    return "[" + "".join(_quote(a) + (f"-{_quote(b)}" if a != b else "") for a, b in spans) + "]"


def _quote(c: str) -> str:
    return f"\\x{ord(c):02x}" if not c.isalnum() else c
