"""A choice of an answer, as it comes together from the events of a stream."""

from dataclasses import dataclass, field

from sayso.core.chat import ChoiceFinished, FinishReason, TextDelta, TokenLogprob, ToolCallDelta


@dataclass(slots=True)
class CollectedCall:
    """A tool call so far."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class CollectedChoice:
    """A choice so far; `reason` is None until it is complete."""

    text: list[str] = field(default_factory=list[str])
    logprobs: list[TokenLogprob] = field(default_factory=list[TokenLogprob])
    calls: dict[int, CollectedCall] = field(default_factory=dict[int, CollectedCall])
    reason: FinishReason | None = None

    def take(self, event: TextDelta | ToolCallDelta | ChoiceFinished, *, with_logprobs: bool = True) -> None:
        """Take the next event of this choice."""
        match event:
            case TextDelta():
                self.text.append(event.text)
                if with_logprobs:
                    self.logprobs.extend(event.logprobs)
            case ToolCallDelta():
                call = self.calls.setdefault(event.call, CollectedCall())
                call.id = event.id or call.id
                call.name = event.name or call.name
                call.arguments.append(event.arguments)
            case ChoiceFinished():
                self.reason = event.reason
