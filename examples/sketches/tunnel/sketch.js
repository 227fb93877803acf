// Squares come out of the middle, turning as they grow, without end.
const LOOP = 180, SQUARES = 14;

function setup() {
  createCanvas(256, 256);
  rectMode(CENTER);
  noStroke();
}

function draw() {
  background(0);
  translate(width / 2, height / 2);
  const time = (4 * frameCount) / LOOP;
  // Painted from the largest in; each takes its neighbour's place, and black takes white's after two.
  for (let i = SQUARES; i >= 0; i--) {
    const place = i + (time % 2);
    const even = i % 2 === 0;
    push();
    rotate(place * 0.21 + 0.12 * sin((TWO_PI * frameCount) / LOOP));
    fill(even ? 245 : 15);
    square(0, 0, 5 * pow(1.42, place));
    pop();
  }
}
