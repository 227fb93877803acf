// What is called from outside: how far the sketch is, and its frames.
(shared, { mostPixels }) => {
  const give = window.__tilework_give;
  delete window.__tilework_give;
  const { clock, pending, p5, canvas, pointer, realNow } = shared;
  window.addEventListener("unhandledrejection", (event) => { shared.threw(event.reason); event.preventDefault(); });
  const failed = (error) => ({ error: String(error), stack: String(error?.stack ?? "").slice(0, 4000) });

  // "loading"; "ready"; "waiting" for something else than the network; "empty": loaded, and nothing there that could draw.
  const state = () => {
    p5.meetGlobal();
    if (document.readyState !== "complete") return "loading";
    if (shared.instances.length) return p5.ready() ? "ready" : "waiting";
    return canvas.there() && !p5.known() ? "ready" : "empty";
  };
  const draw = async (number, fps) => {
    clock.frame(number, fps);
    pointer.move(number);
    clock.runDrawing();
    await p5.draw(number, fps);
    const shown = canvas.largest();
    if (!shown || !shown.width || !shown.height) return { none: true };
    if (shown.width * shown.height > mostPixels) return { large: [shown.width, shown.height] };
    const picture = canvas.picture(shown);
    canvas.shown();
    return { picture };
  };

  const driver = {
    about: () => ({ console: shared.printed, threw: shared.thrown, blocked: shared.blocked }),
    // The state when everything that was asked for in the page has come, or after `ms`.
    async settled(ms) {
      const quiet = await pending.quiet(ms);
      if (quiet && document.readyState === "complete" && clock.short()) return "again";
      return quiet ? state() : "loading";
    },
    turns: async (count) => { for (let i = 0; i < count; i++) await pending.turn(); },
    quiet: (ms) => pending.quiet(ms),
    wait: () => clock.wait(),
    hasCanvas: () => canvas.there(),
    begin() { clock.begin(); p5.begin(); },
    forget: () => pending.forget(),
    // Frames from `first` on, each handed over as it is drawn: until there are `count`, or much, or something is under way.
    async frames(first, count, fps) {
      const began = realNow();
      let much = 0;
      try {
        for (let number = first; number < first + count; number++) {
          const { picture, ...trouble } = await draw(number, fps);
          if (!picture) return trouble;
          give(`${picture.width} ${picture.height} ${picture.form} ${picture.data}`);
          much += picture.data.length;
          await pending.turn();
          if (pending.under() || much > 4e6 || realNow() - began > 100) break;
        }
        return {};
      } catch (error) {
        return failed(error);
      }
    },
  };
  Object.defineProperty(window, "__tilework", { value: Object.freeze(driver) });
}
