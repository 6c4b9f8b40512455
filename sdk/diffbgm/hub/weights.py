"""A folder of weights: config.json (the network's constructor arguments) and model.safetensors."""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args, get_origin, get_type_hints

from diffbgm import __version__, threads
from diffbgm.errors import InputError, OutputError, WeightsError
from diffbgm.files import bundled_file, file_sha256, make_folder, replacing, write_json
from diffbgm.typed import typed

if TYPE_CHECKING:
    import torch

    from diffbgm.composer import Config, Denoiser

WEIGHTS, CONFIG = "model.safetensors", "config.json"
LARGEST = 2**15  # of the numbers in config.json


@dataclass(frozen=True)
@typed(InputError)
class Origin:
    """Where weights came from: `id` (bundled, a folder's name, a Hub id), package `version`, the file's sha256."""

    id: str
    version: str
    sha256: str


def bundled_folder() -> Path:
    """The folder of the weights that come with the package; WeightsError for an installation without."""
    config = bundled_file(CONFIG)
    if config is None:
        raise WeightsError("this installation carries no weights; pass a folder or a Hub id to from_pretrained")
    return config.parent


def origin_of(folder: Path, name: str) -> Origin:
    """Which weights these are: for the receipt."""
    return Origin(name, __version__, file_sha256(folder / WEIGHTS))


def save_weights(model: "Denoiser", folder: Path | str, dtype: "torch.dtype | None" = None) -> Path:
    """Writes config.json and model.safetensors (cast to `dtype` if given); each is renamed into place when whole.

    Raises OutputError where that cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]

    folder = Path(folder)
    tensors = {name: t.detach().to("cpu", dtype).contiguous() for name, t in model.state_dict().items()}
    try:
        with replacing(make_folder(folder) / WEIGHTS, SafetensorError) as weights:
            mode = weights.stat().st_mode
            save_file(tensors, weights)
            weights.chmod(mode)  # safetensors writes files that only their owner may read
        write_json(folder / CONFIG, model.config.to_dict(), indent=2)
    except OutputError as e:
        raise OutputError(f"{folder}: cannot write weights there ({e}); choose another folder") from e
    return folder


def load_weights(folder: Path | str, name: str = "") -> "Denoiser":
    """The model in a folder: float32, in eval mode, without gradients.

    Args:
        folder: With config.json and model.safetensors, which must fit each other exactly; the numbers may be stored in
            any precision.
        name: What to call them in messages; default: the folder.

    Raises:
        WeightsError: a file is missing or damaged, a tensor is missing, too many, of another shape or not finite. The
            message names file and tensor.
        ForkedProcessError: see `threads.refuse_after_fork`.
    """
    from diffbgm.composer import Denoiser

    threads.refuse_after_fork()
    folder = Path(folder)
    for file in (CONFIG, WEIGHTS):
        if not (folder / file).is_file():
            raise WeightsError(f"{folder}: no {file} there; a weights folder holds {CONFIG} and {WEIGHTS}")
    config = read_config(folder / CONFIG)
    tensors = read_tensors(folder / WEIGHTS)
    stored = sum(tensor.numel() for tensor in tensors.values())
    if max(config.depth * config.width**2, config.noise_width**2, *(c**2 for c in config.channels)) > stored:
        raise WeightsError(
            f"{folder}: {WEIGHTS} does not match {CONFIG}: it holds {stored} numbers, too few for {config}"
        )
    try:
        with uninitialised():
            model = Denoiser(config)
    except (RuntimeError, MemoryError, ArithmeticError, ValueError) as e:  # as torch says that there is no room
        raise WeightsError(f"{folder / CONFIG}: describes no network that can be built ({one_line(e)})") from e
    check_shapes(model, tensors, folder)
    model.load_state_dict({key: tensor.float() for key, tensor in tensors.items()}, assign=True)
    object.__setattr__(model, "source", name or str(folder))  # for messages; see `compose.name_of`
    return model.eval().requires_grad_(False)


def read_config(path: Path) -> "Config":
    """The network's shape as config.json has it; WeightsError for a file that is no such thing."""
    from diffbgm.composer import Config

    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as e:  # ValueError: no JSON, no UTF-8
        raise WeightsError(f"{path}: cannot be read ({one_line(e)}); download the weights again") from e
    if not isinstance(values, dict):
        raise WeightsError(f"{path}: holds a {type(values).__name__}, not an object; download the weights again")
    usual, hints = Config().to_dict(), get_type_hints(Config)
    found = cast(dict[str, Any], values)
    for name, value in found.items():
        shown = f"{path}: {name} is {json.dumps(value)[:80]}"
        kinds: set[type] = {type(number) for number in listed(usual.get(name))} or {str}  # no entry: a list of names
        alike = isinstance(value, list) == isinstance(usual.get(name), list)
        alike = alike and (value == usual.get(name) or {type(number) for number in listed(value)} == kinds)
        if name in usual and not alike:
            raise WeightsError(f"{shown}; a value like {json.dumps(usual[name])} belongs there")
        if int in kinds and not all(0 <= number <= LARGEST for number in listed(value)):
            raise WeightsError(f"{shown}, which no network of this kind has")
        words = get_args(hints[name]) if get_origin(hints.get(name)) is Literal else ()
        if words and value not in words:
            raise WeightsError(f"{shown}; it must be one of {', '.join(words)}")
    try:
        return Config.from_dict(found)
    except WeightsError as e:
        raise WeightsError(f"{path}: {str(e).removeprefix('config.json: ').removeprefix('config: ')}") from e
    except (TypeError, ValueError, ArithmeticError) as e:
        raise WeightsError(f"{path}: describes no network ({one_line(e)}); download the weights again") from e


def listed(value: Any) -> list[Any]:
    """The items of a list; anything else is the only one."""
    return cast(list[Any], value) if isinstance(value, list) else [value]


def read_tensors(path: Path) -> "dict[str, torch.Tensor]":
    """The tensors of a safetensors file, mapped into memory; WeightsError for a damaged file or numbers not finite."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]

    try:
        tensors = load_file(path)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as e:
        raise WeightsError(f"{path}: damaged weights ({one_line(e)}); download them again") from e
    for name, tensor in tensors.items():
        if tensor.numel() and not all(torch.isfinite(end) for end in torch.aminmax(tensor)):  # NaN is passed on
            raise WeightsError(f"{path}: tensor {name} holds numbers that are not finite; download the weights again")
    return tensors


def check_shapes(model: "Denoiser", tensors: "Mapping[str, torch.Tensor]", folder: Path) -> None:
    """WeightsError that names the first tensor in which the file and the network of config.json differ."""
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    path = folder / WEIGHTS
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found:
            raise WeightsError(f"{path}: does not match {CONFIG}: tensor {name} is missing")
        if name not in wanted:
            raise WeightsError(f"{path}: does not match {CONFIG}: tensor {name} belongs to no such network")
        if wanted[name] != found[name]:
            shapes = f"{list(found[name])} in the file, {list(wanted[name])} by {CONFIG}"
            raise WeightsError(f"{path}: does not match {CONFIG}: tensor {name} is {shapes}")


@contextmanager
def uninitialised() -> Generator[None, None, None]:
    """Within it, new networks have whatever numbers are in memory: random ones would be overwritten anyway.

    (torch's own way, the device "meta", imports 800 modules for a network of this kind, which takes a second.)
    """
    import torch
    from torch.overrides import TorchFunctionMode

    fillers = {torch.Tensor.uniform_, torch.Tensor.normal_, torch.Tensor.zero_, torch.Tensor.fill_}

    class SkipFilling(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            kwargs = kwargs or {}
            if func in fillers or getattr(func, "__module__", "") == "torch.nn.init":
                return args[0] if args else kwargs["tensor"]
            return (torch.empty if func is torch.randn else func)(*args, **kwargs)

    with SkipFilling():
        yield


def one_line(error: BaseException) -> str:
    """What an error says, or its kind where it says nothing, in one line of at most 200 characters."""
    return " ".join(str(error).split())[:200] or type(error).__name__
