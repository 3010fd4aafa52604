"""The faces of askpapers: the command line and the page. Thin: all they do is call `rag`."""

import os

# Progress is drawn by the face alone; libraries' own bars would be drawn across it. Has to be
# set before any of them is imported.
os.environ.setdefault("TQDM_DISABLE", "1")
