// Runs in the page before anything else: chance and time become functions of the seed and the frame number.
((settings) => {
  "use strict";
  const { seed, epoch, mostPixels } = settings;
  const realTimeout = window.setTimeout.bind(window);
  const RealDate = Date;
  const toDataURL = HTMLCanvasElement.prototype.toDataURL;
  const hide = (target, name, value) => Object.defineProperty(target, name, { value, configurable: true, writable: true });

  // Chance: mulberry32. p5's random() and noise() take theirs from Math.random() unless the sketch seeds them itself.
  let state = seed >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  hide(Math, "random", random);
  if (window.crypto) {
    hide(Crypto.prototype, "getRandomValues", (array) => {
      const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
      for (let i = 0; i < bytes.length; i++) bytes[i] = random() * 256;
      return array;
    });
    hide(Crypto.prototype, "randomUUID", () =>
      "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (c) => ((random() * 16) & (c === "1" ? 15 : 3) | (c === "8" ? 8 : 0)).toString(16)),
    );
  }

  // Time: stands still until the first frame, then moves with the frames.
  let clock = 0;
  const now = () => epoch + clock;
  hide(Performance.prototype, "now", () => clock);
  const FrameDate = new Proxy(RealDate, {
    construct: (target, given, made) => Reflect.construct(target, given.length ? given : [now()], made === FrameDate ? target : made),
    apply: () => new RealDate(now()).toString(),
    get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
  });
  hide(window, "Date", FrameDate);
  hide(RealDate.prototype, "constructor", FrameDate);

  let nextId = 1;
  const waiting = new Map();
  hide(window, "requestAnimationFrame", (call) => (waiting.set(nextId, call), nextId++));
  hide(window, "cancelAnimationFrame", (id) => void waiting.delete(id));

  // Timers follow the frames too. Before the first frame short ones run at once: what loads a sketch waits with them.
  let stepping = false;
  const timers = new Map();
  const timer = (every) => (call, delay = 0, ...given) => {
    const wait = Math.max(1, Number(delay) || 0);
    const run = () => (typeof call === "function" ? call(...given) : (0, eval)(call));
    const id = nextId++;
    timers.set(id, { due: clock + wait, every: every ? wait : 0, run });
    if (!stepping && !every && wait <= 50) realTimeout(() => timers.delete(id) && run(), 0);
    return id;
  };
  hide(window, "setTimeout", timer(false));
  hide(window, "setInterval", timer(true));
  hide(window, "clearTimeout", (id) => void timers.delete(id));
  hide(window, "clearInterval", (id) => void timers.delete(id));
  const runTimers = () => {
    for (let ran = 0; ran < 10000; ran++) {
      let first = null;
      for (const [id, one] of timers) if (one.due <= clock && (first === null || one.due < timers.get(first).due)) first = id;
      if (first === null) return;
      const one = timers.get(first);
      if (one.every) one.due += one.every;
      else timers.delete(first);
      one.run();
    }
  };

  // Ways out of the page that no request handler sees.
  for (const name of ["RTCPeerConnection", "webkitRTCPeerConnection", "WebTransport", "Worker", "SharedWorker"]) hide(window, name, undefined);
  hide(window, "open", () => null);

  // p5, whichever version comes: its instances make themselves known as they start.
  const instances = [];
  // Some versions say `window` for the instance of global mode, which `library.instance` is.
  const meet = (one) => one === window || instances.includes(one) || instances.push(one);
  let library;
  Object.defineProperty(window, "p5", {
    configurable: true,
    get: () => library,
    set: (given) => {
      library = given;
      if (typeof given?.registerAddon === "function")
        given.registerAddon((p5, methods, hooks) => { hooks.presetup = function () { meet(this); }; });
      else given?.prototype?.registerMethod?.("init", function () { meet(this); });
    },
  });

  const canvases = () => {
    const own = instances.map((p) => p.canvas ?? p.drawingContext?.canvas).filter((c) => c?.isConnected ?? true);
    return own.length ? own : [...document.querySelectorAll("canvas")];
  };

  const driver = {
    // "starting", "ready", or "empty": loaded, and nothing there that could draw.
    state() {
      if (library?.instance) meet(library.instance);
      if (document.readyState !== "complete") return "starting";
      if (instances.length) return instances.every((p) => p._setupDone) ? "ready" : "starting";
      return canvases().length && !library ? "ready" : "empty";
    },
    hold() {
      for (const p of instances) {
        p.noLoop();
        waiting.delete(p._requestAnimId);
        for (const name of ["loop", "noLoop"]) {
          hide(p, name, () => {});
          if (p._isGlobal) hide(window, name, p[name]);
        }
      }
      stepping = true;
    },
    // Draws frame `number` (from 0) and gives the canvas as a PNG.
    async step(number, fps) {
      try {
        clock = (number * 1000) / fps;
        runTimers();
        const calls = [...waiting.values()];
        waiting.clear();
        for (const call of calls) call(clock);
        for (const p of instances) {
          if (p.frameCount > number) continue;
          const since = number ? 1000 / fps : 0;
          if (p._setProperty) p._setProperty("deltaTime", since);
          else p.deltaTime = since;
          await p.redraw();
        }
        // What the frame asked for is on its way when the frame is given.
        await new Promise((go) => realTimeout(go, 0));
        const canvas = canvases().sort((a, b) => b.width * b.height - a.width * a.height)[0];
        if (!canvas || !canvas.width || !canvas.height) return { error: "it has no canvas" };
        if (canvas.width * canvas.height > mostPixels) return { error: `its canvas is ${canvas.width}x${canvas.height}` };
        return { png: toDataURL.call(canvas, "image/png") };
      } catch (error) {
        return { error: String(error), stack: String(error?.stack ?? "") };
      }
    },
  };
  Object.defineProperty(window, "__tilework", { value: Object.freeze(driver) });
})
