// Seeds of a sunflower: they swell in a wave that runs out along the spirals.
const LOOP = 180, SEEDS = 240;
const GOLDEN = Math.PI * (3 - Math.sqrt(5));

function setup() {
  createCanvas(256, 256);
  noStroke();
}

function draw() {
  background(18);
  const turn = (TWO_PI * frameCount) / LOOP;
  translate(width / 2, height / 2);
  for (let n = 0; n < SEEDS; n++) {
    const away = Math.sqrt(n / SEEDS);
    const swell = 0.5 + 0.5 * sin(9 * away - 2 * turn);
    const petal = 0.5 + 0.5 * cos(3 * n * GOLDEN + turn);
    const reach = 122 * away * (0.94 + 0.06 * sin(turn));
    fill(60 + 195 * swell);
    circle(reach * cos(n * GOLDEN), reach * sin(n * GOLDEN), 3 + 13 * away * (0.35 + 0.65 * swell * petal));
  }
}
