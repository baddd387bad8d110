#!/bin/sh
# Builds the agent as one static program that runs on any Linux of this machine's architecture, with
# its SHA-256 beside it.
#   scripts/agent-static.sh [FOLDER]      default: .build/agents
# A relay hands it out from the folder agents of its data folder, or from beside its own program.
# Needs the build's packages (scripts/packages.sh build), whose archives it links.
set -eu
cd "$(dirname "$0")/.."
folder=${1:-.build/agents}
name=homeline-agent-linux-$(uname -m)
most=19922944 # bytes, 19 MiB: it has 18.0 MB now, and should have 13

scripts/build-libssh2.sh
# The linker takes archives alone; Debian's archive of libuv has another name.
archives=$PWD/.deps/static
mkdir -p "$archives" "$folder"
place=$(cc -print-file-name=libuv_a.a)
[ "$place" = libuv_a.a ] || ln -sf "$place" "$archives/libuv.a"

# -Osize: a site waits for the download, and the agent for the network. --icf=all: equal functions
# are kept once. STATIC_PROGRAM: the program loads no library of the machine (NameSources.swift).
swift build ${HOMELINE_BUILD_FLAGS:-} -c release --scratch-path .build-static --product homeline-agent \
    -Xswiftc -Osize -Xswiftc -DSTATIC_PROGRAM -Xswiftc -enforce-exclusivity=unchecked \
    --static-swift-stdlib -Xswiftc -static-executable -Xswiftc -use-ld=lld \
    -Xlinker "-L$archives" -Xlinker --gc-sections -Xlinker --icf=all -Xlinker -s
built=$(swift build -c release --scratch-path .build-static --show-bin-path)/homeline-agent
cp "$built" "$folder/$name.new"
mv "$folder/$name.new" "$folder/$name"
size=$(wc -c <"$folder/$name")
(cd "$folder" && sha256sum "$name" >"$name.sha256" && cat "$name.sha256")
echo "agent-static: $folder/$name, $size bytes"
[ "$size" -le $most ] || {
    echo "agent-static: that is more than $most bytes" >&2
    exit 1
}
