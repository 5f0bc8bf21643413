# SPDX-License-Identifier: Apache-2.0
# needs nginx curl
# Two workers serve a file over a Unix socket; a reload replaces them.
cat >nginx.conf <<CONFIG
worker_processes 2;
pid $PWD/nginx.pid;
error_log $PWD/error.log warn;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path $PWD/t1; proxy_temp_path $PWD/t2; fastcgi_temp_path $PWD/t3;
  uwsgi_temp_path $PWD/t4; scgi_temp_path $PWD/t5;
  gzip on; gzip_types text/plain; gzip_comp_level 6; default_type text/plain; sendfile off;
  output_buffers 2 256k;
  server { listen unix:$PWD/nginx.sock; root $PWD; }
}
CONFIG
get() { curl -sS --unix-socket "$PWD/nginx.sock" "$@"; }
chmod 755 . && chmod 644 text
nginx -p "$PWD" -c "$PWD/nginx.conf" -e "$PWD/error.log" -g 'daemon off; user root;' &
server=$!
until get -o /dev/null http://localhost/tiny.cc 2>/dev/null; do kill -0 "$server" || { cat error.log; exit 1; }; done
for _ in 1 2 3 4; do get http://localhost/text | cksum; done
get --compressed http://localhost/text | cksum
kill -HUP "$server"
get http://localhost/text | cksum
get -o /dev/null -w '%{http_code}\n' http://localhost/absent
kill -QUIT "$server"
wait "$server"
echo "status $?"
grep -v 'notice' error.log | grep -v 'absent' || true
