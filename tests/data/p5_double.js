// A stand-in for p5 in tests that need no real one: the few calls they make, and its two ways to start.
(() => {
  const hooks = [];
  class p5 {
    static instance = null;
    static registered = hooks;
    constructor(sketch) {
      this.frameCount = 0;
      this.deltaTime = 0;
      this._loop = true;
      this._setupDone = false;
      this._isGlobal = !sketch;
      hooks.forEach((hook) => hook.call(this._isGlobal ? window : this)); // as 1.11.13 does; before, this
      if (sketch) sketch(this);
      else {
        p5.instance = this;
        for (const name of Object.getOwnPropertyNames(p5.prototype)) {
          if (name[0] !== "_" && name !== "constructor") window[name] = p5.prototype[name].bind(this);
        }
        Object.assign(window, { frameCount: 0, deltaTime: 0, TWO_PI: 2 * Math.PI });
      }
      if (document.readyState === "complete") this._start();
      else window.addEventListener("load", () => this._start());
    }
    _start() {
      const own = this._isGlobal ? window : this;
      this._began = performance.now();
      this.createCanvas(100, 100);
      own.setup?.();
      this._setupDone = true;
      this._draw();
    }
    _draw() {
      if (!this._loop) this.redraw();
      else this._requestAnimId = requestAnimationFrame(() => { this.redraw(); this._draw(); });
    }
    _setProperty(name, value) {
      this[name] = value;
      if (this._isGlobal) window[name] = value;
    }
    redraw() {
      this._setProperty("frameCount", this.frameCount + 1);
      (this._isGlobal ? window : this).draw?.();
    }
    createCanvas(width, height) {
      this.canvas?.remove();
      this.canvas = document.body.appendChild(Object.assign(document.createElement("canvas"), { width, height }));
      this._pen = this.canvas.getContext("2d");
      this._setProperty("width", width);
      this._setProperty("height", height);
    }
    _colour(tones) {
      return tones.length > 1 ? `rgb(${tones})` : `rgb(${[tones[0], tones[0], tones[0]]})`;
    }
    background(...tones) {
      this._pen.fillStyle = this._colour(tones);
      this._pen.fillRect(0, 0, this.width, this.height);
    }
    fill(...tones) { this._ink = this._colour(tones); }
    rect(x, y, w, h) {
      this._pen.fillStyle = this._ink ?? "black";
      this._pen.fillRect(x, y, w, h);
    }
    random(limit = 1) { return Math.random() * limit; }
    millis() { return performance.now() - this._began; }
    loop() { this._loop = true; }
    noLoop() { this._loop = false; }
  }
  p5.prototype.registerMethod = (name, hook) => name === "init" && hooks.push(hook);
  window.p5 = p5;
  window.addEventListener("load", () => { if (window.setup || window.draw) new p5(); }, { once: true, capture: true });
})();
