// Stands in for p5.sound: everything is there, nothing sounds, and what listens hears silence. So a sketch that uses it draws.
(() => {
  "use strict";
  const p5 = window.p5;
  if (!p5?.prototype) return;
  const clock = () => performance.now() / 1000;
  const answered = (calls, value) => { for (const call of calls) if (typeof call === "function") return void Promise.resolve().then(() => call(value)); };

  // An object whose unknown members are functions that do nothing and give the object back.
  const forgiving = (own) =>
    new Proxy(own, {
      get(target, name, self) {
        if (name in target || typeof name === "symbol" || name === "then" || name === "toJSON") return Reflect.get(target, name, self);
        const nothing = () => self;
        return nothing;
      },
    });
  const node = () => forgiving({ value: 0, connect() {}, disconnect() {}, [Symbol.toPrimitive]: () => 0 });
  const context = forgiving({
    state: "running",
    sampleRate: 44100,
    get currentTime() { return clock(); },
    destination: node(),
    resume: () => Promise.resolve(),
    suspend: () => Promise.resolve(),
    close: () => Promise.resolve(),
    addEventListener() {},
    createGain: () => Object.assign(node(), { gain: node() }),
    createAnalyser: () => Object.assign(node(), { frequencyBinCount: 1024, getByteFrequencyData: (a) => a.fill(0), getFloatFrequencyData: (a) => a.fill(-Infinity), getByteTimeDomainData: (a) => a.fill(128), getFloatTimeDomainData: (a) => a.fill(0) }),
  });

  class Silent {
    constructor() { return forgiving(this); }
    get input() { return node(); }
    get output() { return node(); }
    getLevel() { return 0; }
    getVolume() { return 0; }
    amp(value) { return value === undefined ? 0 : this; }
  }
  const numbers = (count, value = 0) => new Array(count).fill(value);
  const bands = (bins) => (Number(bins) > 0 ? Number(bins) : 1024);
  const kinds = {
    FFT: class extends Silent {
      constructor(_, bins) { super(); this.bins = bands(bins); }
      analyze(bins) { return numbers(bands(typeof bins === "number" ? bins : this.bins), bins === "dB" ? -140 : 0); }
      waveform(bins) { return numbers(bands(typeof bins === "number" ? bins : this.bins)); }
      getEnergy() { return 0; }
      getCentroid() { return 0; }
      getFreqs() { return numbers(this.bins); }
      linAverages(count = 16) { return numbers(count); }
      logAverages(octaves) { return numbers(octaves?.length ?? 10); }
      getOctaveBands(count = 3) { return Array.from({ length: 10 * count }, (_, i) => ({ lo: 15.625 * 2 ** (i / count), ctr: 15.625 * 2 ** ((i + 0.5) / count), hi: 15.625 * 2 ** ((i + 1) / count) })); }
    },
    SoundFile: class extends Silent {
      constructor(path, done) { super(); this.url = this.file = path; this.playing = false; this.since = 0; this.buffer = { duration: 1, length: 44100, numberOfChannels: 2, sampleRate: 44100, getChannelData: () => new Float32Array(44100) }; answered([done], this); }
      isLoaded() { return true; }
      isPlaying() { return this.playing; }
      isPaused() { return !this.playing; }
      isLooping() { return false; }
      play() { this.playing = true; this.since = clock(); return this; }
      loop() { return this.play(); }
      pause() { this.playing = false; return this; }
      stop() { this.playing = false; return this; }
      duration() { return 1; }
      frames() { return 44100; }
      channels() { return 2; }
      sampleRate() { return 44100; }
      currentTime() { return this.playing ? (clock() - this.since) % 1 : 0; }
      getPeaks(count = 1000) { return new Float32Array(count); }
      rate(value) { return value === undefined ? 1 : this; }
      pan(value) { return value === undefined ? 0 : this; }
      getPan() { return 0; }
      processPeaks(done) { answered([done], []); return []; }
    },
    PeakDetect: class extends Silent { isDetected = false; update() {} },
    AudioIn: class extends Silent {
      start(_, failed) { answered([failed], new Error("there is no microphone")); return Promise.resolve(); }
      getSources(done) { answered([done], []); return Promise.resolve([]); }
    },
    Oscillator: class extends Silent {
      constructor(a, b) { super(); this.frequency = [a, b].find((x) => typeof x === "number") ?? 440; this.type = [a, b].find((x) => typeof x === "string") ?? "sine"; this.started = false; }
      start() { this.started = true; return this; }
      stop() { this.started = false; return this; }
      freq(value) { if (typeof value !== "number") return this.frequency; this.frequency = value; return this; }
      getFreq() { return this.frequency; }
      getAmp() { return 0; }
      getType() { return this.type; }
      setType(type) { this.type = type; return this; }
    },
  };
  for (const name of ["SinOsc", "TriOsc", "SawOsc", "SqrOsc", "Pulse"]) kinds[name] = class extends kinds.Oscillator {};
  const plain = "Amplitude Noise Envelope Env Gain Filter LowPass HighPass BandPass Reverb Convolver Delay Distortion Compressor EQ Panner Panner3D Listener3D MonoSynth PolySynth AudioVoice Part Phrase Score SoundLoop SoundRecorder Signal OnsetDetect Effect PitchShifter Biquad";
  for (const name of plain.split(" ")) kinds[name] = class extends Silent {};
  for (const [name, kind] of Object.entries(kinds)) {
    Object.defineProperty(kind, "name", { value: name });
    p5[name] = kind;
  }

  const notes = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };
  const midiToFreq = (midi) => 440 * 2 ** ((midi - 69) / 12);
  const load = (path, done) => new kinds.SoundFile(path, done);
  Object.assign(p5.prototype, {
    loadSound: load,
    createConvolver: (path, done) => { const made = new kinds.Convolver(); answered([done], made); return made; },
    getAudioContext: () => context,
    setAudioContext: () => context,
    userStartAudio: (_, done) => { answered([done]); return Promise.resolve(); },
    userStopAudio: () => Promise.resolve(),
    soundFormats() {},
    sampleRate: () => 44100,
    outputVolume: (value) => value ?? 1,
    masterVolume: (value) => value ?? 1,
    getOutputVolume: () => 1,
    getMasterVolume: () => 1,
    setBPM() {},
    saveSound() {},
    freqToMidi: (f) => Math.round(12 * Math.log2(f / 440)) + 69,
    midiToFreq,
    noteToFreq: (note) => { const [, letter, sharp, octave] = /^([A-G])([#b]?)(-?\d+)/.exec(note) ?? [0, "A", "", 4]; return midiToFreq(notes[letter] + (sharp === "#" ? 1 : sharp ? -1 : 0) + 12 * (Number(octave) + 1)); },
    soundOut: forgiving({ audiocontext: context, input: node(), output: node() }),
  });
  p5.soundOut = p5.prototype.soundOut;
})();
