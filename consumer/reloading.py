"""The assessor of a running consumer, which follows changes of its table of sensors."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from consumer import events
from model.assessment import Assessment
from model.assessor import Assessor
from model.examined import Examined
from model.sensors import SensorsError
from model.settings import AssessmentSettings
from model.table_watch import TableWatch


class ReloadingAssessor(Assessor):
    """An assessor that reads its table of sensors again when it has changed.

    It checks before it assesses, so that all of a batch is assessed with one table, and its
    `version` then is that of the table. A table that is invalid is logged, and the one in use stays
    in use.
    """

    _watch: TableWatch

    @classmethod
    def of(cls, settings: AssessmentSettings) -> Self:
        """Load what the settings name, and watch the table; errors as for `Assessor.load`."""
        assessor = super().of(settings)
        assessor._watch = TableWatch(settings.sensor_table, assessor._sensors)
        return assessor

    def assess(
        self,
        windows: NDArray[np.float32],
        rpm: NDArray[np.float64],
        sensors: Sequence[str],
        counts: NDArray[np.int64] | None = None,
        examined: Examined | None = None,
    ) -> Assessment:
        """Assess measurements with the present table; as `Assessor.assess`."""
        self._follow_table()
        return super().assess(windows, rpm, sensors, counts, examined)

    def _follow_table(self) -> None:
        try:
            changed = self._watch.changed()
        except SensorsError as error:
            events.emit(events.TABLE_INVALID, reason=str(error), model=self._model())
            return
        if changed is None:
            return
        self.use(changed)
        events.emit(events.TABLE_CHANGED, model=self._model())

    def _model(self) -> str:
        return f"{self.name} {self.version}"
