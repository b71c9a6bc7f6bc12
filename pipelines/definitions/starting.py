"""Whether schedules and sensors run by themselves: under `fengqiao-schedule` (FENGQIAO_SCHEDULES=on), else once turned on in the page."""

import os

import dagster as dg

_ON = os.environ.get("FENGQIAO_SCHEDULES") == "on"
SCHEDULE = dg.DefaultScheduleStatus.RUNNING if _ON else dg.DefaultScheduleStatus.STOPPED
SENSOR = dg.DefaultSensorStatus.RUNNING if _ON else dg.DefaultSensorStatus.STOPPED
