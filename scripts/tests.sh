#!/bin/sh
# Builds and runs the tests. At the end it lists what was skipped (with reasons) and what failed;
# the last line is `N passed, N failed, N skipped`.
#   scripts/tests.sh [plain] [thread] [release] [lab] [fuzz] [differential] [soak] [attack]
# thread: under the thread sanitizer, in a separate build; release: the optimized programs end to
# end; lab, fuzz, differential, soak: these alone; attack: the optimized programs under the attacks
# of Tests/Security.
# A test that fails is run again without company: if it passes then, it is listed as `unsteady`, a
# fault to mend that does not fail the run. HOMELINE_LAB=long allows no second time.
# A run of the test program that takes too long is ended, with a list of what its threads wait for,
# and made once more.
# Ends processes that a test left running, found by the mark of this run. Fails if a test failed.
set -eu
cd "$(dirname "$0")/.."
reports=$(mktemp -d)
HOMELINE_TEST_RUN=run-$$
# In this file a test names the parts of itself that it leaves out (Tests/Support/Need.swift).
HOMELINE_TEST_LEFT_OUT=$reports/left-out
export HOMELINE_TEST_RUN HOMELINE_TEST_LEFT_OUT
# Many tests start servers and programs: only a few run at a time, or a small machine is overloaded.
SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=4
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH
# Swift's backtracer may hang when a program crashes while it exits.
SWIFT_BACKTRACE=${SWIFT_BACKTRACE:-enable=no}
export SWIFT_BACKTRACE
flags='--explicit-target-dependency-import-check error'
# The seconds that one run of the test program may take, where the longest takes 900 on two cores;
# what runs for long by intention has four hours.
limit=
failed=0
mark=HOMELINE_TEST_RUN=$HOMELINE_TEST_RUN

# The processes that carry the mark of this run, and so those that its tests started.
marked() {
    for file in /proc/[0-9]*/environ; do
        id=${file#/proc/} id=${id%/environ}
        if { tr '\0' '\n' <"$file" | grep -qx "$mark"; } 2>/dev/null; then echo "$id"; fi
    done
}

sweep() {
    unset HOMELINE_TEST_RUN # what runs from here on does not carry the mark
    for id in $(marked); do kill -KILL "$id" 2>/dev/null || :; done
}
trap 'sweep; rm -rf "$reports"' EXIT
trap 'exit 130' INT TERM

# The tests that failed in a report, each as a pattern for --filter: anything but letters and digits
# of their names is matched by any character.
failures() {
    awk '/<testcase/ { test = $0; isListed = 0 }
        /<failure/ && !isListed {
            isListed = 1
            match(test, / name="[^"]*"/); name = substr(test, RSTART + 7, RLENGTH - 8)
            match(test, /classname="[^"]*"/); suite = substr(test, RSTART + 11, RLENGTH - 12)
            gsub(/&[a-z]+;|&#[0-9]+;/, ".", name)
            name = suite "." name
            gsub(/[^A-Za-z0-9]/, ".", name)
            print "^" name
        }' "$1"
}

# Ends a run that goes on after the limit, and shows what its processes wait for. `swift test` also
# waits for every process that has its output open.
watch() {
    sleep "$limit"
    : >"$reports/hung"
    echo "== tests: still running after $limit s; the processes, with the system calls of their threads:"
    for id in $(marked); do
        tr '\0' ' ' <"/proc/$id/cmdline" && echo
        for thread in "/proc/$id/task"/*; do
            echo "    $(cat "$thread/comm"): $(cat "$thread/wchan") $(cat "$thread/syscall")"
        done
        case $(readlink "/proc/$id/exe") in
        *PackageTests.xctest)
            ! command -v gdb >/dev/null ||
                timeout 120 gdb -p "$id" -batch -ex 'thread apply all bt 24' || :
            ;;
        esac
    done 2>&1
    for id in $(marked); do kill -KILL "$id" 2>/dev/null || :; done
}

# `swift test` with these arguments, under the limit.
limited() {
    rm -f "$reports/hung"
    watch &
    watcher=$!
    # shellcheck disable=SC2086
    swift test $flags --skip-build "$@" && passed=1 || passed=
    # Its `sleep` carries the mark of this run, and ends with it.
    kill "$watcher" 2>/dev/null || :
    wait "$watcher" 2>/dev/null || :
    [ -n "$passed" ]
}

# Whether a report has tests and no failure.
isClean() { grep -q '<testcase' "$1" 2>/dev/null && ! grep -q '<failure' "$1"; }

# Notes that a run whose tests have all passed ended badly all the same.
noteEnd() {
    printf 'the run "%s"\tits program crashed after the last test: a fault to mend\n' "$1" \
        >>"$HOMELINE_TEST_LEFT_OUT"
}

# One run of the test program; $1 names its report, the rest goes to `swift test`.
run() {
    name=$1
    shift
    echo "== tests: $name"
    began=$(date +%s)
    limited --xunit-output "$reports/$name.xml" "$@" && passed=1 || passed=
    if [ -f "$reports/hung" ] && [ "${HOMELINE_LAB:-}" != long ]; then
        echo "== tests: $name, once more, as it hung"
        printf 'the run "%s"\tit hung, and was made once more (see above)\n' "$name" \
            >>"$HOMELINE_TEST_LEFT_OUT"
        limited --xunit-output "$reports/$name.xml" "$@" && passed=1 || passed=
    fi
    echo "== tests: $name took $(($(date +%s) - began)) s"
    [ -z "$passed" ] || return 0
    if isClean "$reports/$name-swift-testing.xml"; then
        noteEnd "$name"
        return 0
    fi
    patterns=$(failures "$reports/$name-swift-testing.xml" 2>/dev/null)
    # More failures than these are a break, which a second time would only make later.
    if [ "${HOMELINE_LAB:-}" = long ] || [ -z "$patterns" ] || [ "$(echo "$patterns" | wc -l)" -gt 5 ]; then
        failed=1
        return
    fi
    echo "== tests: $name, once more what failed"
    options='--no-parallel'
    while [ $# -gt 0 ]; do
        case $1 in
        --filter | --skip) shift 2 ;;
        *)
            options="$options $1"
            shift
            ;;
        esac
    done
    for pattern in $patterns; do options="$options --filter $pattern"; done
    # shellcheck disable=SC2086
    limited --xunit-output "$reports/again-$name.xml" $options && return 0
    isClean "$reports/again-$name-swift-testing.xml" || failed=1
}

[ $# -gt 0 ] || set -- plain
kinds=$#
for kind in "$@"; do
    case $kind in
    plain | release) limit=${HOMELINE_TEST_LIMIT:-1500} ;;
    *) limit=${HOMELINE_TEST_LIMIT:-14400} ;;
    esac
    case $kind in
    plain)
        # shellcheck disable=SC2086
        swift build $flags --build-tests
        # the cost of an await, and the work that a flood makes, are measured on the only loop of
        # the process, so these tests run alone
        # most of these wait for a shell or a server
        SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=6
        run modules --skip '^(EndToEnd|Interop|Security|SessionLab|FuzzTests)\.' --skip 'Executor cost' \
            --skip '(Loud|Flood)Tests'
        SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=4
        # what hangs on the server, once more with OpenSSH 10
        if [ -x .deps/servers/bin/sshd ]; then
            export HOMELINE_OPENSSH=debian13
            run openssh10 --filter '^SSHTests\.(ExitStatus|Greeting|HostKey|Tries)Tests' \
                --filter 'its host closes without a status'
            unset HOMELINE_OPENSSH
        fi
        run cost --filter 'Executor cost'
        run loud --filter LoudTests
        run floods --no-parallel --filter FloodTests
        # every kind of case in every shell, with all cores busy and over a slow line; beside it,
        # random terminal output
        run lab --filter '^(SessionLab|FuzzTests)\.' --skip ParserTests
        run whole --filter '^(EndToEnd|Interop|Security)\.' --skip 'Security.*(Hostile(Agent|Host)|Stranger)Tests'
        # these measure how long others wait, or keep the loop busy, so they run without company
        run attacks --no-parallel \
            --filter '^(Security\..*(Hostile(Agent|Host)|Stranger)Tests|FuzzTests\.ParserTests)'
        ;;
    lab | fuzz | differential | soak)
        # shellcheck disable=SC2086
        swift build $flags --build-tests
        case $kind in
        lab) filter='^SessionLab\.' ;;
        fuzz) filter='^FuzzTests\.' ;;
        soak) filter='^EndToEnd\.AtMostOnceTests|A.lasting.stream' ;;
        *) filter='^(AgentTests\.DifferentialTests|HTTPTests\.HeadDifferenceTests)' ;;
        esac
        run "$kind" --filter "$filter"
        ;;
    thread)
        # shellcheck disable=SC2086
        swift build $flags --build-tests --sanitize=thread --scratch-path .build-tsan
        # one module at a time: they share a loop, and a sanitized one is slow; tests that count or
        # time work are meaningless there, those that write tens of megabytes keep the loop from
        # others, and those that only vary what shells are given take the same ways each time
        given='Configuration|Dotfiles|Frame|Image|Incomplete|Interrupt|Listing|Login|Nonce|Prompt|PromptText|Trace|Truth'
        for module in Loop Net Tunnel Relay Agent; do
            run "thread-$module" --sanitize=thread --scratch-path .build-tsan \
                --filter "^${module}Tests\." --skip 'Executor cost' \
                --skip '(SessionsLong|Flood|DotfileKit|Spool)Tests' --skip "Sessions($given)Tests"
        done
        ;;
    release)
        # as they are shipped: what the optimizer breaks shows nowhere else
        make --silent release
        # shellcheck disable=SC2086
        swift build $flags --build-tests
        HOMELINE_PROGRAMS=$(swift build -c release --show-bin-path)
        export HOMELINE_PROGRAMS
        run release --filter '^EndToEnd\.' --skip AtMostOnceTests
        unset HOMELINE_PROGRAMS
        ;;
    attack)
        make --silent release
        # shellcheck disable=SC2086
        swift build $flags --build-tests
        HOMELINE_PROGRAMS=$(swift build -c release --show-bin-path)
        export HOMELINE_PROGRAMS
        echo "== strangers"
        python3 Tests/Security/python/attack.py "$HOMELINE_PROGRAMS" \
            --seconds "${HOMELINE_ATTACK_SECONDS:-5}" || failed=1
        run attack --no-parallel --filter '^Security\.' --skip StrangerTests
        unset HOMELINE_PROGRAMS
        ;;
    *)
        echo "tests.sh: no kind '$kind'; there are: plain thread release lab fuzz differential soak attack" >&2
        exit 64
        ;;
    esac
done

# Skipped and failed tests are listed again at the end, as nobody searches thousands of lines for
# them. A run that crashed leaves no report: it counts as one failure.
touch "$HOMELINE_TEST_LEFT_OUT"
sort -u "$HOMELINE_TEST_LEFT_OUT" >"$reports/left-out.tsv"
for report in "$reports"/again-*-swift-testing.xml "$reports"/*-swift-testing.xml; do
    [ ! -f "$report" ] || set -- "$@" "$report"
done
shift "$kinds"
awk -v failed="$failed" '
    function plain(text) { # XML as plain text
        gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&quot;/, "\"", text)
        gsub(/&#8594;/, "->", text); gsub(/&amp;/, "\\&", text)
        return text
    }
    # the value of an attribute
    function value(name) {
        if (!match($0, name "=\"[^\"]*\"")) return ""
        return plain(substr($0, RSTART + length(name) + 2, RLENGTH - length(name) - 3))
    }
    # one line for each skipped test and reason, in order
    function skip(what, why) {
        if ((what, why) in seen) return
        seen[what, why] = 1
        skips[++skipped] = what ": " why
    }
    # a line about a failure; what failed for good is shown last, where one looks first
    function note(line) {
        if (isUnsteady) weak[++weaks] = line
        else fails[++lines] = line
    }
    FNR == 1 {
        isAgain = FILENAME ~ /\/again-/
        file = FILENAME; sub(/.*\/(again-)?/, "", file)
    }
    /<testcase/ {
        test = value("classname") " " value(" name")
        if (isAgain) isSteady[file, test] = 1; else total++
    }
    /<failure/ && isAgain { isSteady[file, test] = 0; next }
    /<failure/ {
        isUnsteady = isSteady[file, test]
        if (!bad) {
            bad = 1
            if (!isUnsteady) failures++
            note((isUnsteady ? "unsteady: " : "failed: ") test)
        }
        # a message may hold a whole output; its beginning tells what was expected
        note("    " substr(value("message"), 1, 600))
    }
    isAgain { next }
    /<skipped/ {
        why = $0
        gsub(/^ *<skipped *\/?>|<\/skipped>.*$/, "", why)
        total--
        skip(test, why == "" ? "no reason given" : plain(why))
    }
    /<testcase|<\/testcase>/ { bad = 0 }
    isLeftOut && split($0, part, "\t") == 2 { skip(part[1], part[2]) }
    END {
        if (failed && !failures) {
            failures = 1; total++
            fails[++lines] = "failed: a run of the tests ended without a report (see above)"
        }
        for (i = 1; i <= skipped; i++) print "skipped: " skips[i]
        for (i = 1; i <= weaks; i++) print weak[i]
        for (i = 1; i <= lines; i++) print fails[i]
        printf "%d passed, %d failed, %d skipped\n", total - failures, failures, skipped
        exit failures > 0
    }' "$@" isLeftOut=1 "$reports/left-out.tsv"
