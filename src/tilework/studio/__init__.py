"""The studio: a page on the loopback interface that watches and steers runs. It trains nothing and never imports torch."""
