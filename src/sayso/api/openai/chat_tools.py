"""Tools and the choice among them, in today's form and in that of 2023 (`functions`)."""

from dataclasses import dataclass

from sayso.api.field_errors import combination_error, missing
from sayso.api.openai.chat_schemas import AllowedTools, ChatBody, FunctionDefinition, ToolChoiceObject
from sayso.api.openai.request_rules import check_schema_depth
from sayso.core.chat import NamedTool, Tool, ToolChoice
from sayso.errors import InvalidRequest, UnsupportedParameter


@dataclass(frozen=True, slots=True)
class Tooling:
    """What may be called; `legacy` asks for the answer in the shape of `function_call`."""

    tools: tuple[Tool, ...] = ()
    choice: ToolChoice = "none"
    parallel: bool = True
    legacy: bool = False


def tooling(body: ChatBody) -> Tooling:
    """Read tools, functions and the choice. Raises `InvalidRequest` where they do not fit together."""
    if body.functions is not None:
        if body.tools is not None:
            raise combination_error("functions", "'functions' and 'tools' can not be used together.")
        return _functions(body, body.functions)
    if body.function_call not in (None, "none"):
        raise InvalidRequest(
            "'function_call' is only allowed when 'functions' are specified.", param="function_call"
        )
    if body.tools is None:
        if body.tool_choice not in (None, "none"):
            raise InvalidRequest(
                "'tool_choice' is only allowed when 'tools' are specified.", param="tool_choice"
            )
        return Tooling()
    tools = tuple(
        _function(f"tools[{index}]", tool.type, tool.function) for index, tool in enumerate(body.tools)
    )
    tools, choice = _choice(tools, body.tool_choice)
    return Tooling(tools, choice, body.parallel_tool_calls is not False)


def _functions(body: ChatBody, functions: list[FunctionDefinition]) -> Tooling:
    if body.tool_choice is not None:
        raise combination_error(
            "tool_choice", "'tool_choice' goes with 'tools', 'function_call' with 'functions'."
        )
    tools = tuple(_tool(f"functions[{index}]", function) for index, function in enumerate(functions))
    choice: ToolChoice
    match body.function_call:
        case None:
            choice = "auto"
        case "none" | "auto" as word:
            choice = word
        case named:
            choice = _named(tools, named.name, "function_call")
    return Tooling(tools, choice, parallel=False, legacy=True)


def _function(path: str, kind: str, function: FunctionDefinition | None) -> Tool:
    if kind == "custom":
        raise UnsupportedParameter(path, f"Custom tools are not supported with this model: '{path}'.")
    if function is None:
        raise missing(f"{path}.function")
    return _tool(f"{path}.function", function)


def _tool(path: str, function: FunctionDefinition) -> Tool:
    check_schema_depth(f"{path}.parameters", function.parameters)
    return Tool(function.name, function.description, function.parameters, bool(function.strict))


def _choice(
    tools: tuple[Tool, ...], choice: str | ToolChoiceObject | None
) -> tuple[tuple[Tool, ...], ToolChoice]:
    match choice:
        case None | "auto":
            return tools, "auto"
        case "none":
            return tools, "none"
        case "required":
            return tools, "required"
        case ToolChoiceObject(type="function", function=function):
            if function is None:
                raise missing("tool_choice.function")
            return tools, _named(tools, function.name, "tool_choice")
        case ToolChoiceObject(type="allowed_tools", allowed_tools=allowed):
            if allowed is None:
                raise missing("tool_choice.allowed_tools")
            return _allowed(tools, allowed)
        case _:
            raise UnsupportedParameter("tool_choice", "Custom tools are not supported with this model.")


def _allowed(tools: tuple[Tool, ...], allowed: AllowedTools) -> tuple[tuple[Tool, ...], ToolChoice]:
    names: set[str] = set()
    for index, tool in enumerate(allowed.tools):
        path = f"tool_choice.allowed_tools.tools[{index}]"
        if tool.type == "custom":
            raise UnsupportedParameter(path, f"Custom tools are not supported with this model: '{path}'.")
        if tool.function is None:
            raise missing(f"{path}.function")
        names.add(_named(tools, tool.function.name, path).name)
    return tuple(tool for tool in tools if tool.name in names), allowed.mode


def _named(tools: tuple[Tool, ...], name: str, param: str) -> NamedTool:
    if all(tool.name != name for tool in tools):
        field = "functions" if param == "function_call" else "tools"
        raise InvalidRequest(
            f"Invalid value for '{param}': the function named there was not specified in '{field}'.",
            param=param,
            code="invalid_value",
        )
    return NamedTool(name)
