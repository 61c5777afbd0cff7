# Sourced by the scripts here: a virtual environment in .venv, with kzoo installed for editing.

# install "REQUIREMENT": REQUIREMENT is "." or "." with extras, such as ".[test]".
install() {
  local python="${PYTHON:-python3}"
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "kzoo needs Python 3.11 or later; $python is $("$python" --version). Set PYTHON to another one." >&2
    exit 2
  }
  # A second venv completes one that was left without pip.
  .venv/bin/python -m pip --version >/dev/null 2>&1 || "$python" -m venv .venv
  echo "Installing kzoo into .venv (once; some minutes the first time) ..."
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable "$1"
}
