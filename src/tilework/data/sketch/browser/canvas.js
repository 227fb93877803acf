// Which canvas is the picture, and its pixels as bytes.
(shared) => {
  const { hide } = shared;
  const contexts = new WeakMap();
  const unkept = new Set(); // WebGL contexts whose buffer a browser empties once it has shown it
  const real = HTMLCanvasElement.prototype.getContext;

  // Their buffer is kept, to be read at any time, and emptied when the first thing of the next frame is drawn: as a browser does.
  hide(HTMLCanvasElement.prototype, "getContext", function (kind, attributes, ...more) {
    const known = contexts.get(this);
    if (known || !/^(experimental-)?webgl2?$/.test(kind)) {
      const made = real.call(this, kind, attributes, ...more);
      if (made) contexts.set(this, made);
      return made;
    }
    const keeps = Boolean(attributes?.preserveDrawingBuffer);
    const made = real.call(this, kind, { ...attributes, preserveDrawingBuffer: true }, ...more);
    if (!made) return made;
    contexts.set(this, made);
    if (!keeps) {
      unkept.add(made);
      const given = made.getContextAttributes.bind(made);
      hide(made, "getContextAttributes", () => { const said = given(); return said && { ...said, preserveDrawingBuffer: false }; });
    }
    return made;
  });
  const stale = new WeakSet();
  const empty = (gl) => {
    stale.delete(gl);
    if (gl.isContextLost()) return;
    const two = window.WebGL2RenderingContext && gl instanceof WebGL2RenderingContext;
    const target = two ? gl.DRAW_FRAMEBUFFER : gl.FRAMEBUFFER;
    const bound = gl.getParameter(two ? gl.DRAW_FRAMEBUFFER_BINDING : gl.FRAMEBUFFER_BINDING);
    const toggles = two ? [gl.SCISSOR_TEST, gl.RASTERIZER_DISCARD] : [gl.SCISSOR_TEST];
    const on = toggles.filter((name) => gl.isEnabled(name));
    const [colours, depths, colour, depth, stencil] = [gl.COLOR_WRITEMASK, gl.DEPTH_WRITEMASK, gl.COLOR_CLEAR_VALUE, gl.DEPTH_CLEAR_VALUE, gl.STENCIL_CLEAR_VALUE].map((name) => gl.getParameter(name));
    const [front, back] = [gl.STENCIL_WRITEMASK, gl.STENCIL_BACK_WRITEMASK].map((name) => gl.getParameter(name));
    if (bound) gl.bindFramebuffer(target, null);
    on.forEach((name) => gl.disable(name));
    gl.colorMask(true, true, true, true);
    gl.depthMask(true);
    gl.stencilMask(0xffffffff);
    gl.clearColor(0, 0, 0, 0);
    gl.clearDepth(1);
    gl.clearStencil(0);
    clear.call(gl, gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT | gl.STENCIL_BUFFER_BIT);
    gl.clearColor(...colour);
    gl.clearDepth(depth);
    gl.clearStencil(stencil);
    gl.colorMask(...colours);
    gl.depthMask(depths);
    gl.stencilMaskSeparate(gl.FRONT, front);
    gl.stencilMaskSeparate(gl.BACK, back);
    on.forEach((name) => gl.enable(name));
    if (bound) gl.bindFramebuffer(target, bound);
  };
  const clear = window.WebGLRenderingContext?.prototype.clear && function (bits) { return (this instanceof WebGLRenderingContext ? clear1 : clear2).call(this, bits); };
  const clear1 = window.WebGLRenderingContext?.prototype.clear;
  const clear2 = window.WebGL2RenderingContext?.prototype.clear;
  const draws = ["clear", "drawArrays", "drawElements", "drawArraysInstanced", "drawElementsInstanced", "drawRangeElements", "blitFramebuffer", "clearBufferfv", "clearBufferiv", "clearBufferuiv", "clearBufferfi"];
  for (const type of [window.WebGLRenderingContext, window.WebGL2RenderingContext])
    for (const name of draws) {
      const call = type?.prototype[name];
      if (call) hide(type.prototype, name, function (...given) { if (stale.has(this)) empty(this); return call.apply(this, given); });
    }

  // p5's own canvases where there are some; else those of the page. The largest is the picture.
  const largest = () => {
    const own = shared.instances.map((p) => p.canvas ?? p.drawingContext?.canvas).filter((c) => c && (c.isConnected ?? true));
    const all = own.length ? own : [...document.querySelectorAll("canvas")];
    return all.sort((a, b) => b.width * b.height - a.width * a.height)[0];
  };
  const scratch = document.createElement("canvas");
  let pen = null;
  const read = (canvas) => {
    const context = contexts.get(canvas);
    if (context instanceof CanvasRenderingContext2D) return context.getImageData(0, 0, canvas.width, canvas.height, { colorSpace: "srgb" });
    if (scratch.width !== canvas.width || scratch.height !== canvas.height || !pen) {
      scratch.width = canvas.width;
      scratch.height = canvas.height;
      pen = real.call(scratch, "2d", { willReadFrequently: true });
      pen.globalCompositeOperation = "copy";
    }
    pen.drawImage(canvas, 0, 0);
    return pen.getImageData(0, 0, canvas.width, canvas.height);
  };

  // Bytes, as small as little work makes them: "same" as the frame before, runs of equal pixels, or all of them without their alpha.
  // Where every pixel is opaque, the length of a run stands in the place of its alpha.
  const LONGEST = 255;
  let before = null;
  const base64 = (bytes) => {
    if (bytes.toBase64) return bytes.toBase64();
    let out = "";
    for (let at = 0; at < bytes.length; at += 0x8000) out += String.fromCharCode.apply(null, bytes.subarray(at, at + 0x8000));
    return btoa(out);
  };
  const pack = (picture) => {
    const { width, height, data } = picture;
    const words = new Uint32Array(data.buffer, data.byteOffset, width * height);
    const size = { width, height };
    let same = before !== null && before.width === width && before.height === height;
    let runs = 1;
    let opaque = words[0] >>> 24 === 255;
    for (let i = 1, last = words[0], length = 1; i < words.length; i++) {
      const word = words[i];
      if (word !== last || length === LONGEST) {
        runs++;
        length = 0;
        last = word;
        if (word >>> 24 !== 255) opaque = false;
      }
      length++;
    }
    if (same) for (let i = 0; i < words.length; i++) if (words[i] !== before.words[i]) { same = false; break; }
    if (same) return { ...size, form: "same", data: "" };
    before = { width, height, words };
    if (opaque ? runs * 4 < words.length * 3 : runs * 5 < words.length * 4) {
      const colours = new Uint32Array(runs);
      const lengths = opaque ? null : new Uint8Array(runs);
      for (let i = 1, at = 0, length = 1; i <= words.length; i++, length++)
        if (i === words.length || length === LONGEST || words[i] !== words[i - 1]) {
          colours[at] = opaque ? (words[i - 1] & 0xffffff) | (length << 24) : words[i - 1];
          if (lengths) lengths[at] = length;
          at++;
          length = 0;
        }
      if (opaque) return { ...size, form: "runs", data: base64(new Uint8Array(colours.buffer)) };
      const both = new Uint8Array(5 * runs);
      both.set(new Uint8Array(colours.buffer));
      both.set(lengths, 4 * runs);
      return { ...size, form: "clear-runs", data: base64(both) };
    }
    if (!opaque) return { ...size, form: "rgba", opaque, data: base64(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) };
    const out = new Uint8Array(3 * words.length);
    for (let i = 0, at = 0; i < words.length; i++) {
      const word = words[i];
      out[at++] = word;
      out[at++] = word >>> 8;
      out[at++] = word >>> 16;
    }
    return { ...size, form: "rgb", opaque, data: base64(out) };
  };

  shared.canvas = {
    largest,
    there: () => document.querySelector("canvas") !== null,
    picture: (canvas) => pack(read(canvas)),
    shown() { for (const gl of unkept) stale.add(gl); },
  };
}
