// Chance and time are functions of the seed and the frame number. Each of these files is a function of what they share and the settings.
(shared, { seed, epoch }) => {
  const hide = (target, name, value) => Object.defineProperty(target, name, { value, configurable: true, writable: true });
  const RealDate = Date;
  shared.hide = hide;
  shared.realTimeout = window.setTimeout.bind(window);
  shared.realNow = performance.now.bind(performance);

  // A page keeps these from one sketch to the next.
  if (window === window.top) {
    try {
      window.name = "";
      for (const storage of [sessionStorage, localStorage]) if (storage.length) storage.clear();
    } catch {} // where there is none
  }

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
  // What a sketch may ask about the machine is the same on each.
  for (const [name, value] of [["hardwareConcurrency", 4], ["deviceMemory", 8]])
    Object.defineProperty(Navigator.prototype, name, { get: () => value, configurable: true });

  // Time: moves with the frames; before the first of them only where the sketch waits for a timer and for nothing else.
  let clock = 0;
  let firstFrame = 0;
  const now = () => epoch + clock;
  hide(Performance.prototype, "now", () => clock);
  for (const [type, name] of [[window.AnimationTimeline, "currentTime"], [window.BaseAudioContext, "currentTime"]]) {
    const seconds = type === window.BaseAudioContext ? 1000 : 1;
    if (type) Object.defineProperty(type.prototype, name, { get: () => clock / seconds, configurable: true });
  }
  const FrameDate = new Proxy(RealDate, {
    construct: (target, given, made) => Reflect.construct(target, given.length ? given : [now()], made === FrameDate ? target : made),
    apply: () => new RealDate(now()).toString(),
    get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
  });
  hide(window, "Date", FrameDate);
  hide(RealDate.prototype, "constructor", FrameDate);
  const format = Object.getOwnPropertyDescriptor(Intl.DateTimeFormat.prototype, "format").get;
  Object.defineProperty(Intl.DateTimeFormat.prototype, "format", {
    configurable: true,
    get() { const real = format.call(this); return (date = now()) => real(date); },
  });
  if (window.Temporal) {
    const instant = () => Temporal.Instant.fromEpochMilliseconds(now());
    const zoned = (zone = "UTC") => instant().toZonedDateTimeISO(zone);
    const parts = { instant, zonedDateTimeISO: zoned, plainDateTimeISO: (z) => zoned(z).toPlainDateTime(), plainDateISO: (z) => zoned(z).toPlainDate(), plainTimeISO: (z) => zoned(z).toPlainTime() };
    for (const [name, value] of Object.entries(parts)) hide(Temporal.Now, name, value);
  }

  let nextId = 1;
  const drawing = new Map();
  hide(window, "requestAnimationFrame", (call) => (drawing.set(nextId, call), nextId++));
  hide(window, "cancelAnimationFrame", (id) => void drawing.delete(id));

  const timers = new Map();
  let depth = 0; // how many timers led to the one that runs now
  const timer = (every) => (call, delay = 0, ...given) => {
    const wait = Math.max(1, Number(delay) || 0);
    const run = () => (typeof call === "function" ? call(...given) : (0, eval)(call));
    timers.set(nextId, { due: clock + wait, wait, every, run, depth });
    return nextId++;
  };
  hide(window, "setTimeout", timer(false));
  hide(window, "setInterval", timer(true));
  for (const name of ["clearTimeout", "clearInterval"]) hide(window, name, (id) => void timers.delete(id));
  hide(window, "requestIdleCallback", (call) => window.setTimeout(() => call({ didTimeout: false, timeRemaining: () => 10 })));
  hide(window, "cancelIdleCallback", (id) => void timers.delete(id));

  // The earliest timer that is wanted; one that throws is reported as the browser would.
  const runOne = (wanted, move) => {
    let first = null;
    for (const [id, one] of timers) if (wanted(one) && (first === null || one.due < timers.get(first).due)) first = id;
    if (first === null) return false;
    const one = timers.get(first);
    if (move) clock = Math.max(clock, one.due);
    if (one.every) one.due += one.wait;
    else timers.delete(first);
    depth = one.depth + 1;
    try {
      one.run();
    } catch (error) {
      shared.threw(error);
    } finally {
      depth = 0;
    }
    return true;
  };
  const runDrawing = () => {
    const calls = [...drawing.values()];
    drawing.clear();
    for (const call of calls) call(clock);
  };

  let atOnce = 0;
  shared.clock = {
    // Before the first frame short timers run at once, a few of them: sketches put off their beginning with them.
    short: () => atOnce < 100 && runOne((one) => !one.every && one.wait <= 50 && one.depth < 3, false) && ++atOnce,
    // And where nothing else is under way, time goes on; false where that leads nowhere.
    wait() {
      if (clock >= 10000) return false;
      let until = clock + 1000 / 60;
      const drew = drawing.size > 0;
      if (!drew) {
        const next = Math.min(...[...timers.values()].map((one) => one.due));
        if (next > 10000) return false;
        until = Math.max(until, next);
      }
      for (let ran = 0; ran < 1000 && runOne((one) => one.due <= until, true); ran++);
      clock = until;
      if (drew) runDrawing();
      return true;
    },
    begin() { firstFrame = clock; },
    // Up to frame `number`: every timer at its own time, then what waits for a frame.
    frame(number, fps) {
      const until = firstFrame + (number * 1000) / fps;
      for (let ran = 0; ran < 10000 && runOne((one) => one.due <= until, true); ran++);
      clock = until;
    },
    runDrawing,
    forget: (id) => drawing.delete(id),
  };
}
