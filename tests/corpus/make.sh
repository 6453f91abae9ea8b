#!/bin/sh
# Makes the corpus of honest files again: installs every environment of environments/ (or those that are named) and runs
# make_honest.py in it, then lists what the files import. Environments are kept in $MODELSCAND_TEST_CACHE (default
# ~/.cache/modelscand-tests), outside of the project. Needs the versions of Python that the environments name, as
# python2.7, python3.6, ...; `system` is the distribution's own python3 with its own packages (python3-torch).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${MODELSCAND_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/modelscand-tests}
out=$here/honest

# Nothing may depend on the order of sets, on the number of processors, on a GPU, or on the network.
export PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore OMP_NUM_THREADS=1 CUDA_VISIBLE_DEVICES= HF_HUB_OFFLINE=1

install_environment() {
    folder=$cache/$1
    if [ ! -e "$folder/.installed" ] || [ "$here/environments/$1.txt" -nt "$folder/.installed" ]; then
        rm -rf "$folder"
        mkdir -p "$folder"
        # The list is complete: --no-deps keeps an old pip from finding newer dependencies.
        "$2" -m pip install --quiet --no-deps --no-compile --target "$folder" -r "$here/environments/$1.txt"
        touch "$folder/.installed"
    fi
}

make_environment() {
    # The second line may name the makers to run; all of them otherwise, and those whose framework is missing do nothing.
    makers=$(sed -n '2s/^# makers //p' "$here/environments/$1.txt")
    version=$(sed -n '1s/^# python //p' "$here/environments/$1.txt")
    if [ "$version" = system ]; then
        /usr/bin/python3 "$here/make_honest.py" "$out" "$1" $makers
    else
        python=$(command -v "python$version") || { echo "skipped $1: no python$version here" >&2; return 0; }
        install_environment "$1" "$python"
        PYTHONPATH=$cache/$1 "$python" "$here/make_honest.py" "$out" "$1" $makers
    fi
}

mkdir -p "$out"
if [ $# -eq 0 ]; then
    set -- $(cd "$here/environments" && ls | sed 's/\.txt$//')
fi
for environment in "$@"; do
    make_environment "$environment"
done
# The environment of the newest frameworks has the decompressors that the listing needs.
PYTHONPATH=$cache/py311-current python3.11 "$here/list_globals.py" "$out" > "$out/globals.txt"
