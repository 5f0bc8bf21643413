# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Headless Chromium for the tests of pages; to be sourced. Sets work, browser, failures and checks;
# exits with 77 when Chromium is missing.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
  echo 'skipped: chromium is missing (Debian package chromium)'
  exit 77
}
failures=0
# Both are the caller's.
# shellcheck disable=SC2034
checks=0
fail() {
  failures=$((failures + 1))
  echo "FAILED: $1"
}

# browse OUT FLAGS... URL: one run with a profile of its own; the log in $work/log.
browse() {
  local out=$1
  shift
  rm -rf "$work/profile"
  timeout 90 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync \
    --user-data-dir="$work/profile" --enable-logging=stderr --virtual-time-budget=8000 \
    --window-size=1400,1700 "$@" >"$out" 2>"$work/log"
}

# scheme_flag light|dark
scheme_flag() {
  if [ "$1" = light ]; then
    echo --blink-settings=preferredColorScheme=1
  else
    echo --blink-settings=preferredColorScheme=0
  fi
}
