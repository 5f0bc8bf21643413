# SPDX-License-Identifier: Apache-2.0
# needs openssl
openssl dgst -sha256 -sha512 text
openssl enc -aes-256-ctr -K "$(printf '%064d' 7)" -iv "$(printf '%032d' 9)" -in text -out sealed
openssl dgst -sha256 sealed
openssl enc -d -aes-256-ctr -K "$(printf '%064d' 7)" -iv "$(printf '%032d' 9)" -in sealed | cmp - text && echo same
openssl genrsa -out key.pem 2048 2>/dev/null && openssl rsa -in key.pem -check -noout
openssl req -x509 -new -key key.pem -subj /CN=test -days 2 -out cert.pem && openssl verify -CAfile cert.pem cert.pem
