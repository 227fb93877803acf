"""Latents and the networks before and behind them."""

from __future__ import annotations

from tilework.explain.glossary.entry import Entry
from tilework.explain.glossary.losses import VAE

ENTRIES = (
    Entry(
        "autoencoder", "Autoencoder",
        "Two networks and a bottleneck: the encoder makes a small latent of an image, the decoder makes the "
        "image again from it.",
        "x̂ = decoder(bottleneck(encoder(x)))",
        related=("latent", "bottleneck", "vae", "vq"),
        also=("ae", "encoder", "decoder"),
    ),
    Entry(
        "bottleneck", "Bottleneck",
        "The layer between encoder and decoder that decides what a latent may be: any vector, a Gaussian, or one "
        "of K codes.",
        related=("latent", "vq", "rq", "fsq", "lfq", "vae"),
        also=("none",),
    ),
    Entry(
        "latent", "Latent",
        "What the encoder makes of an image and the decoder sees: one vector, or a grid of them.",
        "z",
        related=("latent-grid", "token", "bottleneck"),
        also=("z", "latent-space"),
    ),
    Entry(
        "latent-grid", "Latent grid",
        "A latent with height and width: each position describes its own part of the image.",
        "z ∈ R^(D × h × w)",
        related=("token", "receptive-field", "latent"),
        also=("grid",),
    ),
    Entry(
        "vae", "Variational autoencoder (VAE)",
        "An autoencoder whose encoder gives a Gaussian for each image, and which is paid for how far that is "
        "from the standard normal.",
        "E_q[ln p(x|z)] - KL(q(z|x) ‖ N(0, I))",
        f"{VAE}, equation 3",
        ("kl", "beta", "reparameterisation", "posterior-collapse"),
        ("gaussian", "variational-autoencoder"),
    ),
    Entry(
        "reparameterisation", "Reparameterisation",
        "A latent is drawn as mean plus standard deviation times noise, so that the gradient reaches both.",
        "z = μ + σ ε,  ε ~ N(0, I)",
        f"{VAE}, section 2.4",
        ("vae",),
        ("reparameterization", "reparameterisation-trick"),
    ),
    Entry(
        "posterior-collapse", "Posterior collapse",
        "Latent dimensions carry nothing: the encoder gives the prior whatever the image is, and the decoder "
        "does without them.",
        "KL_d → 0",
        "Bowman 2015, arXiv 1511.06349, section 3.1",
        ("active-units", "kl", "beta", "free-bits", "codebook-collapse"),
    ),
    Entry(
        "active-units", "Active units",
        "How many latent dimensions carry something, here those whose KL is above 0.01 nats.",
        "|{d : KL_d > 0.01}|",
        "after Burda 2015, arXiv 1509.00519, section 5.2 (which asks the variance of the mean)",
        ("posterior-collapse", "kl"),
    ),
    Entry(
        "receptive-field", "Receptive field",
        "The part of the image that one position of a feature map can depend on; it follows from kernels and "
        "strides alone, and "
        "what is really used is smaller, strongest in the middle.",
        "size ← size + (kernel - 1) × pitch,  pitch ← pitch × stride",
        "Araujo 2019, doi 10.23915/distill.00021; Luo 2017, arXiv 1701.04128 (the effective field)",
        ("latent-grid", "token"),
        ("field", "effective-receptive-field"),
    ),
    Entry(
        "bits-per-image", "Bits per image",
        "How many bits the codes of an image take if every code costs the same.",
        "positions × levels × log2 K",
        related=("compression-ratio", "code", "bits-per-token"),
    ),
    Entry(
        "compression-ratio", "Compression ratio",
        "Bits of the image as stored, 8 for each pixel and channel, over the bits of its codes.",
        "8 H W C / bits per image",
        related=("bits-per-image",),
    ),
    Entry(
        "parameters", "Parameters",
        "The numbers of a network that the optimiser moves; codes that follow moving averages are not among them.",
        related=("multiply-adds", "ema-codebook"),
    ),
    Entry(
        "multiply-adds", "Multiply-adds",
        "How many products are computed and added up for one image in one forward pass; a floating-point "
        "operation (FLOP) count is "
        "about twice as large.",
        "convolution: k² × C_in × C_out × H_out × W_out",
        related=("parameters",),
        also=("operations", "macs", "flops"),
    ),
    Entry(
        "residual-block", "Residual block",
        "Layers whose result is added to what went into them, so that they only have to learn the difference.",
        "x + f(x)",
        "He 2015, arXiv 1512.03385",
        ("autoencoder",),
        ("residual",),
    ),
    Entry(
        "stride", "Stride",
        "How many positions a convolution moves from one output to the next; 2 halves height and width.",
        "",
        "Dumoulin 2016, arXiv 1603.07285",
        ("transposed-convolution", "receptive-field"),
        ("downsampling",),
    ),
    Entry(
        "transposed-convolution", "Transposed convolution",
        "A convolution run backwards: with stride 2 it doubles height and width.",
        "",
        "Dumoulin 2016, arXiv 1603.07285; Odena 2016, doi 10.23915/distill.00003 (the checkerboard that it can "
        "print)",
        ("stride",),
        ("upsampling",),
    ),
    Entry(
        "batch-norm", "BatchNorm",
        "Each channel is brought to mean 0 and variance 1 over the batch in training, and by running averages "
        "afterwards.",
        "(x - mean) / √(variance + ε)",
        "Ioffe 2015, arXiv 1502.03167",
        ("group-norm",),
        ("batchnorm", "batch"),
    ),
    Entry(
        "group-norm", "GroupNorm",
        "Groups of channels are brought to mean 0 and variance 1 over the whole feature map of one image.",
        "(x - mean) / √(variance + ε)",
        "Wu 2018, arXiv 1803.08494",
        ("batch-norm",),
        ("groupnorm", "group"),
    ),
)  # fmt: skip
