"""A key-value cache with room to grow, so that it is written in place.

The one that transformers makes copies all keys and values at every token, which takes 2 to 20 ms
of the 50 that a token takes (``docs/performance.md``).
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers import DynamicCache, PretrainedConfig
from transformers.cache_utils import Cache, DynamicLayer

_ROOM = 512
"""Positions added whenever there is no room left."""


class _RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values are the first positions of buffers that are longer."""

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.keys, self.values = key_states[:, :, :0], value_states[:, :, :0]
            self._rooms = [self.keys, self.values]
        held = self.get_seq_length()
        end = held + key_states.shape[2]
        for index, states in enumerate((key_states, value_states)):
            if end > self._rooms[index].shape[2]:
                self._rooms[index] = _enlarged(self._rooms[index], held, end + _ROOM)
            self._rooms[index][:, :, held:end] = states
        self.keys, self.values = (room[:, :, :end] for room in self._rooms)
        return self.keys, self.values


def empty_cache(config: PretrainedConfig) -> tuple[Cache, bool]:
    """A cache for a model, and whether positions can be taken off its end and written again.

    They cannot where some layers see a window only, or keep a state instead of positions.
    """
    cache = DynamicCache(config=config)
    if all(type(layer) is DynamicLayer for layer in cache.layers):
        return Cache(layer_class_to_replicate=_RoomyLayer), True
    return cache, False


def _enlarged(room: Tensor, held: int, positions: int) -> Tensor:
    batch, heads, _, width = room.shape
    larger = room.new_empty(batch, heads, positions, width)
    larger[:, :, :held] = room[:, :, :held]
    return larger
