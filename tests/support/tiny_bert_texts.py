"""`TEXTS` of `golden/make_tiny_bert.py`, without the torch it imports."""

import ast
import pathlib

_MAKER = pathlib.Path(__file__).parents[1] / "golden" / "make_tiny_bert.py"


def _value_of(name):
    for node in ast.parse(_MAKER.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == name:
            return eval(compile(ast.Expression(node.value), _MAKER, "eval"))
    raise LookupError(name)


TEXTS = _value_of("TEXTS")
