"""Language models as LangChain chat models: in this process, or behind a server."""

from rag.chat_models.loading import load_chat_model, needed_downloads, needed_models
from rag.chat_models.local import LocalChatModel

__all__ = ["LocalChatModel", "load_chat_model", "needed_downloads", "needed_models"]
