"""TensorBoard's files of a run: losses and scores, previews, and the settings as hyper-parameters."""

from __future__ import annotations

import importlib.util
import socket
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrainer.config import Config
from nbtrainer.config.describe import settings
from nbtrainer.disk import make_folder
from nbtrainer.errors import ModelError
from nbtrainer.runs import events
from nbtrainer.runs.directory import RunDirectory
from nbtrainer.runs.events import Event

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary

Scalar = bool | int | float | str


def is_installed() -> bool:
    """Whether TensorBoard is."""
    return importlib.util.find_spec("tensorboard") is not None


class TensorBoardFiles:
    """Writes events of the run in `directory` to files in `folder`, as they happen or afterwards.

    Losses stand at their steps, scores at those of their validations. What a resume does again replaces what was there.
    Raises `ModelError` if TensorBoard is not installed.
    """

    def __init__(self, directory: RunDirectory, folder: Path) -> None:
        if not is_installed():
            raise ModelError(
                "tensorboard",
                "TensorBoard is not installed here",
                'Install it with: pip install "nbtrainer[tensorboard]"',
            )
        from tensorboard.compat.proto.event_pb2 import Event as Entry
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._directory = directory
        name = f"events.out.tfevents.{time.time_ns() // 10**6}.{socket.gethostname()}"
        # not through its `EventFileWriter`: that loads TensorFlow where there is one, as on Colab
        self._file = (make_folder(folder) / name).open("ab")
        self._records = RecordWriter(self._file)
        self._records.write(Entry(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
        self._step = 0

    def __call__(self, event: Event) -> None:
        from tensorboard.compat.proto.event_pb2 import SessionLog

        match event:
            case events.Planned():
                self._step = event.step
                # forget what comes after this step: it is done again
                self._add(event, event.step + 1, session_log=SessionLog(status=SessionLog.START))
                self._add(event, event.step, summary=hyper_parameters(Config.load(self._directory.config)))
            case events.StepsDone():
                self._step = event.step
                scalars = {
                    "step/loss": event.loss,
                    "step/learning_rate": event.learning_rate,
                    "step/seconds": event.seconds_per_step,
                    "step/memory_gigabytes": event.memory_bytes / 1e9,
                }
                self._add(event, event.step, summary=_scalars(scalars))
            case events.Scored():
                self._step = event.step
                self._add(event, event.step, summary=_scalars(event.scores))
                self._file.flush()
            case events.TestScored():
                self._add(event, self._step, summary=_scalars(event.scores))
            case events.PreviewWritten():
                picture = self._directory.path / event.path
                if picture.is_file():
                    self._add(event, self._step, summary=_picture("preview", picture))
            case events.Finished() | events.Stopped() | events.Failed():
                self._file.flush()

    def close(self) -> None:
        self._file.close()

    def _add(self, event: Event, step: int, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event as Entry

        self._records.write(Entry(wall_time=event.time, step=step, **content).SerializeToString())


def write_tensorboard(directory: RunDirectory, happened: Iterable[Event], folder: Path) -> Path:
    """TensorBoard's files of what `happened` in a run, in `folder`, which is returned."""
    files = TensorBoardFiles(directory, folder)
    try:
        for event in happened:
            files(event)
    finally:
        files.close()
    return folder


def hyper_parameters(config: Config) -> Summary:
    """The settings as TensorBoard's page of hyper-parameters has them: what is a list as text."""
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionStartInfo

    info = SessionStartInfo()
    for name, value in scalar_settings(config).items():
        entry = info.hparams[name]
        if isinstance(value, bool):
            entry.bool_value = value
        elif isinstance(value, str):
            entry.string_value = value
        else:
            entry.number_value = value
    content = HParamsPluginData(version=0, session_start_info=info).SerializeToString()
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="hparams", content=content))
    return Summary(value=[Summary.Value(tag="_hparams_/session_start_info", metadata=metadata)])


def scalar_settings(config: Config) -> Mapping[str, Scalar]:
    """Every setting that has an effect, by its path; lists and None as text."""
    values = {row.path: row.value_in(config) for row in settings() if row.has_effect(config)}
    return {path: value if isinstance(value, Scalar) else str(value) for path, value in values.items()}


def _scalars(values: Mapping[str, float]) -> Summary:
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary(value=[Summary.Value(tag=name, simple_value=value) for name, value in values.items()])


def _picture(name: str, file: Path) -> Summary:
    import imageio.v3 as imageio
    from tensorboard.compat.proto.summary_pb2 import Summary

    height, width = imageio.improps(file).shape[:2]
    image = Summary.Image(height=height, width=width, colorspace=4, encoded_image_string=file.read_bytes())
    return Summary(value=[Summary.Value(tag=name, image=image)])
