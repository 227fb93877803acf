// What the sketch asked for and has not been answered yet. Frames wait for it, so that no frame depends on how fast a machine is.
(shared) => {
  const { hide, realTimeout, realNow } = shared;
  const open = new Set();
  const track = (promise) => {
    const token = {};
    open.add(token);
    const done = () => open.delete(token);
    promise.then(done, done);
    return promise;
  };
  const trackCalls = (target, ...names) => {
    for (const name of names) {
      const real = target?.[name];
      if (typeof real !== "function") continue;
      hide(target, name, function (...given) {
        const answer = real.apply(this, given);
        return typeof answer?.then === "function" ? track(answer) : answer;
      });
    }
  };
  const reads = ["arrayBuffer", "blob", "bytes", "formData", "json", "text"];
  // An answer is there when all of it is: else which of two comes first would hang on their sizes and on luck.
  const whole = async (answer) => {
    const response = await answer;
    if (response.body) await readAll.call(response.clone()).catch(() => {});
    return response;
  };
  const readAll = Response.prototype.arrayBuffer;
  const fetch = window.fetch;
  hide(window, "fetch", (...given) => track(whole(fetch(...given))));
  trackCalls(window, "createImageBitmap");
  trackCalls(window.Response?.prototype, ...reads);
  trackCalls(window.Request?.prototype, ...reads);
  trackCalls(window.Blob?.prototype, "arrayBuffer", "bytes", "text");
  trackCalls(window.FontFace?.prototype, "load");
  trackCalls(window.FontFaceSet?.prototype, "load");
  trackCalls(window.HTMLImageElement?.prototype, "decode");
  trackCalls(window.ImageDecoder?.prototype, "decode");
  trackCalls(window.OffscreenCanvas?.prototype, "convertToBlob");
  trackCalls(window.SubtleCrypto?.prototype, "digest", "sign", "verify", "encrypt", "decrypt", "generateKey", "importKey", "exportKey");
  trackCalls(window.WebAssembly, "compile", "instantiate", "compileStreaming", "instantiateStreaming");
  trackCalls(window.BaseAudioContext?.prototype, "decodeAudioData");
  trackCalls(window.ReadableStreamDefaultReader?.prototype, "read");

  const waitFor = (target, ...events) => {
    const token = {};
    open.add(token);
    for (const event of events) target.addEventListener(event, () => open.delete(token), { once: true });
    return token;
  };
  const send = XMLHttpRequest.prototype.send;
  hide(XMLHttpRequest.prototype, "send", function (...given) {
    const token = waitFor(this, "loadend");
    try {
      return send.apply(this, given);
    } catch (error) {
      open.delete(token);
      throw error;
    }
  });
  for (const name of ["readAsArrayBuffer", "readAsBinaryString", "readAsDataURL", "readAsText"]) {
    const real = FileReader.prototype[name];
    hide(FileReader.prototype, name, function (...given) {
      waitFor(this, "loadend");
      return real.apply(this, given);
    });
  }
  const toBlob = HTMLCanvasElement.prototype.toBlob;
  hide(HTMLCanvasElement.prototype, "toBlob", function (call, ...given) {
    const token = {};
    open.add(token);
    try {
      return toBlob.call(this, (blob) => (open.delete(token), call(blob)), ...given);
    } catch (error) {
      open.delete(token);
      throw error;
    }
  });

  // Pictures: from the moment that an address is set to the event that says how it went.
  const pictures = new WeakMap();
  const expect = (image) => {
    open.delete(pictures.get(image));
    image.loading = "eager";
    pictures.set(image, waitFor(image, "load", "error"));
  };
  for (const name of ["src", "srcset"]) {
    const real = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, name);
    Object.defineProperty(HTMLImageElement.prototype, name, {
      ...real,
      set(value) {
        if (String(value)) expect(this);
        else open.delete(pictures.get(this));
        real.set.call(this, value);
      },
    });
  }
  const setAttribute = Element.prototype.setAttribute;
  hide(Element.prototype, "setAttribute", function (name, value) {
    if (this instanceof HTMLImageElement && /^src(set)?$/i.test(name) && String(value)) expect(this);
    return setAttribute.call(this, name, value);
  });

  // One turn: everything that was due when it was asked for has run.
  const turns = [];
  const channel = new MessageChannel();
  channel.port1.onmessage = () => turns.shift()();
  const post = channel.port2.postMessage.bind(channel.port2);
  const turn = () => new Promise((go) => { turns.push(go); post(0); });
  const sleep = (ms) => new Promise((go) => realTimeout(go, ms));

  shared.pending = {
    turn,
    under: () => open.size > 0 || document.fonts?.status === "loading",
    forget: () => open.clear(),
    // Ends when nothing is under way for two turns; at the latest after `ms` of real time (null: as long as it takes).
    async quiet(ms = null) {
      const began = realNow();
      for (let still = 0; still < 2; ) {
        await turn();
        if (!shared.pending.under()) still++;
        else {
          still = 0;
          await sleep(1);
          if (ms !== null && realNow() - began > ms) return false;
        }
      }
      return true;
    },
  };
}
