"""A small local model hub: just enough of the Hub's HTTP interface for the real huggingface_hub client to download a repository.

Serves one folder as the repository `acme/demo` on a free loopback port, which it prints. Used by the end-to-end tests.
"""

import hashlib
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlparse

REPOSITORY = "acme/demo"
REVISION = "0123456789abcdef0123456789abcdef01234567"
FOLDER = Path(sys.argv[1])


def files():
    return sorted(p for p in FOLDER.rglob("*") if p.is_file())


def entry(path):
    data = path.read_bytes()
    return {
        "type": "file",
        "path": str(path.relative_to(FOLDER)),
        "size": len(data),
        "oid": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest(),
        "lfs": {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130},
    }


class Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, body, headers=None, status=200):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = unquote(urlparse(self.path).path)
        if path.startswith(f"/api/models/{REPOSITORY}/tree/"):
            return self.reply(json.dumps([entry(p) for p in files()]).encode(), {"Content-Type": "application/json"})
        if path.startswith(f"/api/models/{REPOSITORY}"):
            info = {
                "id": REPOSITORY,
                "modelId": REPOSITORY,
                "sha": REVISION,
                "private": False,
                "tags": [],
                "siblings": [{"rfilename": str(p.relative_to(FOLDER))} for p in files()],
            }
            return self.reply(json.dumps(info).encode(), {"Content-Type": "application/json"})
        prefix = f"/{REPOSITORY}/resolve/"
        if path.startswith(prefix):
            name = path[len(prefix) :].split("/", 1)[1]
            file = FOLDER / name
            if file.is_file():
                data = file.read_bytes()
                digest = hashlib.sha256(data).hexdigest()
                headers = {"ETag": f'"{digest}"', "X-Repo-Commit": REVISION, "Accept-Ranges": "bytes"}
                return self.reply(data, headers)
        return self.reply(b"not here", {"X-Error-Code": "EntryNotFound"}, status=404)


server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
print(server.server_address[1], flush=True)
server.serve_forever()
