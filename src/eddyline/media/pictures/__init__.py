"""Poster, thumbnails and storyboard."""
