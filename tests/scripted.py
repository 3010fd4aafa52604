"""A chat model that writes what the test says, at the pace it says, and a page around it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult


class ScriptedModel(BaseChatModel):
    """Writes the first reply whose key stands in the prompt's last message, word by word.

    Attributes:
        replies: by a word of the question.
        pause: seconds before each word.
    """

    replies: dict[str, str]
    pause: float = 0.0

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _reply(self, messages: list[BaseMessage]) -> str:
        asked = str(messages[-1].text)
        found = [(asked.rfind(key), reply) for key, reply in self.replies.items() if key in asked]
        return max(found)[1] if found else "I do not know."

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> Iterator[ChatGenerationChunk]:
        for word in self._reply(messages).split(" "):
            time.sleep(self.pause)
            yield ChatGenerationChunk(message=AIMessageChunk(content=f"{word} "))

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> ChatResult:
        message = AIMessage(content=self._reply(messages))
        return ChatResult(generations=[ChatGeneration(message=message)])
