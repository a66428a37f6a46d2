"""Prints what there is to try in the environment that runs this."""

import importlib.machinery
import importlib.metadata
import json
import os
import sys
import sysconfig

root = os.path.realpath(sys.argv[1])
suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES) + (".py",)
# Their libraries stay behind on purpose, or they test the interpreter itself.
left_out = ("_tkinter", "nis", "_crypt", "_test", "_xxtest", "xxlimited", "_ctypes_test")


def module_of(parts):
    """The dotted name of the module that a file below site-packages is, if it is one."""
    stem = parts[-1]
    for suffix in sorted(suffixes, key=len, reverse=True):
        if stem.endswith(suffix):
            stem = stem[: -len(suffix)]
            break
    else:
        return None
    # A plain `.so` in a folder is a library more often than a module.
    if parts[-1].endswith(".so") and "." not in parts[-1][:-3] and (len(parts) > 1 or stem.startswith("lib")):
        return None
    names = list(parts[:-1]) + ([] if stem == "__init__" else [stem])
    return names if names and all(name.isidentifier() for name in names) else None


def top_level(files):
    """The outermost modules among the files of a distribution: those of a namespace one by one."""
    modules = {tuple(names) for names in map(module_of, files) if names}
    packages = {tuple(parts[:-1]) for parts in files if parts[-1].startswith("__init__.")}

    def inside(names):
        return any(names[:length] in packages for length in range(1, len(names)))

    return sorted(
        ".".join(names) for names in modules if not inside(names) and names[-1] != "__main__" and names[-1] != "setup"
    )


def below(folder, path):
    """The components of a path below a folder, or nothing."""
    relative = os.path.relpath(path, folder)
    return None if relative.startswith(os.pardir + os.sep) or relative == os.pardir else tuple(relative.split(os.sep))


def is_program(path):
    """Shell completions and programs for Windows lie in `bin` too."""
    try:
        with open(path, "rb") as file:
            head = file.read(4)
    except OSError:
        return False
    return os.access(path, os.X_OK) and (head[:2] == b"#!" or head == b"\x7fELF")


def main():
    modules, scripts, claimed = {}, {}, set()
    folders = [path for path in sys.path if path.endswith(("site-packages", "dist-packages")) and os.path.isdir(path)]
    bin_folder = os.path.join(root, "bin")
    for distribution in importlib.metadata.distributions(path=folders):
        name = distribution.metadata["Name"]
        files = [os.path.normpath(str(distribution.locate_file(file))) for file in distribution.files or []]
        for folder in folders:
            inside = [parts for parts in (below(folder, file) for file in files) if parts]
            claimed.update((folder, parts[0]) for parts in inside)
            for module in top_level(inside):
                modules.setdefault(module, name)
        for file in files:
            parts = below(bin_folder, file)
            if parts and len(parts) == 1 and is_program(file):
                scripts.setdefault("bin/" + parts[0], name)
        for entry in distribution.entry_points:
            if entry.group in ("console_scripts", "gui_scripts") and os.path.exists(os.path.join(bin_folder, entry.name)):
                scripts.setdefault("bin/" + entry.name, name)
    # What no distribution knows: conda packages without metadata, files put there by hand.
    for folder in folders:
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if (folder, name) in claimed or name.startswith(("_envship", "_virtualenv", "distutils-precedence")):
                continue
            names = module_of((name,))
            if os.path.isdir(path) and name.isidentifier() and os.path.exists(os.path.join(path, "__init__.py")):
                names = [name]
            if names:
                modules.setdefault(".".join(names), None)
    # Those that were packed, and those that are there.
    for name in sys.argv[2:]:
        if not name.startswith(left_out):
            modules.setdefault(name, "the standard library")
    extensions = os.path.join(sysconfig.get_path("platstdlib"), "lib-dynload")
    for file in os.listdir(extensions) if os.path.isdir(extensions) else ():
        names = module_of((file,))
        if names and not names[0].startswith(left_out):
            modules.setdefault(names[0], "the standard library")
    result = {
        "version": sys.version.split()[0],
        "prefix": os.path.realpath(sys.prefix),
        "base_prefix": os.path.realpath(sys.base_prefix),
        "executable": os.path.join(os.path.realpath(os.path.dirname(sys.executable)), os.path.basename(sys.executable)),
        "modules": [{"name": name, "distribution": modules[name]} for name in sorted(modules)],
        "scripts": [{"path": path, "distribution": scripts[path]} for path in sorted(scripts)],
        "has_pip": any(os.path.isdir(os.path.join(folder, "pip")) for folder in folders),
    }
    print(json.dumps(result))


main()
