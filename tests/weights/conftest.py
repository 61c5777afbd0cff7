"""A cheap model with a published tag, its file, and a local hub that serves it."""

import hashlib
import http.server
import threading
from pathlib import Path

import pytest

from tests.peers import build_counterpart, randomise, write_state_dict

MODEL, TAG = "tinynet_e", "in1k"
REPOSITORY = f"timm/{MODEL}.{TAG}"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="session")
def peer():
    """timm's model with random weights."""
    return randomise(build_counterpart(MODEL))


@pytest.fixture(scope="session")
def peer_file(peer, tmp_path_factory):
    """Its state dict as safetensors."""
    return write_state_dict(peer, tmp_path_factory.mktemp("peer") / "model.safetensors")


def fill_cache(folder, content, name=None, repository=REPOSITORY, filename="model.safetensors"):
    """Lay out a hub cache that holds a file, as huggingface_hub does; return its path there."""
    name = name or hashlib.sha256(content).hexdigest()
    root = Path(folder) / f"models--{repository.replace('/', '--')}"
    snapshot = root / "snapshots" / COMMIT
    for directory in (root / "refs", root / "blobs", snapshot):
        directory.mkdir(parents=True, exist_ok=True)
    (root / "refs" / "main").write_text(COMMIT)
    (root / "blobs" / name).write_bytes(content)
    (snapshot / filename).symlink_to(root / "blobs" / name)
    return snapshot / filename


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    """An empty cache of the hub, which cannot be reached."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


class Server:
    """A server on this machine: `files` maps paths to content, `cut` bytes are not sent."""

    def __init__(self):
        self.files, self.cut, self.requests = {}, 0, []
        self.digest = None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self):
                self.do_GET()

            def do_GET(self):
                outer.requests.append((self.command, self.path))
                content = outer.files.get(self.path)
                self.send_response(404 if content is None else 200)
                if content is None:
                    missing = "RepoNotFound" if "/nobody/" in self.path else "EntryNotFound"
                    missing = "GatedRepo" if "/gated/" in self.path else missing
                    if "/unknown/" in self.path:
                        missing = "RevisionNotFound"
                    self.send_header("X-Error-Code", missing)
                content = content or b""
                digest = outer.digest or hashlib.sha256(content).hexdigest()
                self.send_header("Content-Length", str(len(content)))
                self.send_header("ETag", f'"{digest}"')
                self.send_header("X-Repo-Commit", COMMIT)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(content[: len(content) - outer.cut])

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def server():
    """A running `Server`."""
    server = Server()
    thread = threading.Thread(target=server.server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.server.shutdown()
    thread.join()
    server.server.server_close()


@pytest.fixture
def hub(server, tmp_path, monkeypatch):
    """The server in the hub's place, with an empty cache."""
    from huggingface_hub import constants, file_download

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", server.address)
    template = server.address + "/{repo_id}/resolve/{revision}/{filename}"
    for module in (constants, file_download):
        if hasattr(module, "HUGGINGFACE_CO_URL_TEMPLATE"):
            monkeypatch.setattr(module, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    server.cache = tmp_path / "hub"
    return server
