"""Loss terms, their weights and the schedules of these."""

from __future__ import annotations

from tilework.explain.glossary.codes import VQVAE
from tilework.explain.glossary.entry import Entry

VAE = "Kingma 2013, arXiv 1312.6114"

ENTRIES = (
    Entry(
        "loss", "Loss",
        "What training makes smaller: the sum of all loss terms, each times its weight.",
        "L = Σ_i w_i L_i",
        related=("loss-weight", "commitment", "kl", "mse"),
        also=("total-loss", "objective"),
    ),
    Entry(
        "loss-weight", "Loss weight",
        "The factor of a loss term in the total loss, a number or a schedule.",
        "L = Σ_i w_i L_i",
        related=("loss", "schedule", "beta"),
        also=("weight",),
    ),
    Entry(
        "reconstruction-loss", "Reconstruction loss",
        "A loss term that compares the output with the input image; every autoencoder needs at least one.",
        related=("mse", "l1", "bce", "lpips"),
        also=("recon-loss", "reconstruction"),
    ),
    Entry(
        "mse", "Mean squared error (MSE)",
        "The mean squared difference of the pixels, on pixels in [0, 1].",
        "mean (x - x̂)²",
        related=("psnr", "l1", "reconstruction-loss"),
        also=("mean-squared-error", "l2"),
        purpose="It makes the output like the input pixel by pixel; large differences count most, and what cannot be placed "
        "exactly comes out blurred.",
    ),
    Entry(
        "l1", "Mean absolute error (L1)",
        "The mean absolute difference of the pixels, on pixels in [0, 1].",
        "mean |x - x̂|",
        related=("mse", "reconstruction-loss"),
        also=("mae", "mean-absolute-error"),
        purpose="It makes the output like the input pixel by pixel; its best guess is the median, so edges stay sharper than "
        "with MSE.",
    ),
    Entry(
        "bce", "Binary cross-entropy (BCE)",
        "Each pixel of the output is read as the probability of white, and pays for the value that the input has "
        "there.",
        "-(x ln x̂ + (1 - x) ln(1 - x̂))",
        f"{VAE}, appendix C.1",
        ("reconstruction-loss", "kl"),
        ("binary-cross-entropy",),
        purpose="It makes the output like the input where pixels are mostly black or white; summed over an image it is on the "
        "scale of a KL divergence in nats.",
    ),
    Entry(
        "lpips", "LPIPS",
        "The distance between features that a frozen image network computes for output and input: nearer to what "
        "people see "
        "than differences of pixels.",
        "Σ_l 1/(H_l W_l) Σ_hw ‖w_l ⊙ (φ_l(x) - φ_l(x̂))‖²",
        "Zhang 2018, arXiv 1801.03924, equation 1",
        ("reconstruction-loss", "mse"),
        ("perceptual", "perceptual-loss"),
        purpose="It asks for the right texture and structure where a pixel's error would allow blur; it wants images of -1 to 1.",
    ),
    Entry(
        "edges", "Edge error",
        "The mean absolute error of the differences between neighbouring pixels.",
        "mean |∂x - ∂x̂|",
        "Mathieu 2015, arXiv 1511.05440 (gradient difference loss, here with the sign kept)",
        ("mse", "sharpness", "detail"),
        ("edge-error",),
        purpose="It keeps lines sharp and even areas even: a blurred edge and a printed grid are wrong in every difference.",
    ),
    Entry(
        "sharpness", "Sharpness error",
        "The mean absolute error of how strong fine detail is in each small window, wherever exactly it lies.",
        "mean |s(x) - s(x̂)|,  s = √(mean of the squared Laplacian in a window)",
        related=("detail", "edges"),
        also=("sharpness-error",),
        purpose="It lets what cannot be placed exactly be drawn sharp and not blurred; only beside a far larger "
        "reconstruction term.",
    ),
    Entry(
        "commitment", "Commitment loss",
        "The squared distance from the encoder's vectors to the codes that they chose; only the encoder learns "
        "from it.",
        "‖z_e - sg[e]‖²,  sg = without gradient",
        f"{VQVAE}, equation 3, third term",
        ("codebook-loss", "ema-codebook", "quantisation-error", "straight-through"),
        ("commitment-loss",),
        purpose="It keeps the encoder's vectors near the codes: nothing else stops them from growing away from a codebook "
        "that can only follow.",
    ),
    Entry(
        "codebook-loss", "Codebook loss",
        "The squared distance from the chosen codes to the encoder's vectors; only the codes learn from it.",
        "‖sg[z_e] - e‖²,  sg = without gradient",
        f"{VQVAE}, equation 3, second term",
        ("commitment", "gradient-codebook", "ema-codebook"),
        ("vq-loss",),
        purpose="It moves each code towards the encoder's vectors that chose it.",
    ),
    Entry(
        "entropy-loss", "Entropy loss",
        "The entropy of each token's own choice of codes, less the entropy of the choices of all tokens together.",
        "E[H(p(c|x))] - λ H(E[p(c|x)])",
        "Yu 2023, arXiv 2310.05737, equation 4",
        ("lfq", "perplexity"),
        ("entropy",),
        purpose="It makes each token decide for one code, and all tokens together use many.",
    ),
    Entry(
        "sinkhorn", "Sinkhorn transport",
        "The cost of carrying the tokens of a batch to the codes so that every code gets the same share, "
        "softened by ε.",
        "min_P ⟨P, C⟩ + ε KL(P | uniform)",
        "Cuturi 2013, arXiv 1306.0895",
        ("codebook-collapse", "revival"),
        ("optimal-transport", "sinkhorn-transport"),
        purpose="It pulls every code to a share of the data, also one that no token chooses.",
    ),
    Entry(
        "kl", "KL divergence",
        "How far the distribution that the encoder gives for an image is from the standard normal, in nats: what "
        "the latent passes to the decoder.",
        "Σ_d (μ_d² + σ_d² - ln σ_d² - 1) / 2",
        f"{VAE}, appendix B",
        ("beta", "free-bits", "active-units", "posterior-collapse", "vae"),
        ("kl-divergence", "kullback-leibler", "kl-loss", "rate"),
        purpose="It keeps the latents of all images together near the standard normal, so that points drawn from it decode to "
        "images; it also limits what a latent can carry.",
    ),
    Entry(
        "beta", "Beta",
        "The weight of the KL divergence: 1 is a VAE's bound, below 1 images are sharper, above 1 the latent "
        "space is more regular.",
        "L = reconstruction + β KL",
        "Higgins 2017 (beta-VAE, ICLR); Burgess 2018, arXiv 1804.03599",
        ("kl", "vae", "posterior-collapse"),
        ("beta-vae",),
    ),
    Entry(
        "free-bits", "Free bits",
        "Nats of KL that each latent dimension may use at no cost, so that nothing drives it to zero.",
        "Σ_d max(λ, KL_d)",
        "Kingma 2016, arXiv 1606.04934, appendix C.8",
        ("kl", "posterior-collapse"),
    ),
    Entry(
        "schedule", "Schedule",
        "A number that moves with the run: constant, linear, staircase, cosine, or cut at a plateau.",
        related=("warm-up", "plateau", "loss-weight", "learning-rate"),
    ),
    Entry(
        "warm-up", "Warm-up",
        "A first stretch of the run over which a value rises from 0 to where its schedule begins.",
        related=("schedule", "learning-rate"),
        also=("warmup",),
    ),
    Entry(
        "plateau", "Plateau",
        "A schedule that multiplies its value by a factor when the validation loss has not improved for a number "
        "of epochs.",
        related=("schedule", "early-stopping"),
    ),
    Entry(
        "cosine-schedule", "Cosine schedule",
        "A value that goes from its start to its end along half a cosine.",
        "end + (start - end) (1 + cos(π t)) / 2",
        "Loshchilov 2016, arXiv 1608.03983, equation 5",
        ("schedule", "warm-up"),
    ),
)  # fmt: skip
