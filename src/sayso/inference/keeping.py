"""What requests say and are answered, handed to the store as the caller's policy allows."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import cast

from sayso.core.caller import Caller
from sayso.core.chat import ChatEvent, Json
from sayso.core.speech import SpeechEvent
from sayso.errors import StorageUnavailable
from sayso.inference.exchange import Asked, HeardAnswer, canonical
from sayso.retention.clock import wall_clock
from sayso.retention.content import Content, Kind, NotKept
from sayso.retention.policy import RetentionPolicy
from sayso.retention.sealing import Part
from sayso.retention.store import RetentionStore


@dataclass(frozen=True, slots=True)
class ToStore:
    """What is kept besides, where a request asks to be stored: what its answer's form depends on."""

    head: Mapping[str, Json]
    metadata: Mapping[str, str]


class Keeper:
    """Begins the record of each request whose content may be kept at all."""

    def __init__(self, store: RetentionStore, *, clock: Callable[[], int] = wall_clock) -> None:
        self.store = store
        self.clock = clock
        self._asking: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def begin(
        self,
        caller: Caller,
        kind: Kind,
        record_id: str,
        model: str,
        asked: Asked,
        *,
        audio: bytes | bytearray | None = None,
        to_store: ToStore | None = None,
        end_user: str | None = None,
    ) -> "Exchange | None":
        """Return the record of a request that begins; None where nothing of it may be kept.

        `record_id` and `model` are as in `Content`, `end_user` is what the caller calls its own user.
        Reads the database only for a project that is new to it, and for a request that asks to be stored:
        then it raises `StorageUnavailable`.
        """
        policy = await self._policy(caller, certain=to_store is not None)
        stored = to_store is not None and policy.keeps(stored=True)
        if not stored and not policy.keeps(stored=False):
            return None
        answer = HeardAnswer(with_logprobs=stored)
        extra = to_store if stored else None
        tag = self.store.tag(caller.org_id, end_user or "")
        return Exchange(self, caller, kind, record_id, model, self.clock(), asked, answer, audio, extra, tag)

    def forget(self) -> None:
        """Forget what is known of policies: one has changed."""
        self.store.forget_policies()

    def may_keep(self, caller: Caller) -> bool:
        """Return whether content may be kept unasked, by what is known; the store asks where nothing is."""
        known = self.store.known_policy(caller.org_id, caller.project_id)
        return known is None or known.policy.keeps(stored=False)

    async def _policy(self, caller: Caller, *, certain: bool) -> RetentionPolicy:
        """Return the policy; what is old is good enough while a newer one is asked for beside the work."""
        known = None if certain else self.store.known_policy(caller.org_id, caller.project_id)
        if known is not None and (standing := self.store.standing(known)) != "changed":
            if standing == "old":
                self._ask_beside(caller)
            return known.policy
        try:
            return await self.store.policy(caller.org_id, caller.project_id)
        except StorageUnavailable:
            if certain:
                raise
            return RetentionPolicy(0, 0)  # who can not be asked has nothing kept

    def _ask_beside(self, caller: Caller) -> None:
        place = (caller.org_id, caller.project_id)
        if place not in self._asking:
            task = self._asking[place] = asyncio.create_task(self._asked_again(caller))
            task.add_done_callback(lambda _: self._asking.pop(place, None))

    async def _asked_again(self, caller: Caller) -> None:
        with suppress(StorageUnavailable):  # the store asks again before it writes
            await self.store.policy(caller.org_id, caller.project_id)


@dataclass(slots=True)
class Exchange:
    """One request's record. It is handed to the store once: when the answer is complete, or has ended."""

    keeper: Keeper
    caller: Caller
    kind: Kind
    record_id: str
    model: str
    created_at: int
    asked: Asked = field(repr=False)
    answer: HeardAnswer = field(repr=False)
    audio: bytes | bytearray | None = field(repr=False)
    to_store: ToStore | None = field(repr=False)
    end_user: str
    _handed_over: bool = False

    def hear(self, event: ChatEvent | SpeechEvent) -> None:
        """Take the next event of the answer."""
        self.answer.hear(event)

    def answered_by(self, fingerprint: str) -> None:
        """Have the record say what answers in the end: a request may have spilled over."""
        if self.to_store is not None and self.to_store.head.get("system_fingerprint") != fingerprint:
            head = {**self.to_store.head, "system_fingerprint": fingerprint}
            self.to_store = replace(self.to_store, head=head)

    async def store(self) -> None:
        """Store a complete answer that was asked to be stored: durable on return.

        Raises `StorageUnavailable`. A policy that forbids it since the request began is obeyed.
        """
        if self.to_store is None:
            return
        self._handed_over = True
        written = await self.keeper.store.store(self._content(self.to_store))
        self._handed_over = not isinstance(written, NotKept)

    def keep(self) -> None:
        """Hand over what there is, once, if it may be kept unasked; returns at once and raises nothing.

        The loop does it when the answer has left.
        """
        if not self._handed_over:
            self._handed_over = True
            asyncio.get_running_loop().call_soon(self._hand_over)

    def _hand_over(self) -> None:
        if self.keeper.may_keep(self.caller):
            self.keeper.store.keep(self._content(None))

    def _content(self, to_store: ToStore | None) -> Content:
        caller, said = self.caller, self.answer.values()
        parts: dict[Part, bytes] = {"request": canonical(self.asked)}
        if self.audio is not None:
            parts["audio"] = cast("bytes", self.audio)  # a copy of 25 MiB would take its time
        if to_store is not None:
            parts["answer"] = canonical({**said, **to_store.head})
            parts["metadata"] = canonical(to_store.metadata)
        elif said:
            parts["answer"] = canonical(said)
        owner = caller.user_id or caller.service_account_id or caller.key_id
        return Content(
            self.record_id,
            caller.org_id,
            caller.project_id,
            owner,
            self.kind,
            self.model,
            self.created_at,
            parts,
            stored=to_store is not None,
            asked_model="" if to_store is None else str(to_store.head["model"]),
            end_user=self.end_user,
        )
