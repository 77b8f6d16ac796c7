#!/bin/sh
# Writes .env from .env.example, with fresh random values for the secrets that nobody else gives out.
set -eu
umask 077
cd "$(dirname "$0")/.."

if [ -e .env ]; then
    echo ".env exists already and may hold the only copy of your secrets; move it away first" >&2
    exit 1
fi

random_hex() {
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

random_key() {
    head -c 32 /dev/urandom | base64 | tr -d '\n'
}

while IFS= read -r line; do
    case $line in
        POSTGRES_PASSWORD=) line=$line$(random_hex) ;;
        TOCSIN_INGEST_TOKENS=) line=${line}monitor:$(random_hex) ;;
        TOCSIN_PAYLOAD_KEYS=) line=${line}k1:$(random_key) ;;
        TOCSIN_SIGNING_KEYS=) line=${line}k1:$(random_hex) ;;
        TOCSIN_CODEC_TOKENS=) line=${line}operator:$(random_hex) ;;
    esac
    printf '%s\n' "$line"
done <.env.example >.env
echo "wrote .env; the vendors in it are the sandbox until you say otherwise"
