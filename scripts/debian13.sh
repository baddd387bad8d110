#!/bin/sh
# Fetches the package lists of Debian 13 into a folder; apt verifies the signatures.
#   scripts/debian13.sh FOLDER deb|deb-src      then: apt-get -c FOLDER/apt.conf …
# Takes the mirror from the machine's own apt settings; ends with 69 where they name no Debian.
# Invariant: lists and cache lie in FOLDER, and none of the machine's hooks runs: the machine's apt
# state is not changed. Nothing counts as installed.
set -eu
apt=$1 type=$2
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' \
    "Codename: $codename" | sort -u | head -n 1)
if [ -z "$mirror" ] || [ ! -e "$keyring" ]; then
    echo "No Debian mirror is configured here (or 'apt-get update' has never run)." >&2
    exit 69
fi
case $type in
deb) target=Packages ;;
*) target=Sources ;;
esac
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
echo "$type [signed-by=$keyring target=$target] $mirror trixie main" >"$apt/sources.list"
cat >"$apt/apt.conf" <<CONF
#clear APT::Update;
#clear DPkg::Post-Invoke;
Dir::Etc::SourceList "$apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$apt/lists";
Dir::State::Status "/dev/null";
Dir::Cache "$apt/cache";
APT::Sandbox::User "$(id -un)";
Debug::NoLocking "1";
CONF
apt-get -qq -c "$apt/apt.conf" -o APT::Update::Error-Mode=any update
