"""What every simulator needs: clock, journal, fault plan, metering, TLS and the loopback server."""

from simulators.common.calls import Call, call_of, fault_of
from simulators.common.clock import Clock, FixedClock, SystemClock
from simulators.common.faults import FaultAction, FaultPlan, FaultPlanError, FaultRule
from simulators.common.journal import Journal, JournalEntry, SessionLabels
from simulators.common.metering import UnitMeter
from simulators.common.server import SimulatorServer
from simulators.common.streams import abort_connection, send_file

__all__ = [
    "Call",
    "Clock",
    "FaultAction",
    "FaultPlan",
    "FaultPlanError",
    "FaultRule",
    "FixedClock",
    "Journal",
    "JournalEntry",
    "SessionLabels",
    "SimulatorServer",
    "SystemClock",
    "UnitMeter",
    "abort_connection",
    "call_of",
    "fault_of",
    "send_file",
]
