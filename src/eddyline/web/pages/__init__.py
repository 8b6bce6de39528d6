"""The pages: one module of routes for each page; templates in `web/templates`, scripts in `web/static`."""
