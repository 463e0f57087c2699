"""Every command of ``docs/models.md`` runs, on tiny random weights or on a server of ours."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import bagel, tiny_emu3, tiny_pipelines
from support.paths import ROOT
from support.picture_server import PictureServer

from selfreward_eval.harness.models.tiny import WEIGHTS
from selfreward_eval.harness.testing.scripted_endpoint import Response, ScriptedEndpoint

PAGE = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^selfreward-eval (run .+)$", PAGE, re.MULTILINE)

PIPELINES = {
    "stable-diffusion-v1-5/stable-diffusion-v1-5": "StableDiffusionPipeline",
    "stabilityai/stable-diffusion-3.5-medium": "StableDiffusion3Pipeline",
    "black-forest-labs/FLUX.1-dev": "FluxPipeline",
    "Efficient-Large-Model/Sana_1600M_1024px_diffusers": "SanaPipeline",
    "Qwen/Qwen-Image": "QwenImagePipeline",
    "Tongyi-MAI/Z-Image-Turbo": "ZImagePipeline",
}
SMALL = ",height=32,width=32,device=cpu"


class Stands:
    """What stands in for the weights and servers that the page names.

    Attributes:
        folder: for weights, pictures and results.
        servers: to stop in the end.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.servers = folder, list[Any]()
        self.monkeypatch = monkeypatch

    def arguments(self, text: str) -> str:
        """``--model-args`` with small weights and running servers in place of the page's."""
        text = re.sub(r"\bweights=[^,]*Janus[^,]*", f"weights={WEIGHTS / 'tiny-final'}", text)
        text = re.sub(r"\bweights=ByteDance-Seed/BAGEL-7B-MoT", self._bagel, text)
        text = re.sub(r"(\w+\.)?weights=BAAI/Emu3-(Gen|Chat)-hf", self._emu3, text)
        text = re.sub(r"pretrained=([^,]+)", self._pipeline, text)
        text = re.sub(r"path=[^,]+", self._pictures, text)
        dialect = re.search(r"dialect=([\w-]+)", text)
        model = re.search(r"model=([^,]+)", text)
        if model and (dialect or model[1].startswith("gpt-image")):
            server = PictureServer(dialect[1] if dialect else "openai", model=model[1])
            text = self._at(server, text, "" if dialect else "dialect=openai,")
        elif model:
            text = self._at(ScriptedEndpoint(lambda request, before: Response("a red circle")), text, "")
        return text

    def _at(self, server: Any, text: str, more: str) -> str:
        self.servers.append(server)
        if "base_url=" in text:
            return more + re.sub(r"base_url=[^,]+", f"base_url={server.url}", text)
        return f"{more}base_url={server.url},{text}"

    def _bagel(self, found: re.Match[str]) -> str:
        (self.folder / "bagel").mkdir()
        return f"weights={bagel.write_checkpoint(self.folder / 'bagel')},num_timesteps=3,device=cpu"

    def _emu3(self, found: re.Match[str]) -> str:
        folder = self.folder / f"Emu3-{found[2]}"
        if not folder.exists():
            tiny_emu3.save(folder, chat=found[2] == "Chat")
        role = found[1] or ""
        return f"{role}weights={folder},{role}image_area=1024,{role}device=cpu,{role}max_new_tokens=4"

    def _pipeline(self, found: re.Match[str]) -> str:
        pytest.importorskip("diffusers")
        name = PIPELINES[found[1]]
        return f"pretrained={tiny_pipelines.save(name, self.folder / name)}{SMALL}"

    def _pictures(self, found: re.Match[str]) -> str:
        """A list of one picture for one prompt of the shapes benchmark."""
        import json

        from selfreward_eval.harness.task import limited
        from selfreward_eval.harness.testing import DummyModel
        from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

        task = ShapesGenEval()
        (item,) = limited(task.items(), 1)
        lines = []
        for k in range(task.info.images_per_item):
            (picture,) = DummyModel().generate([item.text], [k])
            assert picture is not None
            picture.save(self.folder / f"{k}.png")
            lines.append(
                json.dumps({"id": item.id, "prompt": item.text, "index": k, "image_path": f"{k}.png"})
            )
        (self.folder / "list.jsonl").write_text("\n".join(lines) + "\n")
        return f"path={self.folder / 'list.jsonl'}"


@pytest.fixture
def stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stands]:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "OPENAI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    made = Stands(tmp_path, monkeypatch)
    yield made
    for server in made.servers:
        server.__exit__(None, None, None)


@pytest.mark.slow
@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_runs(command: Callable[..., Any], line: str, stands: Stands) -> None:
    words = shlex.split(line)
    place = words.index("--model-args") + 1 if "--model-args" in words else None
    if place is not None:
        words[place] = stands.arguments(words[place])
    tasks = words.index("--tasks") + 1
    words[tasks] = words[tasks].replace("llava_bench_coco", "shapes_llava_bench")
    words[tasks] = re.sub(r"^geneval", "shapes_geneval", words[tasks])
    done = command(*words, "--limit", 1, "-o", stands.folder / "results")
    assert done.code == 0, done.err
    assert "samples without a number" not in done.out


def test_every_adapter_that_a_user_names_has_its_row() -> None:
    from selfreward_eval.harness.registry import registry

    rows = set(re.findall(r"^\|[^|]+\| `([\w-]+)` \|", PAGE, re.MULTILINE))
    assert set(registry("models")) - {"dummy"} <= rows
