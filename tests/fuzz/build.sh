#!/usr/bin/env bash
# Builds every fuzz target of this folder with clang's libFuzzer, and runs each: tests/fuzz/build.sh [SECONDS [NAME...]].
# A target NAME.cpp begins with the inputs in corpus/NAME/, if there are any; what it finds is kept in found/.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
package=$here/../../baseten_perf
seconds=${1:-120}
shift || true
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Headers may include Python's, and the targets of such readers embed the interpreter.
read -ra compile < <(echo "$(python3-config --includes)")
read -ra link < <(echo "$(python3-config --ldflags --embed)")
compile+=("-I$package")

names=("$@")
[ $# -gt 0 ] || for target in "$here"/*.cpp; do
    [ ! -e "$target" ] || names+=("$(basename "$target" .cpp)")
done
[ "${#names[@]}" -gt 0 ] || { echo "no fuzz targets in $here" >&2 && exit 1; }

for name in "${names[@]}"; do
    printf '\n== %s: build\n' "$name"
    "${CXX:-clang++}" -std=c++17 -O1 -g -fno-omit-frame-pointer \
        -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
        "${compile[@]}" "$here/$name.cpp" -o "$work/$name" "${link[@]}" -ldl
done

mkdir -p "$here/found"
export PYTHONMALLOC=malloc  # every object an allocation of its own, which the sanitizer sees
for name in "${names[@]}"; do
    printf '\n== %s: %s s\n' "$name" "$seconds"
    mkdir -p "$work/corpus/$name"
    seeds=("$work/corpus/$name")
    [ ! -d "$here/corpus/$name" ] || seeds+=("$here/corpus/$name")
    "$work/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$here/found/$name-" "${seeds[@]}"
done
