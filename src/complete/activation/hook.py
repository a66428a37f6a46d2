"""Puts this environment in force in the Python that starts, as `activate` would.

envship wrote it when it packed the environment; `_envship_activate.pth` lets
`site` import it. What the user or the engine has set stays as it is. What
another environment's activation left is replaced: ENVSHIP_ACTIVE names the
environment that is in force, ENVSHIP_ACTIVE_SET what it has set. Nothing is
printed, nothing is raised. ENVSHIP_ACTIVATE=0 turns it off.
"""
import os
import sys


class _Texts:
    """The variables as UTF-8, whatever the locale is: it may hold less than they do."""

    def get(self, name, default=None):
        value = os.environb.get(_bytes(name))
        return default if value is None else _text(value)

    def pop(self, name):
        os.environb.pop(_bytes(name), None)

    def put(self, name, value):
        try:
            os.environb[_bytes(name)] = _bytes(value)
            return True
        except Exception:
            return False


def _text(value):
    return value.decode("utf-8", "surrogateescape")


def _bytes(text):
    return text.encode("utf-8", "surrogateescape")


def _activate(environ, prefix):
    active = environ.get("ENVSHIP_ACTIVE")
    if active == prefix or environ.get("ENVSHIP_ACTIVATE", "").lower() in ("0", "false", "no", "off"):
        return
    # A virtual environment that sees this one's packages has another prefix.
    here = _text(os.fsencode(sys.prefix))
    if here != prefix and _same(here, prefix):
        prefix = here
    # A virtual environment's base is a part of it.
    own = (prefix, here, _text(os.fsencode(sys.base_prefix)))
    left = []
    if active:
        if _same(active, prefix):
            return
        _undo(environ, environ.get("ENVSHIP_ACTIVE_SET", ""))
        left.append(active)
    for variable, names in @STRANGERS@:
        path = environ.get(variable)
        if path and path not in own and not any([_same(path, one) for one in own]):
            left.append(path)
            for name in names:
                environ.pop(name)
    left = tuple([path.rstrip("/") + "/" for path in left if path[:1] == "/" and path.strip("/")])
    # Where nothing of its own takes their place, a library looks where it would without them.
    for name in @LIBRARIES@ if left else ():
        if (environ.get(name, "") + "/").startswith(left):
            environ.pop(name)
    done = []

    def put(name, value, record):
        if environ.put(name, value):
            done.append(name + record)

    def free(name):
        value = environ.get(name)
        if value is None:
            return True
        for path in left:
            if path in value + "/":
                return True
        return False

    for name, value in (
@SET@    ):
        if free(name):
            put(name, value, "=" + value)
    for name, separator, alone, before, after in (
@JOIN@    ):
        old = environ.get(name)
        if not old and name != "PATH":
            put(name, alone, ("+=" if separator == ":" else "=") + alone)
        elif separator == ":":
            first = [item for item in before.split(":") if item]
            last = [item for item in after.split(":") if item]
            if name == "PATH" and here != prefix:
                first.insert(0, here + "/bin")
            own = first + last
            # Without a PATH, programs are found where the system has them.
            rest = [item for item in (old or os.defpath).split(":") if item not in own]
            put(name, ":".join(first + rest + last), "+=" + ":".join(own))
        elif not (old.startswith(before) and old.endswith(after)):
            put(name, before + old + after, "-=" + before + "\x1e" + after)
    if free("SSL_CERT_FILE") and free("SSL_CERT_DIR"):
        exists = os.path.exists
        for folder in @FOLDERS@:
            if not (exists(folder + "/cert.pem") or exists(folder + "/certs")):
                for bundle in (
@BUNDLES@                ):
                    if exists(bundle):
                        put("SSL_CERT_FILE", bundle, "=" + bundle)
                        break
                break
    environ.put("ENVSHIP_ACTIVE", prefix)
    environ.put("ENVSHIP_ACTIVE_SET", "\x1f".join(done))


def _same(one, other):
    try:
        return os.path.samefile(_bytes(one), _bytes(other))
    except Exception:
        return False


def _undo(environ, records):
    for record in records.split("\x1f"):
        name, _, value = record.partition("=")
        kind, bare = name[-1:], name[:-1]
        old = environ.get(bare)
        if kind in ("+", "-") and old is None:
            continue
        if kind == "+":
            own = [item for item in value.split(":") if item]
            rest = [item for item in old.split(":") if item not in own]
            if rest:
                environ.put(bare, ":".join(rest))
            else:
                environ.pop(bare)
        elif kind == "-":
            before, _, after = value.partition("\x1e")
            if old.startswith(before) and old.endswith(after):
                environ.put(bare, old[len(before) : len(old) - len(after)])
        elif name and environ.get(name) == value:
            environ.pop(name)


try:
    _activate(_Texts(), _text(os.fsencode(__file__)).rsplit("/", 4)[0])
except Exception:
    pass
