"""Downloads the demo repository with the real huggingface_hub client, as a data scientist would, and prints the snapshot's folder.

usage: HF_ENDPOINT=... HF_HOME=... download.py
"""

from huggingface_hub import snapshot_download

print(snapshot_download("acme/demo"))
