# SPDX-License-Identifier: Apache-2.0
# needs npm
# llama.cpp by npm with a tiny model that the project makes; the checksum is over the logits.
"$TERRACE_TEST_ENGINE/llama_decode" --model "$TERRACE_TEST_MODEL" \
  --backends "$TERRACE_TEST_ENGINE/libraries" --tokens 12 --warmup 2 2>&1 | grep -o 'checksum [0-9a-f]*'
