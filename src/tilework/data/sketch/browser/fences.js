// Ways out of the page, answered as a browser without a network, a camera and a second window would; floods end here.
(shared) => {
  const { hide } = shared;
  const most = 20;
  const text = (value) => {
    try {
      if (Array.isArray(value)) return `[${value.slice(0, 8).map(text).join(", ")}${value.length > 8 ? ", ..." : ""}]`.slice(0, 300);
      return (typeof value === "object" && !(value instanceof Error) ? Object.prototype.toString.call(value) : String(value)).slice(0, 300);
    } catch {
      return "";
    }
  };

  // What the sketch prints: the last few lines, short. It never leaves the page unless it is asked for.
  const printed = [];
  for (const name of ["log", "info", "warn", "error", "debug", "trace", "table", "dir"])
    hide(console, name, (...given) => {
      printed.push(given.slice(0, 8).map(text).join(" ").slice(0, 300));
      if (printed.length > most) printed.shift();
    });
  const threw = [];
  shared.threw = (error) => {
    if (threw.length < most) threw.push({ error: text(error instanceof Error ? error : String(error)), stack: String(error?.stack ?? "").slice(0, 4000) });
  };
  shared.printed = printed;
  shared.thrown = threw;

  // Addresses that no request stands for: sockets and the like.
  const blocked = [];
  const Gone = (needs) =>
    class extends EventTarget {
      static CONNECTING = 0;
      static OPEN = 1;
      static CLOSING = 2;
      static CLOSED = 3;
      constructor(url = "") {
        super();
        this.url = String(url);
        this.readyState = 0;
        this.bufferedAmount = 0;
        if (needs && blocked.length < most && !blocked.includes(this.url)) blocked.push(this.url);
        shared.pending.turn().then(() => {
          this.readyState = 3;
          for (const name of ["error", "close"]) {
            const event = name === "close" && window.CloseEvent ? new CloseEvent("close", { code: 1006, wasClean: false }) : new Event(name);
            this[`on${name}`]?.call(this, event);
            this.dispatchEvent(event);
          }
        });
      }
      send() {}
      close() {}
      postMessage() {}
      terminate() {}
    };
  shared.blocked = blocked;
  hide(window, "WebSocket", Gone(true));
  hide(window, "EventSource", Gone(true));
  hide(window, "Worker", Gone(false));
  hide(window, "SharedWorker", Gone(false));
  hide(window, "WebTransport", undefined);
  const never = () => new Promise(() => {});
  class Alone extends Gone(false) {
    createDataChannel() { return new (Gone(false))(); }
    createOffer() { return never(); }
    createAnswer() { return never(); }
    setLocalDescription() { return never(); }
    setRemoteDescription() { return never(); }
    addIceCandidate() { return never(); }
    addTrack() {}
  }
  for (const name of ["RTCPeerConnection", "webkitRTCPeerConnection"]) hide(window, name, Alone);
  hide(window, "open", () => null);
  hide(window, "print", () => {});
  hide(window, "close", () => {});
  // Questions are answered by pressing Enter.
  hide(window, "alert", () => {});
  hide(window, "confirm", () => true);
  hide(window, "prompt", (_, value = "") => String(value));

  const none = () => Promise.reject(new DOMException("Requested device not found", "NotFoundError"));
  if (window.MediaDevices) {
    hide(MediaDevices.prototype, "getUserMedia", none);
    hide(MediaDevices.prototype, "getDisplayMedia", none);
    hide(MediaDevices.prototype, "enumerateDevices", () => Promise.resolve([]));
  }
  for (const name of ["getUserMedia", "webkitGetUserMedia"])
    hide(navigator, name, (_, __, failed) => void none().catch((error) => failed?.(error)));

  // Links that save or leave: nothing happens. A document that is sandboxed stops the rest.
  const leads = (link) => link?.hasAttribute?.("download") || (link?.href && !/^(javascript:|#)/.test(link.getAttribute("href") ?? ""));
  const click = HTMLElement.prototype.click;
  hide(HTMLAnchorElement.prototype, "click", function () { if (!leads(this)) click.call(this); });
  window.addEventListener("click", (event) => { if (leads(event.target?.closest?.("a, area"))) event.preventDefault(); }, true);

  // Nobody looks at the page: it has its layout, and is not painted. Canvases are drawn all the same.
  const unseen = new CSSStyleSheet();
  unseen.replaceSync(":root { visibility: hidden !important }");
  document.adoptedStyleSheets = [unseen];
}
