# What the scripts of this folder share: where things lie, and how a piece of the test
# machinery is made once and kept. Sourced, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${ENVSHIP_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/envship-test}
mkdir -p "$cache/locks" "$cache/stamps"

say() { printf '%s\n' "$*" >&2; }
die() { say "$0: $*"; exit 1; }

# digest WORD-OR-FILE...: one short hash over words, files and folders (names and contents).
digest() {
  local item
  for item; do
    printf '%s\n' "${item#"$root"/}"
    if [[ -d $item ]]; then
      (cd "$item" && find . -type f ! -path '*/__pycache__/*' -print0 | sort -z | xargs -0r sha256sum)
    elif [[ -f $item ]]; then
      sha256sum <"$item"
    fi
  done | sha256sum | cut -c1-12
}

# piece NAME DIGEST: prints nothing and sets $piece to NAME's folder, $cache/NAME-DIGEST, having
# run `make_NAME FOLDER` if it isn't there yet. A folder counts as made only when its stamp is
# written, which is the last step; whatever an interrupted run left is removed first. The digest
# is in the name, so checkouts with different recipes share a cache without rebuilding each
# other's pieces (and a virtual environment, which can't be moved, is born where it stays).
piece() {
  local name=$1 stamp=$cache/stamps/$1-$2 started=$SECONDS
  piece=$cache/$1-$2
  [[ -e $stamp && -d $piece ]] && return
  (
    flock 9
    [[ -e $stamp && -d $piece ]] && exit
    say "setup: making $name"
    rm -rf "$piece" "$stamp"
    mkdir -p "$piece"
    "make_${name//-/_}" "$piece" >&2
    touch "$stamp"
    say "setup: made $name in $((SECONDS - started)) s"
  ) 9>"$cache/locks/$name"
}
