#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh TERRACE [SCREENSHOT]: the HTML pages of the built executable in headless Chromium, light or
# dark, and each kind of page (of one machine, of two) in both: no error on the console, every chart
# drawn, no request to anywhere. With SCREENSHOT, a picture of the first page is written there. Exits 77
# when Chromium or the chart library is missing.
set -u
terrace=$1
screenshot=${2:-}
# shellcheck source=tests/web/browser.sh
. "$(cd "$(dirname "$0")" && pwd)/browser.sh"

# page NAME SCHEMES CHARTS ARGUMENTS...: `terrace wall ARGUMENTS --html`, looked at in these colour
# schemes, several with commas between.
page() {
  local name=$1 schemes=${2//,/ } charts=$3 code=0
  shift 3
  "$terrace" wall "$@" --html "$work/$name.html" >"$work/text" 2>"$work/err" || code=$?
  if [ "$code" -eq 3 ] && grep -q 'no HTML pages' "$work/err"; then
    echo 'skipped: this build has no chart library (npm)'
    exit 77
  fi
  checks=$((checks + 1))
  [ "$code" -eq 0 ] || { fail "$name: exit code $code: $(cat "$work/err")"; return; }
  checks=$((checks + 1))
  ! grep -qE '(src|href)="(https?:)?//' "$work/$name.html" || fail "$name: loads something"
  local scheme
  for scheme in $schemes; do
    browse "$work/dom" "$(scheme_flag "$scheme")" --dump-dom "file://$work/$name.html"
    look_at "$name, $scheme" "$charts"
  done
}

# look_at WHAT CHARTS: the document and the log of the last run.
look_at() {
  local expected drawn svgs
  expected=$(sed -nE 's/.*data-charts-expected="([0-9]+)".*/\1/p' "$work/dom" | head -1)
  drawn=$(sed -nE 's/.*data-charts-drawn="([0-9]+)".*/\1/p' "$work/dom" | head -1)
  svgs=$(grep -o '<svg' "$work/dom" | wc -l)
  checks=$((checks + 4))
  [ "${expected:-none}" = "$2" ] || fail "$1: ${expected:-no} charts expected by the page, not $2"
  [ "${drawn:-none}" = "$2" ] || fail "$1: ${drawn:-no} of $2 charts drawn"
  [ "$svgs" -ge "$2" ] || fail "$1: $svgs drawings in the document"
  if grep -q 'data-errors=' "$work/dom" || grep -q 'CONSOLE' "$work/log"; then
    fail "$1: errors: $(grep -o 'data-errors="[^"]*"' "$work/dom"; grep CONSOLE "$work/log")"
  fi
}

page sweep light,dark 5 --model llama3-70b --quant q4_k_m --machine xeon-max-flat --context 4k..1M \
  --batch 1..64 --cxl 0,4,8
if [ -n "$screenshot" ]; then
  browse "$work/none" --blink-settings=preferredColorScheme=1 --screenshot="$screenshot" \
    --hide-scrollbars "file://$work/sweep.html"
fi
page mixture light 4 --model deepseek-v3 --quant q4_k_m --machine xeon-6980p --context 1k..128k --cxl 0..2
page point dark 4 --model llama3-8b --quant q4_k_m --machine rtx-4090 --context 6000
page comparison light,dark 7 compare --model llama3-8b --machine rtx-4090 --against m2-ultra \
  --context 1k..128k
# A name that would end the script element, were it not escaped.
checks=$((checks + 1))
grep -q '</script><img' "$work"/*.html && fail 'data can end its script element'

echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
