"""The vehicle's monitor: feeds behind one protocol. A scripted course, a played record; device drivers come beside."""

from ambulance_unit.monitor.course import Course
from ambulance_unit.monitor.feed import KINDS, Channel, Monitor, WaveChunk
from ambulance_unit.monitor.generator import CourseMonitor

__all__ = ["KINDS", "Channel", "Course", "CourseMonitor", "Monitor", "WaveChunk"]
