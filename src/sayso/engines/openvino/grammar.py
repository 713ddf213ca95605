"""A grammar in the EBNF that the engine's constrained decoding reads, built so that it always parses."""

_PLAIN = r'[^"\\\x00-\x1f]'
_ESCAPE = r'"\\" (["\\/bfnrt] | "u" [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F])'

# Fixed separators: with free whitespace a small model may write newlines until it runs out of tokens.
COMMA = '", "'
COLON = '": "'

_SHARED = {
    "char": f"{_PLAIN} | {_ESCAPE}",
    "string": r'"\"" tail',
    # what may follow a string is told in advance, which spares the engine work at every token of a string
    "tail": rf'("\"" | {_PLAIN} tail | {_ESCAPE} tail) (= [,}}\]:])',
    "digits": "[0-9]{1,15}",
    "integer": '"-"? ("0" | [1-9] [0-9]{0,14})',
    "number": 'integer ("." digits)? ([eE] [+-]? [0-9]{1,2})?',
    "member": f"string {COLON} value",
    "object": f'"{{" (member ({COMMA} member)*)? "}}"',
    "array": f'"[" (value ({COMMA} value)*)? "]"',
    "value": 'object | array | string | number | "true" | "false" | "null"',
}


class Grammar:
    """Named rules; equal bodies share one rule."""

    def __init__(self) -> None:
        self._rules: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._rules)

    def reserve(self) -> str:
        """Return a name to be defined later, for recursion."""
        name = f"r{len(self._rules)}"
        self._rules[name] = ""
        return name

    def define(self, name: str, body: str) -> None:
        """Give a reserved name its body."""
        self._rules[name] = body

    def rule(self, body: str) -> str:
        """Return the name of a rule with `body`."""
        if body not in self._names:
            name = self.reserve()
            self.define(name, body)
            self._names[body] = name
        return self._names[body]

    def text(self, root: str) -> str:
        """Return the whole grammar; `root` is a rule's body."""
        lines = [f"root ::= {root}"]
        lines += [f"{name} ::= {body}" for name, body in {**self._rules, **_SHARED}.items()]
        return "\n".join(lines) + "\n"


def literal(text: str) -> str:
    """Return `text` as a quoted terminal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    escaped = escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return f'"{escaped}"'


def either(choices: list[str]) -> str:
    """Return an alternation, bracketed; `choices` is not empty."""
    unique = list(dict.fromkeys(choices))
    return unique[0] if len(unique) == 1 else f"({' | '.join(unique)})"


def json_object() -> str:
    """Return the grammar of any JSON object."""
    return Grammar().text("object")
