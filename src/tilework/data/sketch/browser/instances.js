// p5, whichever version comes: its instances make themselves known, and each is drawn when a frame is taken and not before.
(shared) => {
  const { hide } = shared;
  const instances = [];
  const held = new WeakMap(); // instance -> whether it loops
  const underWay = new Set(); // what p5 2 draws, which may wait within draw()
  let drawing = false;
  let library;
  // Some versions say `window` for the instance of global mode, which `library.instance` is.
  const meet = (one) => one && one !== window && !instances.includes(one) && instances.push(one);
  const wrap = (target, name, make) => { if (typeof target?.[name] === "function") hide(target, name, make(target[name])); };

  const prepare = (p5) => {
    p5.disableFriendlyErrors = true;
    if (typeof p5.registerAddon === "function") p5.registerAddon((_, __, hooks) => { hooks.presetup = function () { meet(this); }; });
    else p5.prototype?.registerMethod?.("init", function () { meet(this); });
    // The first call comes of p5 itself as soon as setup() has ended, when pictures and data may still be on their way.
    wrap(p5.prototype, "redraw", (real) => function (...given) {
      meet(this);
      if (!drawing) return undefined;
      const drawn = real.apply(this, given);
      if (typeof drawn?.then === "function") {
        underWay.add(drawn);
        const done = () => underWay.delete(drawn);
        drawn.then(done, done);
      }
      return drawn;
    });
    wrap(p5.prototype, "remove", (real) => function (...given) {
      if (instances.includes(this)) instances.splice(instances.indexOf(this), 1);
      return real.apply(this, given);
    });
    // p5 1 takes the attributes of a WebGL canvas before there is one; p5 2 would throw.
    wrap(p5.prototype, "setAttributes", (real) => function (key, value) {
      if (this._renderer?._setAttributes || !("_glAttributes" in this) || typeof p5.registerAddon !== "function") return real.call(this, key, value);
      this._glAttributes = { ...this._glAttributes, ...(typeof key === "object" ? key : { [key]: value }) };
    });
    // Saving: nothing to save to; where frames are asked for with a function, it gets them.
    for (const name of ["save", "saveCanvas", "saveGif", "encodeAndDownloadGif", "downloadFile", "saveSound"]) wrap(p5.prototype, name, () => () => {});
    wrap(p5.prototype, "saveFrames", (real) => function (...given) { return typeof given.at(-1) === "function" ? real.apply(this, given) : undefined; });
  };
  Object.defineProperty(window, "p5", {
    configurable: true,
    get: () => library,
    set: (given) => {
      library = given;
      if (given?.prototype) prepare(given);
    },
  });

  const hold = (p) => {
    if (held.has(p)) return;
    held.set(p, p._loop !== false);
    p._loop = false;
    shared.clock.forget(p._requestAnimId);
    hide(p, "_draw", () => {});
    for (const [name, call] of [["loop", () => void held.set(p, true)], ["noLoop", () => void held.set(p, false)], ["isLooping", () => held.get(p)]]) {
      hide(p, name, call);
      if (p._isGlobal) hide(window, name, call);
    }
  };
  const say = (p, name, value) => (p._setProperty ? p._setProperty(name, value) : (p[name] = value));

  shared.instances = instances;
  shared.p5 = {
    known: () => Boolean(library),
    ready: () => instances.every((p) => p._setupDone),
    meetGlobal: () => meet(library?.instance),
    begin() { drawing = true; },
    // Draws each that loops or has not drawn yet, unless it did so itself since the last frame.
    async draw(number, fps) {
      await Promise.all(underWay);
      for (const p of [...instances]) {
        if (!p._setupDone) continue;
        hold(p);
        if (p.frameCount > number || (p.frameCount > 0 && !held.get(p))) continue;
        say(p, "deltaTime", number ? 1000 / fps : 0);
        p._frameRate = number ? fps : 0;
        await p.redraw();
        moved(p);
      }
    },
  };
  const moved = (p) => {
    p._updateMouseCoords?.();
    say(p, "movedX", 0);
    say(p, "movedY", 0);
  };
}
