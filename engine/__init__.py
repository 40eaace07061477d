"""A declarative metric engine for marketing dashboards."""

import lazy_loader

__version__ = "0.1.0"

# The public names stand in __init__.pyi; each module is imported when one of its names is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
