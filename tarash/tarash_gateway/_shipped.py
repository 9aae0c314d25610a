"""Files that ship with the package, wherever it lies: a folder, a zip archive, a frozen program."""

from __future__ import annotations


def shipped(package: str, name: str) -> bytes:
    """Return the content of a file.

    Args:
        package: The package that holds it, by its full name; it has been imported.
        name: Its place below the package, with slashes.

    Raises:
        OSError: There is no such file.
    """
    import pkgutil

    content = pkgutil.get_data(package, name)
    if content is None:
        raise FileNotFoundError(f"{name} of {package} can't be read: its loader reads no files")

    return content
