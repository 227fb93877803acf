"""p5.js sketches, run frame by frame in a headless Chromium that can reach nothing but the sketch's folder."""
