"""The web application: `api/` (JSON), `pages/` (HTML), `auth/`; the process is in `server.py`."""
