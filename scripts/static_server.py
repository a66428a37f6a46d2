"""Serves folders below fixed paths on loopback: `static_server.py PORT /channel=DIR /simple=DIR`.

Each request is logged to stdout as `METHOD PATH STATUS`, so that a test can count them.
"""

import http.server
import posixpath
import sys
import urllib.parse

port, folders = int(sys.argv[1]), dict(argument.split("=", 1) for argument in sys.argv[2:])


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def translate_path(self, path):
        path = posixpath.normpath(urllib.parse.unquote(urllib.parse.urlsplit(path).path))
        for name, folder in folders.items():
            if path == name or path.startswith(name + "/"):
                return folder + path[len(name) :] + ("/" if self.path.endswith("/") else "")
        return "/nonexistent"

    def log_message(self, *_):
        pass

    def log_request(self, code="-", size="-"):
        print(self.command, self.path, int(code), flush=True)


http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
