"""Words about codes and codebooks."""

from __future__ import annotations

from tilework.explain.glossary.entry import Entry

VQVAE = "van den Oord 2017, arXiv 1711.00937"

ENTRIES = (
    Entry(
        "codebook", "Codebook",
        "The table of K vectors that a quantiser may choose from; a token is stored as the number of its vector.",
        "e ∈ R^(K × D)",
        f"{VQVAE}, section 3.1",
        ("code", "token", "codebook-collapse", "ema-codebook", "codebook-loss"),
    ),
    Entry(
        "code", "Code",
        "One vector of a codebook, and also its number from 0 to K - 1.",
        "k = argmin_j ‖z_e - e_j‖",
        f"{VQVAE}, equation 1",
        ("codebook", "token", "codes-in-use"),
        ("codes", "codes-k", "k", "codeword"),
    ),
    Entry(
        "token", "Token",
        "One position of the latent grid (of one level, where there are several): the encoder's vector there, "
        "and the code "
        "that it is replaced by.",
        "N = images × height × width of the grid",
        related=("code", "latent-grid", "tokens-per-code", "receptive-field"),
        also=("tokens", "tokens-n", "n"),
    ),
    Entry(
        "vq", "Vector quantisation (VQ)",
        "Every vector of the encoder is replaced by the nearest of K codes, so that an image becomes a grid of "
        "numbers.",
        "z_q = e_k,  k = argmin_j ‖z_e - e_j‖",
        f"{VQVAE}, equations 1 and 2",
        ("codebook", "straight-through", "commitment", "rq", "fsq"),
        ("vq-vae", "vqvae", "vector-quantisation", "vector-quantization"),
    ),
    Entry(
        "rq", "Residual quantisation (RQ)",
        "Several codebooks one after another: each level quantises what the levels before it left over, and the "
        "codes are added.",
        "r_1 = z_e,  r_(l+1) = r_l - e(k_l),  z_q = Σ_l e(k_l)",
        "Lee 2022, arXiv 2203.01941, section 3.1",
        ("residual-levels", "vq", "level-dropout"),
        ("rq-vae", "rqvae", "residual-quantisation", "residual-quantization"),
    ),
    Entry(
        "residual-levels", "Residual levels",
        "How many codebooks residual quantisation applies in turn; each further level adds log2 K bits a position.",
        "bits per position = Q log2 K",
        "Lee 2022, arXiv 2203.01941, section 3.1",
        ("rq", "bits-per-image", "level-dropout"),
        ("levels", "level"),
    ),
    Entry(
        "level-dropout", "Level dropout",
        "In training a share of the images goes through only the first few residual levels, so that fewer levels "
        "decode well too.",
        "",
        "Zeghidour 2021, arXiv 2107.03312, section III-C (quantizer dropout)",
        ("rq", "residual-levels"),
        ("quantizer-dropout", "quantiser-dropout"),
    ),
    Entry(
        "fsq", "Finite scalar quantisation (FSQ)",
        "Each channel is bounded and rounded to a few values; the code is the tuple of them, so there is no "
        "codebook to learn "
        "or to collapse.",
        "z_d = round(f(x_d)),  K = Π_d L_d",
        "Mentzer 2023, arXiv 2309.15505, section 3.1",
        ("fsq-levels", "lfq", "vq"),
        ("finite-scalar-quantisation", "finite-scalar-quantization"),
    ),
    Entry(
        "fsq-levels", "FSQ levels",
        "How many values each channel of FSQ may take; their product is the number of codes K.",
        "K = L_1 × L_2 × ... × L_D",
        "Mentzer 2023, arXiv 2309.15505, section 3.1",
        ("fsq", "code"),
    ),
    Entry(
        "lfq", "Lookup-free quantisation (LFQ)",
        "Every channel is replaced by its sign, so D channels are D bits and K = 2^D codes without a codebook.",
        "z_d = sign(x_d),  k = Σ_d 2^d [x_d > 0]",
        "Yu 2023, arXiv 2310.05737, section 3.1",
        ("entropy-loss", "fsq", "vq"),
        ("lookup-free-quantisation", "lookup-free-quantization"),
    ),
    Entry(
        "simvq", "SimVQ",
        "Codes are fixed vectors times one learnt matrix, so that every step moves all codes and none is left "
        "behind.",
        "codes = C W",
        "Zhu 2024, arXiv 2411.02038, equation 5",
        ("codebook", "codebook-collapse", "gradient-codebook"),
    ),
    Entry(
        "gradient-codebook", "Gradient codebook",
        "Codes are weights: the optimiser moves them by the gradient of the codebook loss.",
        "∇_e ‖sg[z_e] - e‖²",
        f"{VQVAE}, equation 3",
        ("codebook-loss", "ema-codebook"),
    ),
    Entry(
        "ema-codebook", "EMA codebook",
        "Each code is the moving average of the encoder's vectors that chose it, so it needs no gradient and no "
        "loss.",
        "n ← γ n + (1 - γ) count,  m ← γ m + (1 - γ) sum,  e = m / n",
        f"{VQVAE}, appendix A.1; Razavi 2019, arXiv 1906.00446",
        ("codebook", "decay", "gradient-codebook", "revival"),
        ("ema", "moving-average", "exponential-moving-average"),
    ),
    Entry(
        "decay", "Decay",
        "The share γ of the old moving average that is kept at each step: 0.99 averages over about the last 100 "
        "steps.",
        "steps averaged ≈ 1 / (1 - γ)",
        f"{VQVAE}, appendix A.1",
        ("ema-codebook", "ema-weights"),
    ),
    Entry(
        "straight-through", "Straight-through gradient",
        "Choosing a code has no gradient, so the gradient of the decoder's input is handed to the encoder's "
        "output as it is.",
        "∂L/∂z_e := ∂L/∂z_q",
        f"{VQVAE}, section 3.2; Bengio 2013, arXiv 1308.3432",
        ("rotation-trick", "commitment", "vq"),
        ("ste", "straight-through-estimator"),
    ),
    Entry(
        "rotation-trick", "Rotation trick",
        "The gradient passes the quantiser turned by the angle between the encoder's vector and its code, and "
        "scaled by their norms, "
        "where straight-through hands it over unchanged.",
        "z_q = (‖e‖ / ‖z_e‖) R z_e,  with R held constant",
        "Fifty 2024, arXiv 2410.06424, section 4.2",
        ("straight-through", "vq"),
        ("rotation",),
    ),
    Entry(
        "kmeans-start", "k-means start",
        "The first codes are the k-means centres of encoder outputs, so that every code begins where there is data.",
        "min_e Σ_n min_k ‖z_n - e_k‖²",
        "Arthur and Vassilvitskii 2007 (k-means++); Zeghidour 2021, arXiv 2107.03312, section III-C",
        ("codebook", "revival", "codebook-collapse"),
        ("k-means", "kmeans", "k-means-start", "start"),
    ),
    Entry(
        "revival", "Revival",
        "A code that too few tokens chose for a while is moved onto a recent token, so that it is of use again.",
        "dead: moving count < threshold × N/K of a step",
        "Dhariwal 2020, arXiv 2005.00341 (random restarts); Zeghidour 2021, arXiv 2107.03312, section III-C",
        ("codes-in-use", "codebook-collapse", "idle"),
        ("revived", "codes-revived", "dead-code", "dead-codes", "restart"),
    ),
    Entry(
        "idle", "Longest idle code",
        "For how many steps the code that was chosen least recently has been chosen by no token.",
        related=("revival", "codes-in-use"),
        also=("longest-idle-code",),
    ),
    Entry(
        "perplexity", "Perplexity",
        "How many codes are in effective use: the number of equally likely codes that would have the same "
        "entropy, from 1 "
        "(all tokens share one code) to K.",
        "exp(-Σ_k p_k ln p_k),  p_k = share of the tokens with code k",
        "Jelinek 1977, doi 10.1121/1.2016299",
        ("codes-in-use", "tokens-per-code", "data-bound", "codebook-collapse"),
    ),
    Entry(
        "codes-in-use", "Codes in use",
        "How many of the K codes at least one token chose.",
        "|{k : count_k > 0}|",
        related=("perplexity", "tokens-per-code", "data-bound"),
        also=("used", "usage"),
    ),
    Entry(
        "tokens-per-code", "Tokens per code (N/K)",
        "How many tokens there were for each code; a usage measured on few tokens per code cannot come near K.",
        "N / K",
        related=("data-bound", "perplexity", "codes-in-use"),
        also=("n/k", "nk", "n-k"),
    ),
    Entry(
        "data-bound", "Data bound",
        "What perplexity and codes in use come to where all codes are equally likely and there are only N tokens: "
        "a healthy codebook does not pass it by much.",
        "codes in use ≈ K (1 - exp(-N/K))",
        related=("tokens-per-code", "perplexity", "codes-in-use"),
    ),
    Entry(
        "codebook-collapse", "Codebook collapse",
        "Nearly all tokens share a few codes, so the decoder hardly learns one image from another.",
        "perplexity ≪ K",
        "Dhariwal 2020, arXiv 2005.00341",
        ("perplexity", "revival", "kmeans-start", "posterior-collapse"),
        ("collapse", "index-collapse"),
    ),
    Entry(
        "duplicates", "Codes that repeat another",
        "Codes that are exactly the same point as an earlier one: all but one of them can never be chosen.",
        related=("codebook", "codes-in-use"),
        also=("duplicate-codes", "codes-that-repeat-another"),
    ),
    Entry(
        "quantisation-error", "Quantisation error",
        "The mean squared distance from the encoder's vectors to their codes, per dimension: what quantising loses.",
        "mean (z_e - z_q)²",
        related=("commitment", "z-norm", "code-norm"),
        also=("quantization-error",),
    ),
    Entry(
        "z-norm", "Mean norm of tokens",
        "The mean length of the encoder's vectors; read it beside the norm of the codes, which it should stay near.",
        "mean ‖z_e‖",
        related=("code-norm", "commitment", "quantisation-error"),
        also=("mean-norm-of-tokens",),
    ),
    Entry(
        "code-norm", "Mean norm of codes",
        "The mean length of the vectors in a codebook.",
        "mean ‖e_k‖",
        related=("z-norm", "codebook"),
        also=("mean-norm-of-codes",),
    ),
    Entry(
        "cosine-distance", "Cosine distance",
        "Tokens and codes are brought to norm 1 before the nearest code is searched, so that only the direction "
        "counts.",
        "argmax_k z·e_k / (‖z‖ ‖e_k‖)",
        "Yu 2021, arXiv 2110.04627",
        ("vq", "code-norm"),
        ("cosine",),
    ),
)  # fmt: skip
