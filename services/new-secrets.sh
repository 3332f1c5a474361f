#!/bin/sh
# Makes, once, what source and loader know each other by: a token, an authority of your own, and the source's
# certificate. HOST is each name or address under which loaders reach the source, the first one for loader.env.
# Without HOST both services run on this machine in containers, and .env is made for docker-compose.
#
#   sh services/new-secrets.sh [HOST…]
set -eu
umask 077

here=$(cd "$(dirname "$0")" && pwd)
folder=$here/secrets
if [ -e "$folder" ]; then
  echo "$folder is there already. Move it away first: what runs knows the token and the authority in it." >&2
  exit 2
fi
command -v openssl >/dev/null || { echo "openssl is not installed; it makes the keys." >&2; exit 1; }
making=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$making"' EXIT
mkdir "$making/source" "$making/loader"

host=${1:-source}
alternatives=DNS:localhost,IP:127.0.0.1
for name in "${@:-source}"; do
  case $name in
    *:*) alternatives=$alternatives,IP:$name ;;
    *[!0-9.]*) alternatives=$alternatives,DNS:$name ;;
    *) alternatives=$alternatives,IP:$name ;;
  esac
done

(
  cd "$making"
  # The authority: whoever has ca.key can make certificates that the loader trusts.
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
    -subj "/CN=Flatbed authority of $host" -keyout ca.key -out ca.crt
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
    -subj "/CN=$host" -keyout source.key -out source.csr
  printf 'subjectAltName=%s\n' "$alternatives" >source.ext
  openssl x509 -req -in source.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 825 \
    -extfile source.ext -out source.crt
) >"$making/log" 2>&1 || { cat "$making/log" >&2; exit 1; }

token=flatbed_$(openssl rand -base64 32 | tr '+/' '-_' | tr -d '=\n')
digest=$(printf %s "$token" | openssl dgst -sha256 -r | cut -d ' ' -f 1)
password=$(openssl rand -hex 24)

cd "$making"
mv source.crt source.key source/
cp ca.crt loader/
echo "FLATBED_TOKEN_SHA256=$digest" >source/source.env
# From all addresses when loaders come from elsewhere; docker-compose publishes to this machine alone otherwise.
[ $# -eq 0 ] || echo "FLATBED_PUBLISH=0.0.0.0" >>source/source.env
cat >loader/loader.env <<END
FLATBED_TOKEN=$token
FLATBED_SOURCE_URL=https://$(case $host in *:*) echo "[$host]" ;; *) echo "$host" ;; esac):4000
POSTGRES_PASSWORD=$password
DATABASE_URL=postgres://flatbed:$password@postgres:5432/flatbed
END
# Containers run as another account and get these files one by one; the folder around them stays closed.
chmod 644 ca.crt source/source.crt source/source.key loader/ca.crt
rm -f log source.csr source.ext ca.srl
mv "$making" "$folder"
if [ $# -eq 0 ]; then
  cat "$folder/source/source.env" "$folder/loader/loader.env" >"$here/../.env"
  echo "Made services/secrets and .env, for both services on this machine."
else
  echo "Made services/secrets: source/ is for this server, loader/ is to be carried to the other one."
  echo "The certificate holds for 825 days and $alternatives."
fi
