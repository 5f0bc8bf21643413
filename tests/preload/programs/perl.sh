# SPDX-License-Identifier: Apache-2.0
# needs perl
perl -e 'my %h; while (<>) { my @f = split; $h{$f[0]} = $f[1] } print scalar(keys %h), "\n"; print join(",", (sort keys %h)[0..20]), "\n"; exit 3' text
