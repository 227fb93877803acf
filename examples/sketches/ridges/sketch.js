// Ridge behind ridge, white lines on black, rolling towards the viewer.
const LOOP = 180, LINES = 16;

function setup() {
  createCanvas(256, 256);
  noiseSeed(3);
}

function draw() {
  background(8);
  const turn = (TWO_PI * frameCount) / LOOP;
  strokeWeight(3.5);
  for (let i = -1; i <= LINES; i++) {
    // The lines move down by two places in a loop, and the hills beneath them move in a circle through the noise.
    const place = i + ((2 * frameCount) / LOOP) % 1;
    const base = map(place, 0, LINES - 1, 58, 262);
    stroke(map(place, -1, LINES, 90, 255));
    fill(8);
    beginShape();
    vertex(-10, 300);
    for (let x = -10; x <= width + 10; x += 5) {
      const middle = exp(-pow((x - width / 2) / 62, 2));
      const hill = noise(x * 0.02 + 3 + 0.5 * cos(turn), place * 0.35 + 9, 4 + 0.5 * sin(turn));
      // The row of hills repeats with the lines, so that line i and line i + 1 change places unseen.
      const wave = 0.5 + 0.5 * sin(x * 0.055 + turn * 2 + place * PI);
      vertex(x, base - middle * (66 * pow(wave, 2) + 34 * pow(hill, 2)) - 2 * hill);
    }
    vertex(width + 10, 300);
    endShape();
  }
}
