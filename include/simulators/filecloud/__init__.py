"""A FileCloud server on loopback that stores into an ordinary folder on disk."""

from simulators.filecloud.knobs import FileCloudKnobs, KnobError
from simulators.filecloud.simulator import FileCloudSimulator

__all__ = ["FileCloudKnobs", "FileCloudSimulator", "KnobError"]
