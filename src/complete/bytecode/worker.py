# Compiles sources as importlib does. Tells the magic number; then, for each
# source on stdin, its marshalled code on stdout, both behind their lengths.
# What can't be compiled has no code; that memory is short says nothing of a
# source, and ends it.
import sys

del sys.path[0]
import _frozen_importlib_external
import marshal

jobs, results = sys.stdin.buffer, sys.stdout.buffer
results.write(_frozen_importlib_external.MAGIC_NUMBER)
results.flush()
while True:
    length = jobs.read(8)
    if len(length) < 8:
        break
    source = jobs.read(int.from_bytes(length, "little"))
    try:
        code = compile(source, "<envship>", "exec", dont_inherit=True, optimize=0)
        made = marshal.dumps(code)
    except MemoryError:
        raise
    except Exception:
        made = b""
    results.write(len(made).to_bytes(8, "little") + made)
    results.flush()
