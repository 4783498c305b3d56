#!/usr/bin/env bash
# Builds the programs of a release into dist/, with their checksums:
#
#   ./release.sh            the version is what git calls this commit
#   ./release.sh 1.2.0      or the one that is given
#
# The programs are static (no cgo), carry their time zones with them, and do not depend on where they were built: the same
# commit and Go version give the same bytes.
set -euo pipefail
cd "$(dirname "$0")"

version=${1:-$(git describe --tags --always --dirty)}
[[ $version =~ ^[0-9A-Za-z][0-9A-Za-z.+-]*$ ]] || { echo "release.sh: \"$version\" is not a version, such as 1.2.0" >&2; exit 2; }

rm -rf dist
mkdir dist
for os in linux darwin windows; do
  for arch in amd64 arm64; do
    program=dist/payrecon-$version-$os-$arch
    [ "$os" = windows ] && program+=.exe
    echo "$program"
    CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$version" -o "$program" ./cmd/payrecon
  done
done

cd dist
if command -v sha256sum >/dev/null; then sha256sum payrecon-*; else shasum -a 256 payrecon-*; fi >SHA256SUMS

# The one for this machine must run and know its version.
own=payrecon-$version-$(go env GOHOSTOS)-$(go env GOHOSTARCH)
[ "$(go env GOHOSTOS)" = windows ] && own+=.exe
said=$("./$own" --version)
[ "$said" = "payrecon $version" ] || { echo "release.sh: $own says \"$said\", want \"payrecon $version\"" >&2; exit 1; }
echo "$said"
