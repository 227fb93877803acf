"""A quantiser of tilework in a PyTorch model of your own: no run, no recipe. Run: uv run examples/vq_alone.py"""

import torch
from torch import nn

from tilework.bottlenecks import VQ

torch.manual_seed(0)
images = torch.rand(256, 1, 28, 28).round()  # yours go here: (B, C, H, W) in [0, 1]

encoder = nn.Sequential(nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 16, 4, 2, 1))
quantiser = VQ(dim=16, codes=64, gradient="rotation")
decoder = nn.Sequential(nn.ConvTranspose2d(16, 32, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(32, 1, 4, 2, 1))
optimiser = torch.optim.Adam([*encoder.parameters(), *quantiser.parameters(), *decoder.parameters()], lr=1e-3)

for step in range(40):
    x = images[torch.randint(len(images), (64,))]
    latent = quantiser(encoder(x))  # latent.z (B, 16, 7, 7), latent.codes (B, 1, 7, 7)
    loss = (torch.sigmoid(decoder(latent.z)) - x).square().mean() + 0.25 * latent.losses["commitment"]
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    if step % 10 == 9:
        print(f"step {step + 1}  loss {loss.item():.4f}  perplexity {latent.stats['perplexity'].item():.1f} of 64")

quantiser.eval()
with torch.no_grad():
    codes = quantiser(encoder(images)).codes
    again = torch.sigmoid(decoder(quantiser.decode(codes)))
print(
    f"{codes.unique().numel()} of 64 codes in use over {codes.numel():,} tokens; images {tuple(again.shape)} from codes alone"
)
