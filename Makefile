# The commands of the build: CI runs `make check`, and ./run uses `make release`.
# Programs need swift in PATH and what scripts/packages.sh and scripts/build-libssh2.sh set up.
.POSIX:
.PHONY: all build release test tsan check lab fuzz differential soak matrix proxies attack lint format lines bench fairness beside idle scale fresh agent-static install-roots clean

flags = --explicit-target-dependency-import-check error
# The programs include Swift's library, so a site needs no toolchain; -s keeps them small.
small = --static-swift-stdlib -Xlinker --gc-sections -Xlinker -s
# Every test checks exclusive access at run time; release builds do not, which saves 7 % of a call.
# Inlining small functions across modules saves 4 %.
fast = -Xswiftc -cross-module-optimization -Xswiftc -enforce-exclusivity=unchecked
release = -c release $(fast) `[ "$$(uname)" != Linux ] || echo $(small)`
sources = Package.swift Sources protocol relay agent bench Tests

all: build

build:
	swift build $(flags)

release:
	swift build $(release) --product homeline-relay
	swift build $(release) --product homeline-agent

test:
	scripts/tests.sh plain

# The concurrent modules under the thread sanitizer; not a part of check, as its build takes long.
tsan:
	scripts/tests.sh thread

# Every session case in every shell: at rest, three times under load, over two bad lines.
lab:
	HOMELINE_LAB=long scripts/tests.sh lab

# Random terminal output and changed messages for ten minutes; the seed is printed
# (HOMELINE_FUZZ_SEED repeats it).
fuzz:
	HOMELINE_FUZZ_SECONDS=$${HOMELINE_FUZZ_SECONDS:-600} scripts/tests.sh fuzz

# Four hundred generated configurations, each by ssh and by the agent; a million heads of HTTP
# requests, each by h11 and by the parser here (HOMELINE_DIFFERENTIAL_SEED repeats one).
differential:
	HOMELINE_LAB=long scripts/tests.sh differential

# Ten thousand cuts of tunnels at random bytes while clients work (HOMELINE_CUTS_SEED repeats a
# run). Takes about twenty minutes.
soak:
	HOMELINE_CUTS=$${HOMELINE_CUTS:-10000} HOMELINE_LAB=long scripts/tests.sh soak

# An agent of another version with this tree's relay, and the reverse. MATRIX names a tag or commit.
matrix:
	scripts/matrix.py $(MATRIX)

# Idle tunnels through nginx, Caddy and haproxy, for longer than their time limits.
proxies:
	HOMELINE_PROXIES=yes swift test --filter AgentProxyTests

# The attacks of Tests/Security for long, with the programs as they are shipped: a table of what
# strangers cost a relay, then hostile agents, hosts and clients. Takes about ten minutes.
attack:
	HOMELINE_ATTACK_SECONDS=$${HOMELINE_ATTACK_SECONDS:-5} scripts/tests.sh attack

check: lint lines
	scripts/tests.sh plain release

# Format, which room may name which, and the width of comments (needs python3, as the tests do).
lint:
	swift format lint --strict --parallel --recursive $(sources)
	scripts/fences.py
	scripts/columns.py

format:
	swift format --in-place --parallel --recursive $(sources)

lines:
	@git ls-files '*.swift' | xargs wc -l | awk '$$2 != "total" && $$1 > 450 \
	    { print $$2 ": " $$1 " lines, at most 450"; long = 1 } END { exit long }'

bench: release
	swift build $(release) --product homeline-bench
	bench/peers/run

# What a hostile agent and a hostile client cost another principal's call: at most 50 ms each.
fairness: release
	swift build $(release) --product homeline-bench
	scripts/python.sh
	.deps/venv/bin/python bench/peers/fairness.py `swift build -c release --show-bin-path` --check

# What a session notices of a file transfer of the same agent: at most 5 ms.
beside: release
	scripts/python.sh
	.deps/venv/bin/python bench/peers/beside.py `swift build -c release --show-bin-path` --check

# 200 unused links: memory and CPU time of the agent; takes nine and a half minutes.
idle: release
	scripts/python.sh
	.deps/venv/bin/python bench/peers/idle.py `swift build -c release --show-bin-path` --seconds 570

# Ten thousand simulated agents on one relay: one table, and a failure beyond a budget. Takes about
# four minutes (SCALE="--agents 1000" is quicker).
scale: release
	swift build $(release) --product homeline-bench
	python3 bench/peers/scale.py `swift build -c release --show-bin-path` --check $(SCALE)

# ./run --once and ./test on a fresh Debian 12 and 13, each made in a folder (root, debootstrap).
# FRESH=--no-admin: without CAP_SYS_ADMIN, as in a container; FRESH=--user: by a user with sudo.
fresh:
	for debian in 12 13; do scripts/fresh.sh $$debian $(FRESH) || exit; done

# The agent that a relay hands out, as one static program (18 MB), in .build/agents.
agent-static:
	scripts/agent-static.sh

# The pasted line on bare machines: Debian 11 to 13 and BusyBox alone (root, debootstrap,
# busybox-static). Needs `make build agent-static`.
install-roots:
	scripts/install-roots.sh

clean:
	rm -rf .build .build-tsan
