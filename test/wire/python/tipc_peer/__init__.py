"""A peer that speaks the Python tensor-ipc's wire as that package does, faults included: it is what our side must live with.

Written for the tests from what the package does on the wire; nothing is improved. Standard library, NumPy, and a C helper for DDS.
"""

from .consumer import Consumer
from .dds import Dds
from .metadata import Metadata
from .producer import Producer

__all__ = ["Consumer", "Dds", "Metadata", "Producer"]
