"""Where a library lies on the disk: the catalog is the truth, the indexes follow it."""

from rag.store.catalog import Catalog, PaperRow, PassageRow
from rag.store.keywords import KeywordIndex
from rag.store.vectors import Manifest, VectorIndex

__all__ = ["Catalog", "KeywordIndex", "Manifest", "PaperRow", "PassageRow", "VectorIndex"]
