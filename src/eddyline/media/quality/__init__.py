"""Measurement of the quality of renditions: VMAF, PSNR, SSIM, XPSNR and CAMBI against the source."""
