# SPDX-License-Identifier: Apache-2.0
# needs shuf join cksum od
# A chain over many of the core utilities.
seq 200000 | shuf --random-source=text >shuffled
sort -n -u shuffled | cksum
sort -S 8M -T . -k1,1 shuffled >sorted
head -n 1000 sorted | sort >left
tail -n +500 sorted | sort >right
join left right | wc
comm -12 left right | tail -n 3
split -b 300000 text part. && cat part.* | cmp - text && ls part.* | wc -l
cp -r . ../copy.$$ && diff -r . ../copy.$$ && rm -rf ../copy.$$ && echo copied
od -An -tx8 text | tail -n 2
tac text | md5sum
factor 600851475143 1000000007
uniq -c <(cut -d' ' -f3 text) | tr -s ' '
