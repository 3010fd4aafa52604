"""The errors a person can meet.

Every message has two parts: what happened (with the file, line or name it is about) and what
to do about it. Faces print them as they are; library code never prints.
"""


def in_one_line(text: str) -> str:
    """A text whose line breaks of any kind are spaces: the name of a file may have several lines,
    and a message has one."""
    return " ".join(text.splitlines())


class AskpapersError(Exception):
    """Something a person can act on.

    Args:
        what: says what happened, and where; it is put in one line.
        remedy: one line that says what to do.
    """

    def __init__(self, what: str, remedy: str) -> None:
        what = in_one_line(what)
        super().__init__(f"{what}\n{remedy}")
        self.what = what
        self.remedy = remedy


class SettingsError(AskpapersError):
    """A setting or an ``ASKPAPERS_*`` variable has a value that cannot be used."""


class SourceError(AskpapersError):
    """A source of papers cannot be read at all."""


class LibraryError(AskpapersError):
    """A library is missing, damaged, or held by another process."""


class WeightsError(AskpapersError):
    """A model's files cannot be had, or are not what they should be."""


class ModelError(AskpapersError):
    """A language model cannot be loaded, or failed while it wrote."""
