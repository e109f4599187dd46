#!/bin/sh
# Installs the real servers the tests use, from Debian's packages, where they are missing and this user may.
wanted=""
for pair in mosquitto:mosquitto influxd:influxdb chromium:chromium pdftoppm:poppler-utils; do
  program=${pair%%:*}
  package=${pair##*:}
  PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null 2>&1 || wanted="$wanted $package"
done
[ -z "$wanted" ] && exit 0
if command -v apt-get >/dev/null 2>&1 && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
  sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo -n"
  export DEBIAN_FRONTEND=noninteractive
  # A package may start its own daemon on the default port; the tests never use it.
  $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends $wanted >/dev/null && exit 0
fi
echo "not installed, so tests that need them are skipped by name:$wanted" >&2
exit 0
