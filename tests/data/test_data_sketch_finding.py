"""Which sketches a folder holds as they lie on the web, and what each of them gets: p5, libraries, its folder, its scripts."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_media import P5_DOUBLE, image

from tilework.data.catalogue.detect import detect
from tilework.data.files.skipping import Skipped
from tilework.data.sketch import library
from tilework.data.sketch.found import Sketch, find_sketches, marks
from tilework.data.sketch.library import generation, is_p5, key
from tilework.data.sketch.script import parse
from tilework.data.sketch.server import Server
from tilework.data.sketch.story import Trouble
from tilework.errors import UserError
from tilework.spec import SOURCES

DRAWS = "function setup() { createCanvas(9, 9); } function draw() { rect(frameCount, 0, 2, 2); }"
PAGE = '<script src="{p5}"></script><script src="{script}"></script>'
CDN = "https://cdn.example.com/ajax/libs/p5.js/1.4.0/p5.min.js"


@pytest.fixture
def shipped(tmp_path_factory, monkeypatch) -> Path:
    """Stands for the p5 that comes with the package, which a checkout may not have been built with."""
    folder = tmp_path_factory.mktemp("shipped")
    for one in ("p5-v1", "p5-v2"):
        (folder / one).mkdir()
        (folder / one / "p5.min.js").write_text(one)
    monkeypatch.setattr(library, "SHIPPED", folder)
    return folder


def tree(top: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    return top


def found(top: Path, **more) -> dict[str, Sketch]:
    return {one.name: one for one in find_sketches(str(top), **more)}


def generations(one: Sketch) -> list[str]:
    return [path.parent.name for path in one.p5]


@pytest.mark.parametrize(
    ("script", "main"),
    [
        ("function setup() {}", True),
        ("async function setup() {}", True),
        ("let x = 1; const draw = () => { x++; };", True),
        ("var setup = function () {};", True),
        ("draw = () => {}", True),
        ("window.setup = () => {};", True),
        ("import { a } from './a.js'; globalThis.draw = a;", True),
        ("new p5((s) => { s.draw = () => {}; });", True),
        ("(() => { window.draw = () => {}; })()", True),
        ("// function setup() {}\n/* function draw() {} */ let s = 'function setup() {}';", False),
        ("class Ball { draw() {} setup() {} } const b = { draw() {}, setup: 1 };", False),
        ("class Ball { constructor() { this.draw = () => {}; } show() { const draw = 1; } }", False),
        ("const pattern = /function setup\\(\\) {/; const half = 4 / 2;", False),
        ("const words = `function draw() {`;", False),
        ("if (setup === 1 || draw == 2) {}", False),
    ],
)
def test_what_p5_would_begin_with(script, main):
    assert parse(script).is_main is main


def test_a_script_by_any_name_with_the_helpers_that_it_names(tmp_path, shipped):
    top = tree(
        tmp_path / "in",
        {
            "balls/mySketch.js": "let balls = []; function setup() { balls.push(new Ball()); } function draw() { tint2(); }",
            "balls/Ball 10.js": "class Ball extends Thing {}",
            "balls/Ball 2.js": "class Thing {}",
            "balls/palette.js": "p5.prototype.tint2 = function () {};",
            "balls/unused.js": "const unused = 1;",
            "balls/vite.config.js": "export default {};",
            "later/main.js": "function setup() { new A(); }",
            "later/a.js": "class A extends Z {}",
            "later/z.js": "class Z { a() { return new A(); } }",
            "arrows/waves.js": "const setup = () => {}; const draw = () => {};",
            "instance/a.js": "new p5((s) => { s.setup = () => {}; });",
            "module/main.mjs": "import { one } from './one.mjs'; window.setup = () => one;",
            "module/one.mjs": "export const one = 1;",
            "nothing/readme.js": "console.log(1);",
            "node_modules/x/sketch.js": DRAWS,
            ".git/sketch.js": DRAWS,
        },
    )
    sketches = found(top)
    assert list(sketches) == ["arrows", "balls", "instance", "later", "module"]
    assert sketches["balls"].page_scripts == ("Ball 2.js", "Ball 10.js", "palette.js", "mySketch.js")
    assert sketches["balls"].begin == "mySketch.js"
    assert sketches["later"].page_scripts == ("z.js", "a.js", "main.js")
    assert sketches["module"].modules
    assert sketches["module"].page_scripts == ("main.mjs",)
    assert not sketches["balls"].modules


def test_many_scripts_in_one_folder_are_many_sketches(tmp_path, shipped):
    days = {f"day {n}.js": f"const mine = {n}; {DRAWS}" for n in (1, 2, 10)}
    sketches = found(tree(tmp_path / "in", {**days, "shared.js": "const shared = 1;", "tool.js": "let x;"}))
    assert list(sketches) == ["day 1", "day 2", "day 10"]
    assert [one.page_scripts for one in sketches.values()] == [("day 1.js",), ("day 2.js",), ("day 10.js",)]


def test_pages_by_any_name_and_pages_that_are_none(tmp_path, shipped):
    top = tree(
        tmp_path / "in",
        {
            "index.html": "<h1>My sketches</h1><a href='jan1'>1</a><script>let menu = document.body;</script>",
            "style.css": "",
            "jan1/index.html": PAGE.format(p5=CDN, script="sketch.js"),
            "jan1/sketch.js": DRAWS,
            "jan1/style.css": "",
            "jan2/index.html": "<p>Text about it</p>",
            "jan2/sketch.js": DRAWS,
            "pages/3.html": PAGE.format(p5="../libraries/p5.js", script="../js/3.js"),
            "pages/4.html": PAGE.format(p5="../libraries/p5.js", script="../js/4.js?v=2"),
            "js/3.js": DRAWS,
            "js/4.js": DRAWS,
            "libraries/p5.js": "p5",
            "libraries/p5.helper.js": "p5.prototype.setup = 1",
            "inline/index.html": f"<script src='{CDN}'></script><script>{DRAWS}</script>",
            "bare/index.html": "<canvas></canvas><script>document.querySelector('canvas').getContext('2d')</script>",
            "about/index.html": f"<script src='{CDN}'></script><script src='https://analytics.example.com/a.js'></script>",
        },
    )
    sketches = found(top)
    assert list(sketches) == ["bare", "inline", "jan1", "jan2", "pages/3", "pages/4"]
    assert sketches["jan2"].begin == "sketch.js"
    assert sketches["bare"].p5 == ()
    assert (sketches["pages/3"].folder, sketches["pages/3"].begin) == (top, "pages/3.html")
    assert sketches["jan1"].folder == top / "jan1"
    assert [path.name for path in sketches["pages/4"].p5] == ["p5.js"]


def test_what_belongs_to_a_sketch_is_no_sketch_of_its_own(tmp_path, shipped):
    top = tree(
        tmp_path / "in",
        {
            "a/index.html": PAGE.format(p5=CDN, script="dist/main.js"),
            "a/src/main.js": f"export const x = 1; {DRAWS}",
            "a/dist/main.js": DRAWS,
            "b/index.html": PAGE.format(p5=CDN, script="sketch.js"),
            "b/sketch.js": DRAWS,
            "b/old/sketch.js": DRAWS,
            "b/dist/index.html": PAGE.format(p5=CDN, script="sketch.js"),
            "b/dist/sketch.js": DRAWS + " let more;",
            "c/sketch.js": DRAWS,
            "docs/index.html": PAGE.format(p5=CDN, script="sketch.js"),
            "docs/sketch.js": DRAWS,
        },
    )
    assert list(found(top)) == ["a", "b", "c"]


def test_a_page_does_not_hide_a_collection(tmp_path, shipped):
    files = {f"2024/jan{n}/sketch.js": f"{DRAWS} let own = {n};" for n in range(1, 4)}
    top = tree(tmp_path / "in", {"index.html": f"<script src='p5.js'></script><script>{DRAWS}</script>", **files})
    assert list(found(top)) == ["in", "2024/jan1", "2024/jan2", "2024/jan3"]


def test_it_may_read_as_far_up_as_it_names_files_and_never_above_what_was_given(tmp_path, shipped):
    top = tree(
        tmp_path / "in",
        {
            "assets/x.png": "",
            "one/sketch.js": "function preload() { loadImage('../assets/x.png'); } function setup() {}",
            "two/deep/sketch.js": "function preload() { loadImage('../../../../../etc/passwd'); } function setup() {}",
            "three/deep/sketch.js": "function preload() { loadImage('/assets/x.png'); } function setup() {}",
            "four/sketch.js": "function preload() { loadImage('own.png'); } function setup() {}",
            "five/sketch.js": "// ../../x\nfunction setup() {}",
        },
    )
    folders = {name: (one.folder, one.begin) for name, one in found(top).items()}
    assert folders["one"] == (top, "one/sketch.js")
    assert folders["two/deep"] == (top, "two/deep/sketch.js")
    assert folders["three/deep"] == (top, "three/deep/sketch.js")
    assert folders["four"] == (top / "four", "sketch.js")
    assert folders["five"] == (top / "five", "sketch.js")
    (alone,) = find_sketches(str(top / "one"))
    assert alone.folder == top / "one"
    (script,) = find_sketches(str(top / "two" / "deep" / "sketch.js"))
    assert script.folder == top / "two" / "deep"


@pytest.mark.parametrize(
    ("address", "is_it", "number"),
    [
        ("p5.js", True, None),
        ("lib/p5.min.js?v=3", True, None),
        ("https://cdn.jsdelivr.net/npm/p5@1.11.2/lib/p5.min.js", True, 1),
        ("https://cdn.jsdelivr.net/npm/p5@2.1.2/lib/p5.js", True, 2),
        ("https://cdn.jsdelivr.net/npm/p5@2", True, None),
        ("https://cdn.jsdelivr.net/npm/p5", True, None),
        ("https://unpkg.com/p5@1.4.0", True, 1),
        ("//cdnjs.cloudflare.com/ajax/libs/p5.js/0.9.0/p5.min.js", True, 1),
        ("libraries/p5-1.9.3.min.js", True, 1),
        ("https://cdn.example.com/p5.js/2.0.5/p5.js", True, 2),
        ("https://cdn.jsdelivr.net/npm/p5.capture@1.4.1/dist/p5.capture.umd.min.js", False, None),
        ("p5.sound.min.js", False, None),
        ("https://example.com/p5", False, None),
        ("sketch.js", False, None),
        ("https://[broken", False, None),
    ],
)
def test_what_is_p5_and_which(address, is_it, number):
    assert is_p5(address) is is_it
    if is_it:
        assert generation(address) == number


def test_which_p5_a_sketch_gets(tmp_path, shipped):
    v1 = "https://cdn.jsdelivr.net/npm/p5@1.9.0/lib/p5.js"
    v2 = "https://cdn.jsdelivr.net/npm/p5@2.1.0/lib/p5.js"
    top = tree(
        tmp_path / "in",
        {
            "asks 1/index.html": PAGE.format(p5=v1, script="sketch.js"),
            "asks 1/sketch.js": "async function setup() {}",
            "asks 2/index.html": PAGE.format(p5=v2, script="sketch.js"),
            "asks 2/sketch.js": DRAWS,
            "imports 2/index.html": f"<script type=module>import p5 from '{v2}'; new p5((s) => {{}});</script>",
            "asks none/index.html": PAGE.format(p5="https://cdn.jsdelivr.net/npm/p5", script="sketch.js"),
            "asks none/sketch.js": "function preload() {} function setup() {}",
            "async/sketch.js": "let p; async function setup() { p = await loadImage('a.png'); }",
            "new words/sketch.js": "function setup() {} function draw() { splineVertex(1, 2); }",
            "old words/sketch.js": "function preload() {} function setup() {}",
            "names nothing/sketch.js": DRAWS,
            "own/sketch.js": DRAWS,
            "own/libraries/p5.min.js": "own",
            "old page/index.html": PAGE.format(
                p5="//cdnjs.cloudflare.com/ajax/libs/p5.js/0.5.11/p5.js", script="sketch.js"
            ),
            "old page/sketch.js": DRAWS,
        },
    )
    first, second = ["p5-v1", "p5-v2"], ["p5-v2", "p5-v1"]
    assert {name: generations(one) for name, one in found(top).items()} == {
        "asks 1": first, "asks 2": second, "asks none": first, "async": second, "imports 2": second,
        "new words": second, "old page": first,
        "old words": first, "own": ["libraries"], "names nothing": first,
    }  # fmt: skip
    assert {tuple(generations(one)) for one in found(top, p5="2").values()} == {("p5-v2",)}
    assert {one.p5 for one in found(top, p5=str(top / "own/libraries/p5.min.js")).values()} == {
        (top / "own/libraries/p5.min.js",)
    }
    tree(top, {"p5.js": "of all"})
    assert found(top)["async"].p5 == (top / "p5.js",)


@pytest.mark.parametrize("p5", ["3", "1.9.0", "none.js"])
def test_a_p5_that_is_not_there(tmp_path, shipped, p5):
    tree(tmp_path / "in", {"sketch.js": DRAWS})
    with pytest.raises(UserError) as caught:
        find_sketches(str(tmp_path / "in"), p5)
    assert "data.p5=FILE" in caught.value.fix


def test_installed_without_p5(tmp_path, monkeypatch):
    monkeypatch.setattr(library, "SHIPPED", tmp_path / "nothing")
    tree(tmp_path / "in", {"sketch.js": DRAWS})
    assert find_sketches(str(tmp_path / "in"))[0].p5 == ()
    with pytest.raises(UserError, match="without p5") as caught:
        find_sketches(str(tmp_path / "in"), "1")
    assert "uv sync --reinstall-package tilework" in caught.value.fix


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://cdn.jsdelivr.net/npm/planck@1.0.0/dist/planck.min.js", "planck.js"),
        ("https://cdnjs.cloudflare.com/ajax/libs/matter-js/0.19.0/matter.min.js", "matter.js"),
        ("libraries/matter-0.19.0.min.js", "matter.js"),
        ("https://unpkg.com/ml5@latest/dist/ml5.min.js", "ml5.js"),
        ("https://cdn.jsdelivr.net/npm/p5.capture@1.4.1", "p5.capture.js"),
        ("https://p5play.org/v3/p5.play.js", "p5.play.js"),
        ("https://cdn.example.com/three@0.150.0/build/three.module.js", "three.module.js"),
        ("day-12.js", "day-12.js"),
        ("https://example.com/", ""),
        ("https://fonts.example.com/css2?family=X", ""),
    ],
)
def test_what_a_library_is_called(address, name):
    assert key(address) == name


def test_libraries_from_beside_the_sketch_and_from_a_folder(tmp_path, shipped):
    top = tree(
        tmp_path / "in",
        {
            "a/index.html": PAGE.format(p5=CDN, script="sketch.js"),
            "a/sketch.js": DRAWS,
            "a/vendor/deep/matter-0.14.2.min.js": "own",
            "libraries/p5.collide2d.js": "shared",
            "b/sketch.js": DRAWS,
        },
    )
    tree(tmp_path / "mine", {"x/ml5.js": "given", "planck.min.js": "given"})
    a = found(top)["a"]
    matter = a.library("https://cdn.example.com/ajax/libs/matter-js/0.19.0/matter.js")
    assert matter is not None
    assert matter.read_text() == "own"
    assert a.library("https://unpkg.com/p5.collide2d") == top / "libraries" / "p5.collide2d.js"
    assert a.library("https://unpkg.com/ml5@latest/dist/ml5.min.js") is None
    assert a.library("https://example.com/sketch.js") is None
    assert found(top)["b"].library("https://cdn.example.com/matter.js") is None
    given = found(top, libraries=str(tmp_path / "mine"))["b"]
    assert given.library("https://unpkg.com/ml5@latest/dist/ml5.min.js") == tmp_path / "mine" / "x" / "ml5.js"
    with pytest.raises(UserError, match="there is no folder"):
        find_sketches(str(top), libraries=str(tmp_path / "none"))


def test_what_became_a_part_of_p5_is_not_missed(tmp_path, shipped):
    (one,) = find_sketches(str(tree(tmp_path / "in", {"sketch.js": DRAWS, "own/p5.dom.js": "mine"})))
    server = Server(one, *one.p5[:1])
    answer = server.respond("https://cdn.example.com/ajax/libs/p5.js/0.8.0/addons/p5.dom.min.js")
    assert answer is not None
    assert answer.body == b"mine"  # its own comes first
    (tmp_path / "in" / "own" / "p5.dom.js").unlink()
    (one,) = find_sketches(str(tmp_path / "in"))
    server = Server(one, *one.p5[:1])
    answer = server.respond("https://cdn.example.com/ajax/libs/p5.js/0.8.0/addons/p5.dom.min.js")
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"")


def test_seeds_are_drawings_of_their_own(tmp_path, shipped):
    top = tree(tmp_path / "in", {"a/sketch.js": DRAWS, "b/sketch.js": DRAWS})
    several = find_sketches(str(top), None, 5, seeds=2)
    assert [(s.name, s.label, s.seed) for s in several] == [
        ("a seed 5", "a", 5), ("a seed 6", "a", 6), ("b seed 5", "b", 5), ("b seed 6", "b", 6),
    ]  # fmt: skip
    assert [(s.name, s.label, s.seed) for s in find_sketches(str(top), None, 5)] == [("a", None, 5), ("b", None, 5)]
    source = SOURCES.parse({"kind": "sketches", "path": str(top), "seeds": 3, "frames": 10})
    assert source.expected() == 60
    assert "turned" not in source.fingerprint(), "what was prepared before it was a setting is still right"
    assert source.fingerprint() != SOURCES.parse({"kind": "sketches", "path": str(top), "frames": 10}).fingerprint()


def test_marks_follow_all_that_can_be_loaded(tmp_path, shipped):
    top = tree(tmp_path / "in", {"a/sketch.js": DRAWS, "b/sketch.js": "loadImage('../x.png'); function setup() {}"})
    tree(tmp_path / "mine", {"ml5.js": "1"})

    def now() -> str:
        return "\n".join(marks(find_sketches(str(top), libraries=str(tmp_path / "mine"))))

    seen = {now()}
    tree(top, {"x.png": "1"})
    seen.add(now())
    tree(tmp_path / "mine", {"ml5.js": "other"})
    seen.add(now())
    (shipped / "p5-v1" / "p5.min.js").write_text("newer")
    seen.add(now())
    tree(top, {"a/sketch.js": DRAWS + " // more"})
    seen.add(now())
    assert len(seen) == 5


def test_what_most_files_are_decides(tmp_path, shipped):
    photos, works = tmp_path / "photos", tmp_path / "works"
    for n in range(45):
        image(photos / "trip" / f"{'xyz'[n % 3]}{n}.png", n)
    tree(photos, {"index.html": f"<script src='{CDN}'></script><script>{DRAWS}</script>"})
    about = detect([str(photos)])
    assert about.settings["kind"] == "images"
    assert "1 sketches" in about.note
    for n in range(3):
        tree(works, {f"jan{n}/sketch.js": f"{DRAWS} let own = {n};"})
        image(works / f"jan{n}" / "thumbnail.png", n)
    about = detect([str(works)])
    assert about.settings["kind"] == "sketches"
    assert "3 images" in about.note
    # Those that a sketch reads are its own, however many.
    tree(photos, {"index.html": f"<script src='{CDN}'></script><script>{DRAWS} loadImage('trip/y1.png')</script>"})
    assert detect([str(photos)]).settings["kind"] == "sketches"
    tree(photos, {"index.html": "<p>my photographs</p><script>let x;</script>"})
    assert detect([str(photos)]).note == ""


def test_what_was_found_is_drawn(tmp_path, shipped, browser):
    for one in ("p5-v1", "p5-v2"):
        (shipped / one / "p5.min.js").write_bytes(P5_DOUBLE.read_bytes())
    moves = "background(20); fill(240); rect(frameCount, 5, 9, 9);"
    top = tree(
        tmp_path / "in",
        {
            "data/x.json": '{"x": 3}',
            "libraries/thing-2.0.js": "function Thing() { return 7; }",
            "arrows/waves.js": f"const setup = () => {{ createCanvas(40, 30); }}; let draw = () => {{ {moves} }};",
            "classes/main.js": "function setup() { createCanvas(40, 30); } function draw() { new Ball().show(); }",
            "classes/a.js": f"class Ball extends Thing2 {{ show() {{ {moves} }} }}",
            "classes/b.js": "class Thing2 {}",
            "module/main.mjs": "import { rows } from './rows.mjs'; window.setup = () => createCanvas(40, rows);"
            f"window.draw = () => {{ {moves} }};",
            "module/rows.mjs": "export const rows = 30;",
            "above/deep/sketch.js": "let d; fetch('../../data/x.json').then((r) => r.json()).then((got) => { d = got; });"
            f"function setup() {{ createCanvas(40, 30); }} function draw() {{ if (d.x === 3) {{ {moves} }} }}",
            "page/day.html": "<script src='https://unpkg.com/p5@1.9.0'></script>"
            "<script src='https://unpkg.com/thing@3.1.0/dist/thing.min.js'></script><script src='day.js'></script>",
            "page/day.js": f"function setup() {{ createCanvas(40, 30); }} function draw() {{ if (Thing() === 7) {{ {moves} }} }}",
            "chance/sketch.js": "function setup() { createCanvas(40, 30); }"
            "function draw() { for (let i = 0; i < 30; i++) { fill(random(255)); rect(random(40), random(30), 5, 5); } }",
        },
    )
    source = SOURCES.parse(
        {"kind": "sketches", "path": str(top), "size": "40x30", "frames": 3, "seconds": 60, "seeds": 2}
    )
    frames: dict[str, list[bytes]] = {}
    labels = {}
    for item in source.items():
        frames.setdefault(item.group, []).append(item.pixels.tobytes())
        labels[item.group] = item.label
    assert source.unreadable() == []
    names = ["above/deep", "arrows", "chance", "classes", "module", "page"]
    assert labels == {f"{name} seed {seed}": name for name in names for seed in (0, 1)}
    assert {len(set(drawn)) for drawn in frames.values()} == {3}
    assert frames["arrows seed 0"] == frames["arrows seed 1"] == frames["page seed 0"] == frames["classes seed 1"]
    assert frames["chance seed 0"] != frames["chance seed 1"]


def test_what_must_be_built_first_is_reported(tmp_path, shipped, browser):
    top = tree(
        tmp_path / "in",
        {
            "typed/index.html": f"<canvas></canvas><script src='{CDN}'></script><script type=module src='/src/main.ts'></script>",
            "typed/src/main.ts": "let x: number = 1;",
            "packed/index.html": "<canvas></canvas><script type=module src='main.js'></script>",
            "packed/main.js": "import p5 from 'p5'; new p5((s) => { s.setup = () => {}; });",
            "good/sketch.js": DRAWS,
        },
    )
    for one in ("p5-v1", "p5-v2"):
        (shipped / one / "p5.min.js").write_bytes(P5_DOUBLE.read_bytes())
    source = SOURCES.parse({"kind": "sketches", "path": str(top), "size": "16x16", "frames": 2, "seconds": 60})
    assert {item.group for item in source.items()} == {"good"}
    reasons = dict(source.unreadable())
    assert set(reasons) == {"packed", "typed"}
    assert all("must be built first" in reason for reason in reasons.values())


@pytest.mark.parametrize(
    ("trouble", "word"),
    [
        (Trouble("memory", amount="2 GiB"), "data.frames"),
        (Trouble("large-canvas", amount="20000x20000"), "smaller canvas"),
        (Trouble("requests", amount="1,000"), "preload()"),
        (Trouble("slow", amount="120"), "data.seconds"),
        (Trouble("no-p5"), "data.p5=FILE"),
        (Trouble("threw", error="x", blocked=("https://a.b/c.js",)), "data.libraries"),
        (Trouble("nothing-draws", must_be_built=True), "build it"),
        (Trouble("plain", amount="9"), "fix it"),
    ],
)
def test_each_trouble_has_a_fix_of_its_own(trouble, word):
    assert word in trouble.fix()
    lenient = Skipped()
    lenient.skip("a", trouble.words(), fix=trouble.fix())
    with pytest.raises(UserError) as strict:
        Skipped(strict=True).skip("a", trouble.words(), fix=trouble.fix())
    for fix in (lenient.none_left("sketches").fix, strict.value.fix):
        assert word in fix
        assert "whole" not in fix
