"""The one place where the version number stands; the build reads it from here."""

__version__ = "0.1.0"

# Where the project's documents are to be read: the owner sets it. Until then a name that can never be anybody's (RFC 2606).
PROJECT_URL = "https://kinfo.invalid"
