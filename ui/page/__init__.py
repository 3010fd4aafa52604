"""The chat page, a room a reason to change; all it does is call `rag`."""
