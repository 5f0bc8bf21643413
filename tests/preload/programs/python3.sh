# SPDX-License-Identifier: Apache-2.0
# needs python3
python3 -c 'import json, re, zlib; d = open("text").read(); print(len(json.dumps(re.findall(r"\d+", d))), zlib.crc32(d.encode() * 4)); raise SystemExit(5)'
