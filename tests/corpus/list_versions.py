"""Prints the table of docs/corpus.md: which framework, in which versions, wrote how many files of the honest corpus.

`python3.11 list_versions.py honest/manifest.toml`
"""
import collections
import re
import sys
import tomllib


def main(path):
    versions, files = collections.defaultdict(set), collections.Counter()
    with open(path, "rb") as manifest:
        for file in tomllib.load(manifest)["file"]:
            versions[file["framework"]].add(file["version"].split("+")[0])
            files[file["framework"]] += 1
    print("| framework | versions | files |\n| --- | --- | --- |")
    for framework in sorted(files):
        listed = sorted(versions[framework], key=lambda version: [int(part) for part in re.findall(r"\d+", version)])
        print("| %s | %s | %d |" % (framework, ", ".join(listed), files[framework]))
    print("| all | | %d |" % sum(files.values()))


if __name__ == "__main__":
    main(sys.argv[1])
