"""A VAE latent explorer as most people build it: Streamlit and Matplotlib, `streamlit run` on this file. Nothing made slow.

Three modes (N(mu, sigma^2) for each dimension, N(0, I), exact z), one slider or two for each dimension, the generated image, the
chosen z as a bar chart, its numbers, and facts about the model in the sidebar. The model is a trained run of tilework, so both
sides decode with the same weights: STREAMLIT_RUN names its folder, and what a script of this kind would load with torch.load is
loaded once and kept by st.cache_resource.
"""

from __future__ import annotations

import os

import matplotlib.pyplot as plt
import numpy as np
import streamlit as st
import torch

import tilework

MODES = ("Sample from N(mu, sigma^2)", "Sample from N(0, I)", "Custom deterministic z")


@st.cache_resource
def load_model(folder: str) -> tilework.Model:
    """The checkpoint, once for all reruns of this script."""
    torch.set_num_threads(1)
    return tilework.load(folder, device="cpu")


def sliders(name: str, count: int, low: float, high: float, start: float) -> np.ndarray:
    """One slider for each dimension, in four columns."""
    columns = st.columns(4)
    return np.array(
        [columns[i % 4].slider(f"{name} {i + 1}", low, high, start, 0.1, key=f"{name}-{i}") for i in range(count)]
    )


st.set_page_config(page_title="VAE latent space explorer", layout="wide")
model = load_model(os.environ["STREAMLIT_RUN"])
size = model.network.bottleneck.dim
with st.sidebar:
    st.header("Model info")
    st.write(f"Latent dimension: {size}")
    st.write(f"Step: {model.step}")
    mode = st.radio("Mode", MODES, index=2)
if "seed" not in st.session_state:
    st.session_state.seed = 0

if mode == MODES[0]:
    mu, sigma = sliders("mu", size, -3.0, 3.0, 0.0), sliders("sigma", size, 0.0, 2.0, 1.0)
    z = mu + sigma * np.random.default_rng(st.session_state.seed).standard_normal(size)
elif mode == MODES[1]:
    if st.button("Resample"):
        st.session_state.seed += 1
    z = np.random.default_rng(st.session_state.seed).standard_normal(size)
else:
    z = sliders("z", size, -3.0, 3.0, 0.0)

with torch.no_grad():
    image = (
        model.decode(torch.tensor(z, dtype=torch.float32).view(1, size, 1, 1))[0].clamp(0, 1).permute(1, 2, 0).numpy()
    )
left, right = st.columns(2)
with left:
    st.subheader("Generated image")
    figure, axes = plt.subplots(figsize=(5, 5))
    axes.imshow(image.squeeze(), cmap="gray" if image.shape[2] == 1 else None)
    axes.axis("off")
    st.pyplot(figure)
    plt.close(figure)
with right:
    st.subheader("Latent vector")
    figure, axes = plt.subplots(figsize=(6, 4))
    axes.bar(np.arange(1, size + 1), z)
    axes.set_xlabel("dimension")
    axes.axhline(0, color="black", linewidth=0.5)
    st.pyplot(figure)
    plt.close(figure)
    st.write(np.round(z, 3))
