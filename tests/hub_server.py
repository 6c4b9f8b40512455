"""A Hub on loopback: enough of its protocol for the real huggingface_hub client to download, push and be let down.

    with Hub() as hub:
        hub.commit("owner/name", {"config.json": b"..."})     # a model repository ("spaces/owner/name": a Space)
        hub.faults["model.safetensors"] = "truncated"         # or corrupt, short, dropped, 500
        ... HfApi(endpoint=hub.url) ...

`hub.requests` lists what was asked ("GET /owner/name/resolve/main/config.json"). A repository in `hub.private` answers
401 to everybody, one in `hub.gated` 403; writing needs the token "hf_write".
"""

import base64
import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

LARGE = ".safetensors"  # kept as large files: named after their sha256, not git's sha1
TOKEN = "hf_write"


@dataclass
class Hub:
    """Repositories by name: their commits in order, each (sha, files)."""

    repos: dict[str, list[tuple[str, dict[str, bytes]]]] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)  # uploaded large files by sha256
    faults: dict[str, str] = field(default_factory=dict)
    private: set[str] = field(default_factory=set)
    gated: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)

    def __enter__(self) -> "Hub":
        hub = self

        class Bound(Handler):
            pass

        Bound.hub = hub
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def commit(self, repo: str, files: dict[str, bytes]) -> str:
        """Adds a commit that holds exactly `files`; returns its sha."""
        commits = self.repos.setdefault(repo, [])
        names = sorted((name, hashlib.sha1(content).hexdigest()) for name, content in files.items())
        sha = hashlib.sha1(json.dumps([len(commits), repo, names]).encode()).hexdigest()
        commits.append((sha, dict(files)))
        return sha

    def head(self, repo: str) -> dict[str, bytes]:
        """The files of the last commit."""
        return self.repos[repo][-1][1]

    def at(self, repo: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        commits = self.repos.get(repo, [])
        if revision == "main":
            return commits[-1] if commits else None
        return next((c for c in commits if c[0] == revision), None)


def etag_of(name: str, content: bytes) -> str:
    if name.endswith(LARGE):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers for one Hub."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def answer(self, status: int, body: Any = b"", **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def refuse(self, status: int, code: str) -> None:
        self.answer(status, {"error": code}, X_Error_Code=code, X_Error_Message=code)

    def do_HEAD(self) -> None:
        self.look()

    def do_GET(self) -> None:
        self.look()

    def look(self) -> None:
        path = unquote(self.path.split("?")[0]).lstrip("/")
        self.hub.requests.append(f"{self.command} /{path}")
        if "/resolve/" in path:
            repo, rest = path.split("/resolve/", 1)
            revision, name = rest.split("/", 1)
            self.resolve(repo, revision, name)
        elif path.startswith("api/"):
            repo, what, revision = self.api_path(path)
            found = self.hub.at(repo, revision)
            if not self.allowed(repo):
                return
            if found is None:
                self.refuse(404, "RevisionNotFound" if repo in self.hub.repos else "RepoNotFound")
            elif what == "tree":
                self.answer(200, [self.entry(n, c) for n, c in found[1].items()], Content_Type="application/json")
            else:
                siblings = [{"rfilename": n} for n in found[1]]
                self.answer(200, {"id": repo.removeprefix("spaces/"), "sha": found[0], "siblings": siblings})
        else:
            self.refuse(404, "RepoNotFound")

    def api_path(self, path: str) -> tuple[str, str, str]:
        """ "api/models/owner/name/tree/main" -> ("owner/name", "tree", "main")."""
        kind, owner, name, *rest = path.split("/")[1:]
        repo = f"spaces/{owner}/{name}" if kind == "spaces" else f"{owner}/{name}"
        return repo, rest[0] if rest else "", rest[1] if len(rest) > 1 else "main"

    def entry(self, name: str, content: bytes) -> dict[str, Any]:
        entry = {"type": "file", "path": name, "size": len(content), "oid": etag_of("", content)}
        if name.endswith(LARGE):
            entry["lfs"] = {"oid": etag_of(name, content), "size": len(content), "pointerSize": 130}
        return entry

    def allowed(self, repo: str) -> bool:
        if repo in self.hub.private:
            self.refuse(401, "RepoNotFound")
        elif repo in self.hub.gated:
            self.refuse(403, "GatedRepo")
        return repo not in self.hub.private | self.hub.gated

    def resolve(self, repo: str, revision: str, name: str) -> None:
        if not self.allowed(repo):
            return
        if repo not in self.hub.repos:
            return self.refuse(404, "RepoNotFound")
        found = self.hub.at(repo, revision)
        if found is None:
            return self.refuse(404, "RevisionNotFound")
        if name not in found[1]:
            return self.refuse(404, "EntryNotFound")
        content = found[1][name]
        headers = {"ETag": f'"{etag_of(name, content)}"', "X-Repo-Commit": found[0], "Accept-Ranges": "bytes"}
        fault = self.hub.faults.get(name, "")
        if fault == "500":
            return self.answer(500, b"broken", **headers)
        if self.command == "HEAD" or not fault:
            return self.send_range(content, headers)
        if fault == "corrupt":  # as long as announced, other bytes
            return self.send_range(content[:-64] + bytes(b ^ 255 for b in content[-64:]), headers)
        if fault == "short":  # honest about sending less than HEAD announced
            return self.answer(200, content[: len(content) // 2], **headers)
        self.send_response(200)  # "truncated", "dropped": fewer bytes than this answer itself announces
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        self.wfile.flush()
        if fault == "dropped":  # once; the next request is served
            del self.hub.faults[name]
        self.close_connection = True
        return None

    def send_range(self, content: bytes, headers: dict[str, str]) -> None:
        """The whole file, or from where the client wants to go on."""
        asked = self.headers.get("Range", "")
        if asked.startswith("bytes=") and asked.endswith("-"):
            start = int(asked[6:-1])
            span = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
            return self.answer(206, content[start:], **headers, **span)
        return self.answer(200, content, **headers)

    def do_PUT(self) -> None:
        sha = self.path.rsplit("/", 1)[-1]
        content = self.body()
        if hashlib.sha256(content).hexdigest() != sha:
            return self.refuse(400, "WrongDigest")
        self.hub.stored[sha] = content
        return self.answer(200)

    def body(self) -> bytes:
        """The request's body, also where it comes in chunks."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def do_POST(self) -> None:
        path = unquote(self.path.split("?")[0]).lstrip("/")
        self.hub.requests.append(f"POST /{path}")
        body = self.body()
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.refuse(401, "Unauthorized")
        if path == "api/validate-yaml":
            return self.answer(200, {"errors": [], "warnings": []})
        if path == "api/repos/create":
            asked = json.loads(body)
            repo = ("spaces/" if asked.get("type") == "space" else "") + f"{asked['organization']}/{asked['name']}"
            new = repo not in self.hub.repos
            if new:
                self.hub.commit(repo, {})
            return self.answer(200 if new else 409, {"url": f"{self.hub.url}/{repo}"})
        if path.endswith("/info/lfs/objects/batch"):
            return self.answer(
                200, {"transfer": "basic", "objects": [self.action(o) for o in json.loads(body)["objects"]]}
            )
        repo, what, _ = self.api_path(path)
        if what == "preupload":
            modes = [
                {
                    "path": f["path"],
                    "uploadMode": "lfs" if f["path"].endswith(LARGE) else "regular",
                    "shouldIgnore": False,
                }
                for f in json.loads(body)["files"]
            ]
            return self.answer(200, {"files": modes})
        if what == "commit":
            return self.take_commit(repo, [json.loads(line) for line in body.splitlines()])
        return self.refuse(404, "Unknown")

    def action(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["oid"] in self.hub.stored:
            return asked
        return {**asked, "actions": {"upload": {"href": f"{self.hub.url}/upload/{asked['oid']}"}}}

    def take_commit(self, repo: str, lines: list[dict[str, Any]]) -> None:
        files = dict(self.hub.head(repo))
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.hub.stored[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        sha = self.hub.commit(repo, files)
        self.answer(200, {"commitUrl": f"{self.hub.url}/{repo}/commit/{sha}", "commitOid": sha, "pullRequestUrl": None})
