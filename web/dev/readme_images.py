"""Makes the images of the README, docs/images/*.webp: the studio's pages in a browser, showing runs that are really trained.

Run in the repository after a page has changed: uv run python web/dev/readme_images.py [--runs FOLDER] [--only NAME ...]

The runs are trained into FOLDER once (about an hour on one core) and used again. All of them are of images that the program
draws itself, or of the handwritten digits that come with scikit-learn; images by others are no part of the repository.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import NamedTuple

import readme_film
from PIL import Image
from readme_browser import Camera, chromium, studio
from readme_runs import Runs

from tilework.data.loops import ANIMATIONS, frames
from tilework.spec.paths import cache_folder
from tilework.spec.types import Size

FOLDER = Path(__file__).parents[2] / "docs/images"
FILM = "watch"
MOST_BYTES = 70_000


class Still(NamedTuple):
    """One page as it is shown in the README."""

    address: str
    """{NAME} is the id of a run, {home} the folder that the page may look into."""
    there: str
    """What is on the page as soon as it shows everything: a CSS selector."""
    dark: bool = True


STILLS = {
    "runs": Still("#/", "article .thumb img"),
    "bring": Still("#/bring?at={home}/Images&of={home}/Images/loops", "img.sheet"),
    "new": Still("#/new", "main img"),
    "live": Still("#/runs/{digits}", "canvas"),
    "explain": Still("#/runs/{digits}/explain", "main svg"),
    "latent": Still("#/runs/{normal}/latent?at=validation:3&view=map", ".pill.ready"),
    "tokens": Still("#/runs/{loops}/tokens?at=validation:30", ".pill.ready"),
    "codes": Still("#/runs/{loops}/codes", ".pill.ready"),
    "compare": Still("#/compare?a={low-kl}&b={normal}&more={high-kl}&tab=images", '[data-column="c"] canvas'),
    "dream": Still("#/runs/{dreams}/dream?n=20&top_p=0.95&guidance=1&seed=3", '[data-condition="done"]'),
}


def brought(home: Path) -> None:
    """A folder as a person might have it: drawings of the program's own, in colour, one folder for each kind."""
    for name in ANIMATIONS:
        folder = home / "Images" / "loops" / name
        if folder.is_dir():
            continue
        folder.mkdir(parents=True)
        for variant in range(1, 17):
            drawn = next(iter(frames(name, 1, Size(96, 96), 3, 0, variant)))
            Image.fromarray(drawn).save(folder / f"{name}-{variant}.png")


def still(camera: Camera, one: Still, runs: Runs, home: Path) -> Image.Image:
    names = {word: runs[word] for word in named(one)}
    camera.open(one.address.format_map({**names, "home": str(home)}))
    camera.page.locator(one.there).first.wait_for()
    return camera.settled()


def named(one: Still) -> list[str]:
    """The runs in an address."""
    return [part.split("}")[0] for part in one.address.split("{")[1:] if not part.startswith("home}")]


def save(image: Image.Image, file: Path) -> None:
    """In the best quality that is small enough."""
    for quality in (90, 84, 78, 70, 60, 50):
        image.save(file, quality=quality, method=6)
        if file.stat().st_size <= MOST_BYTES:
            return


def main() -> None:
    given = argparse.ArgumentParser(description="Make the images of the README.")
    given.add_argument("--runs", type=Path, default=Path("runs/readme"), help="folder of the runs; default runs/readme")
    given.add_argument("--only", nargs="+", choices=[FILM, *STILLS], help="make these alone")
    asked = given.parse_args()
    runs = Runs(asked.runs.resolve())
    home = runs.root / "home"
    brought(home)
    FOLDER.mkdir(exist_ok=True)
    with chromium() as browser:
        os.environ.setdefault("TILEWORK_CACHE", str(cache_folder()))
        os.environ["HOME"] = str(home)  # a page shows what is in it, and not what the person has who runs this
        with studio(runs.root, home) as served:
            for name in asked.only or [FILM, *STILLS]:
                file = FOLDER / f"{name}.webp"
                dark = name == FILM or STILLS[name].dark
                camera = Camera(served, browser, dark, {str(home): "~", str(runs.root): "~/runs"})
                if name == FILM:
                    readme_film.film(camera, runs, runs.root / "frames")
                    readme_film.save(runs.root / "frames", file)
                else:
                    save(still(camera, STILLS[name], runs, home), file)
                camera.close()
                print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB", flush=True)
    sizes = [file.stat().st_size for file in FOLDER.iterdir()]
    print(f"{len(sizes)} images in docs/images, {sum(sizes) / 1e6:.2f} MB together")


if __name__ == "__main__":
    main()
