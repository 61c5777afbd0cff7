"""Fetching weights: from the hub, or from an address; each file is checked before it is used."""

import hashlib
import json
import os
import re
import urllib.error
import urllib.request
from pathlib import Path

from kzoo.weights.errors import WeightsError


class NoSuchFileError(WeightsError):
    """A repository on the hub lacks a file."""


_HUB_FORM = re.compile(r"hf-hub:([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")


def parse_hub(source: str) -> tuple[str, str | None]:
    """Return repository and revision of "hf-hub:owner/repository[@revision]"."""
    match = _HUB_FORM.fullmatch(source)
    if match is None:
        raise WeightsError(
            f"a source on the hub is hf-hub:owner/repository or hf-hub:owner/repository@revision; "
            f"received {source!r}."
        )
    return match[1], match[2]


def fetch_from_hub(repository: str, revision: str | None, filename="model.safetensors") -> Path:
    """Return the path of a file of a repository in the hub's cache, downloaded where it is missing.

    huggingface_hub keeps the cache, and heeds `HF_HOME`, `HF_HUB_OFFLINE` and `HF_ENDPOINT`. The
    cache names a file by the digest that the hub publishes; the content is held to it, and a
    damaged file is deleted. (Where a cache cannot hold links, that name is not kept, and only the
    size is checked.)

    Raises:
        WeightsError: no such repository, revision or file, no connection, or a damaged file.
    """
    from huggingface_hub import errors, hf_hub_download

    place = f"hf-hub:{repository}" + (f"@{revision}" if revision else "")
    try:
        path = Path(hf_hub_download(repository, filename, revision=revision))
    except errors.GatedRepoError as error:
        raise WeightsError(
            f"{place} asks for its terms to be accepted on the hub, and for a login."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise WeightsError(f"there is no repository {repository} on the hub.") from error
    except errors.RevisionNotFoundError as error:
        raise WeightsError(f"{repository} has no revision {revision!r} on the hub.") from error
    except errors.LocalEntryNotFoundError as error:
        raise WeightsError(
            f"{filename} of {place} is not in the local cache, and the hub cannot be reached: "
            "connect, or unset HF_HUB_OFFLINE if it is set."
        ) from error
    except errors.EntryNotFoundError as error:
        raise NoSuchFileError(f"{place} has no file {filename}.") from error
    # The HTTP library, and with it the errors of a broken connection, depend on the hub's version.
    except Exception as error:
        raise WeightsError(
            f"{filename} of {place} could not be downloaded; nothing incomplete is kept for use: "
            f"{(str(error).strip() or type(error).__name__).splitlines()[0]}"
        ) from error
    _check_cached(path, place)
    return path


def hub_configuration(repository: str, revision: str | None) -> dict:
    """Return what `config.json` of a repository says of its weights; nothing where it has none."""
    try:
        path = fetch_from_hub(repository, revision, "config.json")
    except NoSuchFileError:
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    return {"num_classes": content.get("num_classes"), **content.get("pretrained_cfg", {})}


def _check_cached(path, place):
    """Hold a file of the hub's cache to its name there: its SHA-256, or git's digest of it."""
    blob = path.resolve()
    if blob.parent.name != "blobs":
        return
    if len(blob.name) == 64:
        digest = hashlib.sha256()
    else:
        # Git's digest of a small file; SHA-1 is what git uses, not a choice.
        digest = hashlib.sha1(b"blob %d\0" % blob.stat().st_size, usedforsecurity=False)
    if _digest(blob, digest) != blob.name:
        path.unlink()
        blob.unlink()
        raise WeightsError(
            f"the cached {path.name} of {place} was damaged: its digest is not the hub's. It was "
            "deleted; load it again."
        )


def fetch_from_address(address: str, sha256: str | None) -> Path:
    """Return the path of a file in kzoo's cache, downloaded from `address` where it is missing.

    The cache is the folder `KZOO_HOME`, default `~/.cache/kzoo`.

    Args:
        address: of the file.
        sha256: its digest, or the first digits of it; where `None`, only the size is checked.

    Raises:
        WeightsError: it cannot be downloaded, or it is damaged, and then deleted.
    """
    home = Path(os.environ.get("KZOO_HOME") or Path.home() / ".cache" / "kzoo")
    path = home / "weights" / address.rpartition("/")[2]
    if not path.is_file():
        _download(address, path)
    check_digest(path, sha256)
    return path


def check_digest(path: Path, sha256: str | None, *, delete=True):
    """Hold a file to the first digits of its digest; delete it where it is damaged."""
    if sha256 is None or _digest(path, hashlib.sha256()).startswith(sha256):
        return
    remedy = "It was deleted; load it again." if delete else "Install kzoo again."
    if delete:
        path.unlink()
    raise WeightsError(
        f"{path} was damaged: its SHA-256 does not begin with {sha256}, as published. {remedy}"
    )


def _download(address, path):
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise WeightsError(f"{path.name} is not in {path.parent}, and HF_HUB_OFFLINE is set.")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with urllib.request.urlopen(address, timeout=30) as response, partial.open("wb") as file:
            size = response.headers.get("Content-Length")
            while block := response.read(1 << 20):
                file.write(block)
            if size is not None and file.tell() != int(size):
                raise WeightsError(
                    f"{address} was cut off after {file.tell()} of {size} bytes; nothing was kept."
                )
        partial.replace(path)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise WeightsError(f"{address} could not be downloaded: {error}.") from error
    finally:
        partial.unlink(missing_ok=True)


def _digest(path, digest):
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
