"""Still images of a source: poster, thumbnails and storyboard; and HiLights."""
