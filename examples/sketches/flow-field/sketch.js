// Streams along a field of noise; each stroke runs down its line once in a loop and fades at both ends.
const LOOP = 180, STREAMS = 320, STEPS = 46;
let seeds = [];

function setup() {
  createCanvas(256, 256);
  randomSeed(8);
  noiseSeed(8);
  for (let i = 0; i < STREAMS; i++) seeds.push([random(-20, 276), random(-20, 276), random(), random(0.4, 1)]);
  noFill();
}

function draw() {
  background(238);
  const turn = (TWO_PI * frameCount) / LOOP;
  for (const [x, y, start, dark] of seeds) {
    const time = (frameCount / LOOP + start) % 1;
    let px = x, py = y;
    for (let i = 0; i < STEPS; i++) {
      const near = 1 - abs(i / STEPS - (time * 1.6 - 0.3)) / 0.3;
      // A circle through the noise: the field itself comes back to where it was.
      const angle = TAU * 1.6 * noise(px * 0.006 + 5, py * 0.006 + 5, 1 + 0.25 * cos(turn)) + 0.3 * sin(turn);
      const nx = px + 3.2 * cos(angle), ny = py + 3.2 * sin(angle);
      if (near > 0) {
        stroke(238 - 225 * dark * near);
        strokeWeight(1 + 4 * near * dark);
        line(px, py, nx, ny);
      }
      px = nx;
      py = ny;
    }
  }
}
