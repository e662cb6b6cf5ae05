"""What each driver stores in the record: models of the writers, from their sources, over plain facts."""

from __future__ import annotations

from kinfo.writers.model import Built, Driver, Registered, Request, Written
from kinfo.writers.registry import DRIVERS, driver_named

__all__ = ["DRIVERS", "Built", "Driver", "Registered", "Request", "Written", "driver_named"]
