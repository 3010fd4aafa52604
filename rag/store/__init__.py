"""Where a library lies on the disk: the catalog is the truth, the indexes follow it."""

from rag.store.catalog import Catalog, PaperRow, PaperVectors
from rag.store.keywords import Coverage, KeywordIndex, content_words
from rag.store.remembered import RememberedVectors
from rag.store.vectors import Manifest, VectorIndex

__all__ = [
    "Catalog",
    "Coverage",
    "KeywordIndex",
    "Manifest",
    "PaperRow",
    "PaperVectors",
    "RememberedVectors",
    "VectorIndex",
    "content_words",
]
