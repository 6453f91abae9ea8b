#!/usr/bin/env python3
"""Writes the files of the attack suite and their manifest; what they would run is `true`, or does not exist.

    make_attacks.py            writes files/ and manifest.toml beside this script
    make_attacks.py --check    tells, by its exit code, whether they are what this script writes

Python 3.8 or later, without other packages. An entry is `(id, slug, bytes, least severity, evidence[, suffix])`; ids are those of the
published attacks they follow, N those that were found against this scanner. tests/attacks.rs scans each file.
"""

import pathlib
import sys

import containers
import gadgets
import streams

HERE = pathlib.Path(__file__).resolve().parent


def quoted(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def entries():
    """File name to bytes, and the lines of the manifest."""
    files, lines = {}, ["# Written by make_attacks.py. Each file must be reported at this severity or above, with this in its evidence.\n"]
    for identity, slug, data, severity, evidence, *suffix in gadgets.attacks() + streams.attacks() + containers.attacks():
        ending = suffix[0] if suffix else "pkl"
        file = "%s-%s" % (identity, slug) + ("" if ending == "none" else "." + ending)
        assert file not in files, file
        files[file] = data
        lines.append("[[attack]]\nid = %s\nfile = %s\nseverity = %s\n" % (quoted(identity), quoted(file), quoted(severity)))
        if evidence:
            lines.append("evidence = %s\n" % quoted(evidence))
        lines.append("\n")
    return files, "".join(lines).rstrip("\n") + "\n"


def main():
    files, manifest = entries()
    folder = HERE / "files"
    if "--check" in sys.argv:
        there = {path.name: path.read_bytes() for path in folder.iterdir()}
        sys.exit(there != files or (HERE / "manifest.toml").read_text() != manifest)
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (HERE / "manifest.toml").write_text(manifest)
    print("%d files, %d bytes" % (len(files), sum(map(len, files.values()))))


if __name__ == "__main__":
    main()
